"""Giving in a real browser: nothing is asked of anybody else before the donor leaves for the payment, with scripts or without."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect

from browser.conftest import Visitor
from browsing import Visit, make_account, open_visit
from fakes import stripe
from fakes.http import serving
from processes import RunningSite, start_site

pytestmark = pytest.mark.browser
DRIVE = "/drives/demo-drive/"
PAGES = (
    "/drives/",
    DRIVE,
    f"{DRIVE}give/",
    f"{DRIVE}contract/1/",
    f"{DRIVE}ledger/",
    f"{DRIVE}wall/",
    f"{DRIVE}account/",
    f"{DRIVE}widget/",
)
DESK = (
    "/treasury/",
    "/treasury/new/",
    "/treasury/statement/",
    "/treasury/lines/",
    "/treasury/refunds/",
    "/treasury/expenses/",
    "/treasury/drives/demo-drive/",
    "/treasury/drives/demo-drive/terms/",
    "/treasury/drives/demo-drive/cash/",
    "/treasury/drives/demo-drive/expense/",
    "/treasury/drives/demo-drive/close/",
)


@pytest.fixture(scope="module")
def service() -> Iterator[stripe.FakeStripe]:
    """Run a payment service at an address of its own."""
    fake = stripe.FakeStripe()
    with serving(fake):
        yield fake


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory, service: stripe.FakeStripe) -> Iterator[RunningSite]:
    """Run a site with an open drive that takes transfers and cards."""
    environment = {
        "LARGESSE_FUND_BANK_IBAN": "DE89370400440532013000",
        "LARGESSE_FUND_BANK_ACCOUNT_HOLDER": "The Rivemont Society",
        "LARGESSE_FUND_STRIPE_SECRET_KEY": stripe.SECRET_KEY,
        "LARGESSE_FUND_STRIPE_WEBHOOK_SECRET": stripe.WEBHOOK_SECRET,
        "LARGESSE_FUND_STRIPE_API": service.address,
    }
    with start_site(tmp_path_factory.mktemp("site"), environment=environment) as running:
        running.shell("from largesse.drives.demo import fill; fill()")
        make_account(running, "ines", role="treasurer")
        yield running


def test_nothing_leaves_the_site_before_the_redirect(
    site: RunningSite, browser: Browser, service: stripe.FakeStripe
) -> None:
    visit = open_visit(browser, site.site)
    answer = visit.page.goto(site.site + DRIVE)
    assert answer is not None
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "form-action 'self'" in policy
    assert "http" not in policy
    visit.page.check("input[name=amount][value='2500']", force=True)
    visit.page.check("input[name=by][value=stripe]", force=True)
    visit.page.fill("#id_email", "donor@example.org")
    assert visit.trouble() == []
    visit.page.click("#give button[type=submit]")
    visit.page.wait_for_url(f"{service.address}/c/pay/**")
    assert {url.split("/c/pay/")[0] for url in visit.outside if "favicon" not in url} == {service.address}
    made = list(service.items["checkout/sessions"].values())[-1]
    assert (made["amount_total"], made["currency"]) == (2_500, "usd")
    visit.page.context.close()


def test_a_transfer_needs_no_script(visitor: Visitor) -> None:
    visit = visitor(java_script_enabled=False)
    visit.go(DRIVE)
    visit.page.fill("#id_other", "12.50")
    visit.page.check("input[name=by][value=bank]", force=True)
    visit.page.click("#give button[type=submit]")
    expect(visit.page.locator("h1")).to_have_text("How to pay")
    expect(visit.page.locator("main")).to_contain_text(re.compile(r"RF\d\d"))
    expect(visit.page.locator("main")).to_contain_text("DE89 3704 0044 0532 0130 00")
    visit.go("/")
    expect(visit.page.locator(".strip")).to_have_count(0)


def test_a_card_without_scripts_waits_some_seconds(visitor: Visitor) -> None:
    visit = visitor(java_script_enabled=False)
    visit.go(DRIVE)
    visit.page.check("input[name=by][value=stripe]", force=True)
    visit.page.click("#give button[type=submit]")
    expect(visit.page.locator("#errors")).to_contain_text("Without scripts, this form has to be 10 seconds old")


def test_the_strip_goes_away_and_stays_away_without_a_script(visitor: Visitor) -> None:
    visit = visitor(java_script_enabled=False)
    visit.go("/")
    expect(visit.page.locator(".strip")).to_contain_text("Demo drive")
    visit.page.locator(".strip button", has_text="Hide").click()
    expect(visit.page.locator(".strip")).to_have_count(0)
    visit.go("/")
    expect(visit.page.locator(".strip")).to_have_count(0)


@pytest.mark.parametrize("language", ["en", "fr"])
@pytest.mark.parametrize("width", [320, 1280])
def test_the_funds_pages_stay_within_the_window(visitor: Visitor, language: str, width: int) -> None:
    visit = visitor(locale=language, viewport={"width": width, "height": 900})
    too_wide = [(path, room) for path in PAGES if (room := room_over(visit, path)) > 0]
    visit.sign_in("ines")
    too_wide += [(path, room) for path in DESK if (room := room_over(visit, path)) > 0]
    assert too_wide == []


def room_over(visit: Visit, path: str) -> int:
    """Open a page; return by how many pixels it is wider than the window."""
    assert visit.go(path) == 200
    width: int = visit.page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    return width
