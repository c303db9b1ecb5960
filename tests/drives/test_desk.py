"""The treasurer's desk, as a treasurer uses it: from the draft to the final account."""

import re
from dataclasses import replace
from datetime import timedelta

import pytest
from django.core import mail
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from drive_factories import give, make_drive
from factories import make_user
from largesse.accounts.models import Role
from largesse.drives.account import account_of
from largesse.drives.actions.change_contract import change_contract
from largesse.drives.actions.change_mind import returnable
from largesse.drives.actions.draft_drive import LineDraft, draft_of
from largesse.drives.actions.end_drives import end_drives
from largesse.drives.donors import Identity, keep_identity, private_path
from largesse.drives.errors import NothingChanged
from largesse.drives.figures import figures_of
from largesse.drives.models import BudgetLine, Drive, Expense, MatchingPledge, Refund, StretchGoal
from largesse.jobs.worker import Worker
from largesse.journal.models import Row
from largesse.kit.clock import utc_now
from largesse.ledger.checks import check

pytestmark = pytest.mark.django_db
PDF = b"%PDF-1.7 a redacted receipt"


def signed_in(name: str, role: Role = Role.TREASURER) -> Client:
    client = Client()
    client.force_login(make_user(name, role=role), backend="allauth.account.auth_backends.AuthenticationBackend")
    return client


@pytest.fixture
def desk() -> Client:
    return signed_in("ines")


def words(client: Client, path: str) -> str:
    answer = client.get(path)
    assert answer.status_code == 200, (path, answer.status_code)
    return answer.getvalue().decode().replace("\u00a0", " ").replace("&nbsp;", " ")


def errors(answer: object) -> list[str]:
    return re.findall(r'class="err"[^>]*>.*?</svg> (.*?)</span>', answer.content.decode())  # type: ignore[attr-defined]


def work() -> None:
    worker = Worker()
    while worker.run_one():
        pass


DRAFT = {
    "title": "Counsel for December",
    "slug": "counsel",
    "lede": "One month.",
    "currency": "usd",
    "goal": "30 000",
    "period": "monthly",
    "carry_over": "carry",
    "counted": "gross",
    "starts_at": "2004-12-14T12:00",
    "ends_at": "",
    "purpose": "Legal costs.",
    "lines": "Counsel; four items; 25000\nCourt fees; 5000",
    "shortfall": "We keep it.",
    "surplus": "To the reserve.",
    "refund_days": "30",
    "holder": "The society.",
}

FORMS_OF_A_DRIVE = ("terms", "update", "matching", "stretch", "cash", "expense")


def test_only_who_keeps_books_sees_the_desk(client: Client) -> None:
    assert client.get("/treasury/")["Location"].startswith("/account/login/")
    for role in (Role.MEMBER, Role.PUBLISHER, Role.MODERATOR):
        assert signed_in(role, role).get("/treasury/").status_code == 403
    assert signed_in("admin", Role.ADMINISTRATOR).get("/treasury/").status_code == 200


def test_a_drive_goes_from_draft_to_open(desk: Client, client: Client) -> None:
    assert "No drive yet" in words(desk, "/treasury/")
    assert errors(desk.post("/treasury/new/", {**DRAFT, "goal": "much", "lines": "no cost"})) != []
    assert desk.post("/treasury/new/", DRAFT)["Location"] == "/treasury/drives/counsel/"
    drive = Drive.objects.get()
    assert (drive.currency, drive.goal_minor, drive.state) == ("USD", 3_000_000, "draft")
    assert [(line.name, line.cost_minor) for line in drive.lines.all()] == [
        ("Counsel", 2_500_000),
        ("Court fees", 500_000),
    ]
    assert client.get("/drives/counsel/").status_code == 404
    desk.post("/treasury/drives/counsel/edit/", {**DRAFT, "lede": "One month of counsel."})
    shown = words(desk, "/treasury/drives/counsel/open/")
    desk.post("/treasury/drives/counsel/open/")
    contract = drive.contracts.get()
    assert contract.hash in shown
    assert "One month of counsel." in words(client, "/drives/counsel/")
    assert desk.get("/treasury/drives/counsel/edit/").status_code == 404
    assert Row.objects.filter(kind="drives.opened").count() == 1


def test_what_a_draft_lacks_is_said_before_it_opens(desk: Client) -> None:
    drive = make_drive()
    Drive.objects.update(state="draft", holder="  ")
    answer = desk.post(f"/treasury/drives/{drive.slug}/open/")
    assert answer.status_code == 422
    assert "The terms are not whole: holder" in answer.content.decode()


@pytest.mark.parametrize(
    ("said", "sentence"),
    [
        ({"currency": "XXQ"}, "is not a currency code"),
        ({"period": "once"}, "Say when it ends"),
        ({"ends_at": "2004-12-13T12:00"}, "The end is before the beginning"),
        ({"goal": "0"}, "Write an amount above zero"),
        ({"lines": "A; 5\nA; 6"}, "stands there twice"),
        ({"slug": "december"}, "Another drive has the address"),
    ],
)
def test_a_draft_that_cannot_be_is_told_why(desk: Client, said: dict[str, str], sentence: str) -> None:
    make_drive()
    answer = desk.post("/treasury/new/", {**DRAFT, **said})
    assert answer.status_code == 422
    assert any(sentence in error for error in errors(answer)), errors(answer)


def test_changed_terms_are_told_and_open_a_window(desk: Client, client: Client) -> None:
    drive = make_drive()
    settlement = give(drive, 5_000)
    keep_identity(settlement.donation, Identity(email="donor@example.org"))
    page = desk.get(f"/treasury/drives/{drive.slug}/terms/")
    said = dict(re.findall(r'name="(\w+)" value="([^"]*)"', page.content.decode()))
    said |= {
        "purpose": "Legal costs of two months.",
        "why": "The case goes on.",
        "window_days": "20",
        "goal": "60000",
        "currency": "EUR",
        "shortfall": "We keep what came in.",
        "surplus": "It goes to the reserve.",
        "lines": "",
        "counted": "gross",
        "carry_over": "carry",
        "ends_at": (utc_now() + timedelta(days=40)).strftime("%Y-%m-%dT%H:%M"),
    }
    answer = desk.post(f"/treasury/drives/{drive.slug}/terms/", said)
    assert answer.status_code == 302, errors(answer)
    drive.refresh_from_db()
    old, new = drive.contracts.order_by("version")
    assert (drive.currency, drive.goal_minor, new.version) == ("USD", 6_000_000, 2)
    assert new.refund_until is not None
    work()
    assert mail.outbox[-1].to == ["donor@example.org"]
    assert "The case goes on." in mail.outbox[-1].body
    assert private_path(settlement.donation) in mail.outbox[-1].body
    before = len(mail.outbox)
    work()
    assert len(mail.outbox) == before
    public = words(client, f"{drive.path}contract/2/")
    assert "The case goes on." in public
    assert "<code>purpose</code>" in public
    assert "Legal costs of one month." in words(client, f"{drive.path}contract/1/")
    assert "The terms were changed on" in words(client, drive.path)
    assert old.hash != new.hash


def test_a_donor_of_old_terms_has_the_window(desk: Client) -> None:
    drive = make_drive()
    old = give(drive, 5_000, reference="old")
    late = utc_now() + timedelta(days=35)
    assert returnable(old.donation, clock=lambda: late) == []
    draft = draft_of(drive)
    with pytest.raises(NothingChanged):
        change_contract(drive, draft, treasurer=make_user("p", role=Role.TREASURER), why="No reason")
    changed = replace(draft, surplus="It goes to the museum.", lines=(LineDraft("Counsel", "", 1),))
    change_contract(drive, changed, treasurer=make_user("q", role=Role.TREASURER), why="A museum asked", window_days=60)
    assert [row.reason for row in returnable(old.donation, clock=lambda: late)] == ["terms_changed"]


def test_cash_is_recorded_once(desk: Client, client: Client) -> None:
    drive = make_drive()
    path = f"/treasury/drives/{drive.slug}/cash/"
    nonce = re.search(r'name="nonce" value="([^"]+)"', words(desk, path))
    assert nonce is not None
    said = {"amount": "206.40", "received_at": "2026-11-20T10:00", "name": "Ada", "nonce": nonce.group(1)}
    for _ in range(2):
        assert desk.post(path, said).status_code == 302
    assert figures_of(drive).settled_minor == 20_640
    assert "Ada" in words(client, drive.path)
    assert errors(desk.post(path, {**said, "amount": "-1"})) == ["Write an amount above zero."]


def test_an_expense_takes_two_people_and_shows_its_receipt(desk: Client, client: Client) -> None:
    drive = make_drive()
    give(drive, 500_000)
    said = {
        "description": "Two disks",
        "amount": "1148",
        "incurred_at": "2026-11-20T10:00",
        "receipt": SimpleUploadedFile("receipt.pdf", PDF),
    }
    path = desk.post(f"/treasury/drives/{drive.slug}/expense/", said)["Location"]
    expense = Expense.objects.get()
    assert "Two disks" not in words(client, drive.path)
    assert client.get(f"/ledger/receipt/{expense.public_id}/").status_code == 404
    desk.post(path, {"paid_from": "cash"})
    assert "You approved it. A second person has to." in words(desk, path)
    assert desk.post(path, {"paid_from": "cash"}).status_code == 422
    signed_in("paul").post(path, {"paid_from": "cash"})
    page = words(client, drive.path)
    assert "Two disks" in page
    receipt = client.get(f"/ledger/receipt/{expense.public_id}/")
    assert receipt.getvalue() == PDF
    assert receipt["Content-Type"] == "application/pdf"
    assert "sandbox" in receipt["Content-Security-Policy"]
    assert "1 148 $" in words(client, f"{drive.path}feed/").replace("−", "")
    assert list(check()) == []


def test_a_receipt_that_is_none_is_refused(desk: Client) -> None:
    drive = make_drive()
    said = {"description": "x", "amount": "1", "incurred_at": "2026-11-20T10:00"}
    html = SimpleUploadedFile("receipt.pdf", b"<script>alert(1)</script>")
    answer = desk.post(f"/treasury/drives/{drive.slug}/expense/", {**said, "receipt": html})
    assert answer.status_code == 422
    assert "A receipt is a PDF, PNG or JPEG" in answer.content.decode()


def test_privileged_detail_shows_the_amount_alone(desk: Client, client: Client) -> None:
    drive = make_drive()
    give(drive, 500_000)
    said = {
        "description": "Opinion on Rivemont",
        "amount": "1200",
        "incurred_at": "2026-11-20T10:00",
        "is_privileged": "on",
        "receipt": SimpleUploadedFile("receipt.pdf", PDF),
    }
    path = desk.post(f"/treasury/drives/{drive.slug}/expense/", said)["Location"]
    for person in (desk, signed_in("paul")):
        person.post(path, {"paid_from": "cash"})
    expense = Expense.objects.get()
    assert expense.entry is not None
    pages = (drive.path, f"{drive.path}feed/", f"{drive.path}account/", f"/ledger/entry/{expense.entry.public_id}/")
    for page in (*pages, "/ledger/csv/", "/api/v1/journal"):
        shown = words(client, page)
        assert "Rivemont" not in shown, page
    assert client.get(f"/ledger/receipt/{expense.public_id}/").status_code == 404
    assert "Amount only" in words(client, drive.path)


def test_a_drives_money_is_for_it_alone(desk: Client) -> None:
    drive, other = make_drive(), make_drive(slug="other", title="Other")
    give(other, 900_000, reference="2")
    give(drive, 100_000)
    said = {"description": "x", "amount": "1000.01", "incurred_at": "2026-11-20T10:00"}
    path = desk.post(f"/treasury/drives/{drive.slug}/expense/", said)["Location"]
    desk.post(path, {"paid_from": "cash"})
    answer = signed_in("paul").post(path, {"paid_from": "cash"})
    assert answer.status_code == 422
    assert "Only 1000.00 USD is there for this" in answer.content.decode()
    assert Expense.objects.get().entry is None


def test_one_drive_is_pinned(desk: Client, client: Client) -> None:
    first, second = make_drive(), make_drive(slug="second", title="Second")
    for drive in (first, second):
        desk.post(f"/treasury/drives/{drive.slug}/pin/", {"pinned": "yes"})
    assert list(Drive.objects.filter(is_pinned=True)) == [second]
    assert "Second" in words(client, "/")
    desk.post(f"/treasury/drives/{second.slug}/pin/", {"pinned": "no"})
    assert not Drive.objects.filter(is_pinned=True).exists()


@pytest.mark.parametrize("form", ["new/", *(f"drives/december/{name}/" for name in FORMS_OF_A_DRIVE), "statement/"])
def test_a_blank_form_complains_of_nothing(desk: Client, form: str) -> None:
    assert make_drive().slug == "december"
    answer = desk.get(f"/treasury/{form}")
    assert (answer.status_code, errors(answer)) == (200, [])
    assert desk.post(f"/treasury/{form}", {}).status_code == 422


def test_updates_pledges_and_goals_are_told(desk: Client, client: Client) -> None:
    drive = make_drive()
    give(drive, 30_000)
    base = f"/treasury/drives/{drive.slug}/"
    desk.post(f"{base}update/", {"title": "The hearing is set", "text": "On **Friday**."})
    start, end = utc_now() - timedelta(days=1), utc_now() + timedelta(days=5)
    times = {"starts_at": start.strftime("%Y-%m-%dT%H:%M"), "ends_at": end.strftime("%Y-%m-%dT%H:%M")}
    desk.post(f"{base}matching/", {"name": "The library", "cap": "250", **times})
    desk.post(f"{base}stretch/", {"name": "An appeal", "amount": "40000"})
    assert (MatchingPledge.objects.count(), StretchGoal.objects.count()) == (1, 1)
    page = words(client, drive.path)
    assert "The hearing is set" in page
    assert "<strong>Friday</strong>" in page
    assert re.search(r"The library.*?250 \$</span>", page, re.DOTALL)
    assert re.search(r"An appeal.*?39 700 \$ missing", page, re.DOTALL)
    assert "The hearing is set" in words(client, f"{drive.path}feed/")
    assert figures_of(drive).settled_minor == 30_000
    bad = desk.post(
        f"{base}matching/", {"name": "x", "cap": "1", "starts_at": times["ends_at"], "ends_at": times["starts_at"]}
    )
    assert errors(bad) == ["The end is before the beginning."]


def test_a_drive_is_closed_by_wind_down(desk: Client, client: Client) -> None:
    drive = make_drive()
    for number, amount in enumerate((10_000, 2_500, 3_333)):
        settlement = give(drive, amount, reference=str(number))
        keep_identity(settlement.donation, Identity(email=f"donor{number}@example.org"))
    preview = words(desk, f"/treasury/drives/{drive.slug}/close/")
    assert "158.33 $ is not spent and goes back" in preview
    assert "33.33 $" in preview
    desk.post(f"/treasury/drives/{drive.slug}/close/")
    work()
    assert len([one for one in mail.outbox if "goes back to you" in one.subject]) == 3
    assert "3 refunds wait" in words(desk, "/treasury/refunds/")
    for refund in Refund.objects.all():
        desk.post(f"/treasury/refunds/{refund.public_id}/", {"paid_from": "cash", "reference": f"slip {refund.pk}"})
    end_drives()
    drive.refresh_from_db()
    assert drive.state == "closed"
    account = words(client, f"{drive.path}account/")
    assert "Final account" in account
    assert "−158.33 $" in account
    assert "This drive is closed." in words(client, drive.path)
    assert list(check()) == []


def test_all_or_nothing_gives_everything_back_when_it_misses(client: Client) -> None:
    drive = make_drive(period="all_or_nothing", ends_at=utc_now() + timedelta(hours=1))
    give(drive, 10_000, fee_minor=320)
    give(drive, 20_000, reference="2")
    end_drives()
    assert not Refund.objects.exists()
    after = utc_now() + timedelta(hours=2)
    for _ in range(2):
        end_drives(clock=lambda: after)
    assert sorted(Refund.objects.values_list("amount_minor", "reason")) == [
        (10_000, "goal_missed"),
        (20_000, "goal_missed"),
    ]
    account = account_of(drive)
    assert (account.given_minor, account.shared_minor, account.left_minor) == (30_000, 30_000, -320)
    assert "If it is not met, everybody gets everything back." in words(client, drive.path)
    assert list(check()) == []


def test_all_or_nothing_keeps_what_met_its_goal() -> None:
    drive = make_drive(period="all_or_nothing", ends_at=utc_now() + timedelta(hours=1))
    give(drive, 3_000_000)
    end_drives(clock=lambda: utc_now() + timedelta(hours=2))
    assert not Refund.objects.exists()


def test_all_or_nothing_spends_nothing_before_its_goal(desk: Client) -> None:
    drive = make_drive(period="all_or_nothing")
    give(drive, 100_000)
    said = {"description": "x", "amount": "10", "incurred_at": "2026-11-20T10:00"}
    path = desk.post(f"/treasury/drives/{drive.slug}/expense/", said)["Location"]
    desk.post(path, {"paid_from": "cash"})
    assert "nothing is spent before" in signed_in("paul").post(path, {"paid_from": "cash"}).content.decode()


def test_a_line_that_money_was_spent_on_stays(desk: Client) -> None:
    drive = make_drive()
    line = BudgetLine.objects.create(drive=drive, position=0, name="Counsel", cost_minor=100)
    Expense.objects.create(
        drive=drive,
        line=line,
        description="x",
        amount_minor=1,
        incurred_at=utc_now(),
        proposed_by=make_user("p"),
        proposed_at=utc_now(),
    )
    Drive.objects.update(state="draft")
    answer = desk.post(f"/treasury/drives/{drive.slug}/edit/", {**DRAFT, "lines": "Other; 5"})
    assert "Money was spent on “Counsel”, or given for it" in answer.content.decode()
