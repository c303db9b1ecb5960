"""The gate before a payment: a proof of work, limits, and a way without scripts; no address is kept."""

import json
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from django.core.cache import cache
from django.db import connection
from django.test import Client

from drive_factories import make_drive
from fund_site import fund, with_stripe
from largesse.drives import gate
from largesse.drives.actions import pass_gate as gates
from largesse.drives.actions.pass_gate import pass_gate
from largesse.drives.errors import TooManyTries, TooSoon
from largesse.drives.models import Donation, Drive, GateCount
from largesse.drives.rules.work import (
    CALM_PER_HOUR,
    GOOD_FOR,
    LEAST_BITS,
    MOST_BITS,
    WorkWrong,
    challenge,
    is_solved,
    solve,
)
from tools import tool

pytestmark = pytest.mark.django_db
NOW = datetime(2004, 12, 14, 12, 30, tzinfo=UTC)
SCRIPT = Path(__file__).parents[2] / "src/largesse/drives/static/drives/work.js"


class Hands:
    now = NOW

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def clock() -> Hands:
    return Hands()


@pytest.fixture(autouse=True)
def _fresh_gate() -> Iterator[None]:
    gate._gathered.clear()
    yield
    gate._gathered.clear()


@pytest.fixture
def drive() -> Iterator[Drive]:
    with fund(stripe_secret_key="x", stripe_webhook_secret="y"):
        yield make_drive()


def try_once(
    drive: Drive, clock: Hands, *, address: str = "192.0.2.1", solved: bool = True, provider: str = "stripe"
) -> None:
    given = gate.challenge_of(drive, clock=clock)
    if not solved:
        clock.now += gates.WITHOUT_SCRIPT_AFTER
    solution = solve(given) if solved else ""
    pass_gate(drive, provider=provider, address=address, token=given.token, solution=solution, clock=clock)


def test_a_solved_challenge_passes_and_a_wrong_one_does_not(drive: Drive, clock: Hands) -> None:
    given = gate.challenge_of(drive, clock=clock)
    right = solve(given)
    pass_gate(drive, provider="stripe", address="192.0.2.1", token=given.token, solution=right, clock=clock)
    wrong = next(str(n) for n in range(1_000) if not is_solved(given.token, str(n), drive=drive.public_id))
    for solution in (wrong, "x", "-1", "9" * 40, "²"):
        with pytest.raises(WorkWrong):
            pass_gate(drive, provider="stripe", address="192.0.2.1", token=given.token, solution=solution, clock=clock)
    assert gate.counts(drive, clock=clock) == {"proof": 1, "wrong": 5}


def test_a_challenge_is_for_one_drive_and_for_a_time(drive: Drive, clock: Hands) -> None:
    given = gate.challenge_of(drive, clock=clock)
    other = make_drive(slug="other")
    solution = solve(given)
    for where, token, later in (
        (other, given.token, timedelta()),
        (drive, given.token + "x", timedelta()),
        (drive, "", timedelta()),
        (drive, given.token, GOOD_FOR + timedelta(seconds=1)),
    ):
        clock.now = NOW + later
        with pytest.raises(WorkWrong):
            pass_gate(where, provider="stripe", address="::1", token=token, solution=solution, clock=clock)


def test_one_proof_is_not_good_for_many_payments(drive: Drive, clock: Hands) -> None:
    given = gate.challenge_of(drive, clock=clock)
    solution = solve(given)
    for number in range(gates.PER_TOKEN):
        pass_gate(
            drive, provider="stripe", address=f"192.0.2.{number}", token=given.token, solution=solution, clock=clock
        )
    with pytest.raises(WorkWrong):
        pass_gate(drive, provider="stripe", address="192.0.2.9", token=given.token, solution=solution, clock=clock)


def test_without_scripts_the_way_is_slower_and_narrower_but_open(drive: Drive, clock: Hands) -> None:
    given = gate.challenge_of(drive, clock=clock)
    with pytest.raises(TooSoon):
        pass_gate(drive, provider="stripe", address="192.0.2.1", token=given.token, clock=clock)
    for _ in range(gates.PER_ADDRESS_WITHOUT_SCRIPT):
        try_once(drive, clock, solved=False)
    with pytest.raises(TooManyTries):
        try_once(drive, clock, solved=False)
    try_once(drive, clock, solved=True)
    told = gate.counts(drive, clock=clock)
    assert told == {"too_soon": 1, "no_script": 3, "address_limit": 1, "proof": 1}


def test_an_address_and_a_drive_have_limits_for_an_hour(
    drive: Drive, clock: Hands, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gates, "PER_DRIVE", gates.PER_ADDRESS + 2)
    for _ in range(gates.PER_ADDRESS):
        try_once(drive, clock)
    with pytest.raises(TooManyTries):
        try_once(drive, clock)
    for number in range(2):
        try_once(drive, clock, address=f"2001:db8:{number}::1")
    with pytest.raises(TooManyTries):
        try_once(drive, clock, address="2001:db8:9::1")
    try_once(drive, clock, address="203.0.113.7", provider="bank")
    clock.now += timedelta(hours=1)
    try_once(drive, clock)
    told = gate.counts(drive, clock=clock)
    assert (told["address_limit"], told["drive_limit"], told["by_hand"]) == (1, 1, 1)


def test_an_ipv6_network_counts_as_one_visitor() -> None:
    assert gate.network_of("2001:db8::1") == gate.network_of("2001:db8::ffff:1") != gate.network_of("2001:db8:0:1::1")
    assert gate.network_of("::ffff:192.0.2.1") == gate.network_of("192.0.2.1")
    assert gate.network_of("nonsense") == "unknown"


def test_the_more_is_begun_the_harder_it_gets() -> None:
    bits = [
        challenge("d", begun_this_hour=begun, now=NOW).bits for begun in (0, CALM_PER_HOUR, 4 * CALM_PER_HOUR, 10**9)
    ]
    assert bits[0] == LEAST_BITS
    assert bits == sorted(set(bits))
    assert bits[-1] == MOST_BITS


def test_no_address_is_written_to_the_database_or_named_in_the_cache(drive: Drive, clock: Hands) -> None:
    address = "198.51.100.77"
    try_once(drive, clock, address=address)
    gate.flush()
    with connection.cursor() as cursor:
        cursor.execute("SELECT * FROM drives_gatecount")
        assert address not in str(cursor.fetchall())
    assert address not in str(cache._cache) and address not in str(cache._expire_info)  # type: ignore[attr-defined]


def test_the_script_solves_what_the_server_asks(tmp_path: Path) -> None:
    given = challenge("drive", begun_this_hour=0, now=NOW)
    module = tmp_path / "work.mjs"
    module.write_bytes(SCRIPT.read_bytes())
    code = f"import {{solve}} from {json.dumps(module.as_uri())}; console.log(await solve({json.dumps(given.token)}, {given.bits}))"
    done = subprocess.run([tool("node"), "--input-type=module", "-e", code], check=True, capture_output=True, text=True)
    assert is_solved(given.token, done.stdout.strip(), drive="drive")


def test_the_form_mints_a_payment_only_behind_the_gate() -> None:
    with with_stripe() as stripe:
        drive = make_drive()
        client = Client()
        page = client.get(f"/drives/{drive.slug}/give/").context["form"]
        data = {
            "amount": "other",
            "other": "25",
            "by": "stripe",
            "contract": drive.contracts.get().hash,
            "nonce": "n" * 20,
            "challenge": page.challenge.token,
        }
        assert client.post(f"/drives/{drive.slug}/give/", {**data, "work": "1"}).status_code == 422
        assert not stripe.requests
        assert not Donation.objects.exists()
        answer = client.post(f"/drives/{drive.slug}/give/", {**data, "work": solve(page.challenge)})
        assert answer.status_code in {200, 302}
        assert stripe.requests == ["POST /v1/checkout/sessions"]
        assert Donation.objects.get().amount_minor == 2_500


def test_counts_of_a_drive_that_is_gone_are_let_go() -> None:
    drive = make_drive()
    for one in (drive, Drive(pk=drive.pk + 1_000)):
        gate.note(one, "proof", now=NOW)
    gate.flush()
    assert set(GateCount.objects.values_list("drive", flat=True)) == {drive.pk}
