"""
The story of December 2004, from the notice to the final account, as real processes and as people do it with a browser.

An index lists recordings, and its tracker has a live swarm. A notice dated 14 December 2004 names three of them. There is no
notice desk in the program yet, so the operator answers it with what is there: each item is looked at for itself, one listing is
withdrawn with its reason in the public journal (and the tracker refuses it), two stay, and a site notice says so item by item.
Once the desk is there this test shall go through it instead.

Then the operator opens a drive for 30,000 USD a month. Gifts by transfer (a CSV statement) and by card (a fake Stripe that
speaks HTTP) reach 20,640: page, badge, widget, feed and API say 69 %. An expense is published, the drive closes by wind-down, and
every published figure is recomputed from the exported ledger alone.
"""

import json
import re
import shutil
import subprocess
from collections import Counter
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import httpx
import pytest

from factories import make_metainfo
from fakes import stripe
from fakes.http import serving
from largesse.drives.rules.work import Challenge, solve
from processes import RunningSite, run, start_site, wait_for
from tools import tool
from tracker_talk import decode, get
from web_forms import Visitor, close_all, plain

IBAN = "DE89370400440532013000"
PASSWORD = "correct horse battery"
PEOPLE = """
from largesse.accounts.actions.tokens import make_token
from largesse.accounts.models import Role, User
for name, role in (("olga", Role.ADMINISTRATOR), ("ines", Role.TREASURER), ("paul", Role.TREASURER), ("ada", Role.PUBLISHER)):
    user = User(username=name, role=role)
    user.set_password("correct horse battery")
    user.save()
print(make_token(user, name="test").secret)
"""
LINES = "Counsel; answering the notice, item by item; 25000\nCourt fees; what the court asks; 5000"
TRANSFERS = (10_000, 5_000, 2_500)
CARDS = (2_000, 1_140)
"""They sum to 20,640 USD."""
FEE_MINOR = 60
EXPENSE_MINOR = 1_148_00


@pytest.fixture
def bank() -> Iterator[stripe.FakeStripe]:
    fake = stripe.FakeStripe(fee=FEE_MINOR)
    with serving(fake):
        yield fake


@pytest.fixture
def site(tmp_path: Path, bank: stripe.FakeStripe) -> Iterator[RunningSite]:
    environment = {
        "LARGESSE_FUND_BANK_IBAN": IBAN,
        "LARGESSE_FUND_BANK_ACCOUNT_HOLDER": "The Rivemont Society",
        "LARGESSE_FUND_STRIPE_SECRET_KEY": stripe.SECRET_KEY,
        "LARGESSE_FUND_STRIPE_WEBHOOK_SECRET": stripe.WEBHOOK_SECRET,
        "LARGESSE_FUND_STRIPE_API": bank.address,
    }
    with start_site(tmp_path, environment=environment) as running:
        yield running
        close_all()


def test_december_2004(site: RunningSite, bank: stripe.FakeStripe) -> None:
    token = site.shell(PEOPLE)
    olga, ines, paul = (Visitor(site.site).sign_in(name, PASSWORD) for name in ("olga", "ines", "paul"))
    recordings = [publish(site, token, number) for number in range(3)]
    for recording in recordings:
        wait_for(lambda recording=recording: announce(site, recording) is None)  # type: ignore[misc]
    wait_for(lambda: all('id="seeders">1<' in httpx.get(one["page"]).text for one in recordings), seconds=30)

    answer_the_notice(site, olga, recordings)
    open_the_drive(ines)
    give_by_transfer(site, ines)
    give_by_card(site, bank)
    everything_says_69_percent(site)
    spend(site, ines, paul)
    wind_down(site, ines)


def publish(site: RunningSite, token: str, number: int) -> dict[str, Any]:
    answer = httpx.post(
        f"{site.site}/api/v1/torrents",
        headers={"Authorization": f"Bearer {token}"},
        files={"torrent": (f"{number}.torrent", make_metainfo(f"recording-{number}.ogg"))},
        data={"title": f"Recording {number}", "licence": "CC-BY-4.0"},
    )
    assert answer.status_code == 201, answer.text
    listed: dict[str, Any] = answer.json()
    return listed


def announce(site: RunningSite, recording: dict[str, Any]) -> bytes | None:
    """Announce a seeder; return why the tracker refused it, or None."""
    address = next(url for url in site.announce if url.startswith("http://127")).split("/")[2]
    key = "".join(f"%{recording['v1'][at : at + 2]}" for at in range(0, 40, 2))
    target = (
        f"/announce?info_hash={key}&peer_id=-LT2100-december2004&port=6881&left=0&uploaded=0&downloaded=0&compact=1"
    )
    reply: dict[bytes, Any] = decode(get(address, target))
    return reply.get(b"failure reason")


def answer_the_notice(site: RunningSite, olga: Visitor, recordings: list[dict[str, Any]]) -> None:
    withdrawn, *kept = recordings
    page = httpx.URL(withdrawn["page"]).path
    reason = "Notice of 14 December 2004, item 1: the rights holder shows a licence that excludes sharing."
    olga.submit(f"{page}withdraw/", {"reason": reason}, status=410)
    wait_for(lambda: announce(site, withdrawn) is not None, seconds=10)
    text = "\n".join(
        [
            "A notice dated 14 December 2004 names three recordings. We looked at each.",
            f"1. *Recording 0*: withdrawn. {reason}",
            "2. *Recording 1*: stays. Its author gives it under CC BY 4.0, and says so on their own page.",
            "3. *Recording 2*: stays. The notice names another work of the same title.",
        ]
    )
    olga.submit("/news/write/", {"title": "A notice of 14 December 2004, and our answer", "text": text})
    visitor = Visitor(site.site)
    assert "A notice of 14 December 2004" in visitor.words("/")
    assert visitor.client.get(page).status_code == 410
    for recording in kept:
        assert announce(site, recording) is None
    kinds = Counter(row["kind"] for row in visitor.page("/api/v1/journal").json()["rows"])
    assert kinds["torrents.withdrawn"] == kinds["site.news_published"] == 1


def open_the_drive(ines: Visitor) -> None:
    draft = {
        "title": "Counsel for December",
        "slug": "december-2004",
        "lede": "We answer the notice of 14 December 2004 item by item, and that takes counsel.",
        "currency": "USD",
        "goal": "30 000",
        "period": "monthly",
        "starts_at": "2004-12-14T12:00",
        "purpose": "Legal costs of one month.",
        "lines": LINES,
        "shortfall": "We fund the lines from the top, as far as it goes.",
        "surplus": "It counts for the next month.",
        "holder": "The Rivemont Society, in its own account.",
    }
    ines.submit("/treasury/new/", draft)
    ines.submit("/treasury/drives/december-2004/open/")
    ines.submit("/treasury/drives/december-2004/", action="/treasury/drives/december-2004/pin/")
    assert "30 000 $ each month" in ines.words("/drives/december-2004/")


def give_by_transfer(site: RunningSite, ines: Visitor) -> None:
    rows = ["Date;Amount;Currency;Name;Reference"]
    for number, amount in enumerate(TRANSFERS):
        donor = Visitor(site.site)
        said = {"other": str(amount), "by": "bank", "email": f"donor{number}@example.org"}
        page = plain(donor.submit("/drives/december-2004/", said, action="/drives/december-2004/give/").text)
        assert "Make this transfer at your bank" in page
        reference = re.search(r"RF\d\d [0-9A-Z]{4} [0-9A-Z]{4} [0-9A-Z]{4}", page)
        assert reference is not None
        rows.append(f"2026-11-2{number};{amount}.00;USD;Donor {number};{reference.group()}")
    rows.append("2026-11-24;75.00;USD;Somebody;thank you")
    statement = "\n".join(rows).encode()
    preview = ines.submit(
        "/treasury/statement/", {"currency": "USD"}, files={"statement": ("statement.csv", statement, "text/csv")}
    )
    assert plain(preview.text).count("a gift</span>") == len(TRANSFERS), plain(preview.text)
    ines.send(preview, action="/treasury/statement/import/")
    lines = ines.words("/treasury/lines/")
    assert "It has no reference of ours." in lines
    link = re.search(r'href="(/treasury/lines/[0-9a-f]{64}/)"', lines)
    assert link is not None
    ines.submit(link.group(1), {"what": "aside", "note": "A sale, not a gift"})


def give_by_card(site: RunningSite, bank: stripe.FakeStripe) -> None:
    for amount in CARDS:
        donor = Visitor(site.site)
        form = donor.page("/drives/december-2004/")
        challenge = re.search(r'name="challenge" value="([^"]+)"><input[^>]*data-work="(\d+)"', form.text)
        assert challenge is not None
        work = solve(Challenge(challenge.group(1), int(challenge.group(2))))
        said = {"other": str(amount), "by": "stripe", "work": work}
        leaving = donor.send(form, said, action="/drives/december-2004/give/")
        checkout = re.search(rf'href="({re.escape(bank.address)}/c/pay/(cs_\d+))"', leaving.text)
        assert checkout is not None, leaving.text[:3_000]
        bank.pay(checkout.group(2))
    for event in bank.shuffled(copies=2, seed=2004):
        answer = httpx.post(f"{site.site}/webhooks/stripe/", content=event.body, headers=event.headers)
        assert answer.status_code == 200, answer.text
    told = f"{site.site}/api/v1/drives/december-2004"
    wait_for(lambda: httpx.get(told).json()["settled_minor"] >= 2_064_000, seconds=60)


def everything_says_69_percent(site: RunningSite) -> None:
    visitor = Visitor(site.site)
    told = visitor.page("/api/v1/drives/december-2004").json()
    expected = {
        "currency": "USD",
        "goal_minor": 3_000_000,
        "settled_minor": 2_064_000,
        "pending_minor": 0,
        "missing_minor": 936_000,
        "percent": 69,
        "fees_minor": FEE_MINOR * len(CARDS),
    }
    assert {name: told[name] for name in expected} == expected
    assert told["days_left"] in range(32)
    for place in ("", "badge.svg", "widget/", "feed/"):
        shown = visitor.words(f"/drives/december-2004/{place}")
        for figure in ("20 640 $ of 30 000 $", "69 %", "9 360 $ missing"):
            assert figure in shown, (place, figure)
    assert "20 640 $ of 30 000 $ · 69 %" in visitor.words("/")
    book = exported(site)
    assert book["gifts"] == told["settled_minor"] == told["gross_minor"]
    assert book["gifts"] - book["fees"] == told["net_minor"]


def spend(site: RunningSite, ines: Visitor, paul: Visitor) -> None:
    receipt = ("receipt.pdf", b"%PDF-1.4 counsel, names blacked out", "application/pdf")
    said = {"description": "Counsel, first answer", "amount": "1148", "incurred_at": "2026-11-24T10:00"}
    proposed = ines.submit("/treasury/drives/december-2004/expense/", said, files={"receipt": receipt})
    path = proposed.url.path
    ines.submit(path, {"paid_from": "bank"})
    assert "Counsel, first answer" not in Visitor(site.site).words("/drives/december-2004/")
    paul.submit(path, {"paid_from": "bank"})
    page = Visitor(site.site).words("/drives/december-2004/")
    assert "Counsel, first answer" in page
    file = re.search(r'href="(/ledger/receipt/\w+/)"', page)
    assert file is not None
    assert httpx.get(site.site + file.group(1)).content == receipt[1]
    assert exported(site)["spent"] == EXPENSE_MINOR


def wind_down(site: RunningSite, ines: Visitor) -> None:
    preview = ines.words("/treasury/drives/december-2004/close/")
    unspent = 2_064_000 - FEE_MINOR * len(CARDS) - EXPENSE_MINOR
    assert f"{unspent / 100:,.2f} $ is not spent".replace(",", " ") in preview
    ines.submit("/treasury/drives/december-2004/close/")
    for path in re.findall(r'href="(/treasury/refunds/\w+/)"', ines.page("/treasury/refunds/").text):
        if ">bank<" in ines.page("/treasury/refunds/").text:
            ines.submit(path, {})
    account = f"{site.site}/api/v1/drives/december-2004"
    wait_for(
        lambda: httpx.get(account).json()["state"] == "closed",
        seconds=60,
        telling=lambda: ines.words("/treasury/refunds/"),
    )
    page = Visitor(site.site).words("/drives/december-2004/account/")
    assert "Final account" in page
    book = exported(site)
    assert (book["spent"], book["shared"], book["owed"]) == (EXPENSE_MINOR, unspent, 0)
    for amount in (2_064_000, FEE_MINOR * len(CARDS), EXPENSE_MINOR, unspent, 0):
        assert f"{amount / 100:,.2f} $".replace(",", " ") in page, amount
    checked = run("ledger", "check", "--data", str(site.data))
    assert checked.returncode == 0, checked.stdout
    second_opinions(site)


def exported(site: RunningSite) -> dict[str, int]:
    """Recompute the drive's figures from what anybody may take away, and from nothing else."""
    document = json.loads(httpx.get(f"{site.site}/drives/december-2004/ledger/json/").text)
    sums: Counter[str] = Counter()
    for entry in document["entries"]:
        assert sum(posting["amount_minor"] for posting in entry["postings"]) == 0
        for posting in entry["postings"]:
            root, part = posting["account"].split(":")[:2]
            sums[f"{root}:{part}:{entry['kind']}"] += posting["amount_minor"]
    fees = sum(amount for name, amount in sums.items() if name.startswith("Expenses:Fees:"))
    owed = -sum(amount for name, amount in sums.items() if name.startswith("Liabilities:Refunds:"))
    return {
        "gifts": -sums["Income:Gifts:gift"],
        "fees": fees,
        "spent": sums["Expenses:Spent:expense"],
        "shared": sums["Income:Gifts:refund"],
        "owed": owed,
    }


def second_opinions(site: RunningSite) -> None:
    """Let hledger, and beancount where it is, check the exports that the site hands out."""
    for name, form, command in (
        ("hledger", "hledger", ["hledger", "check", "-f"]),
        ("bean-check", "beancount", ["bean-check"]),
    ):
        if name == "hledger":
            tool(name)
        elif shutil.which(name) is None:
            continue
        text = httpx.get(f"{site.site}/ledger/{form}/").text
        path = site.data.parent / f"book-{sha256(text.encode()).hexdigest()[:8]}.{form}"
        path.write_text(text, encoding="utf-8")
        done = subprocess.run([*command, str(path)], capture_output=True, text=True, check=False, timeout=120)
        assert done.returncode == 0, done.stderr
