"""The guide's table of programs says what the tests of exchanges drive."""

from pathlib import Path

from clients.made_up import Kind
from clients.test_exchange import EXCHANGES

GUIDE = Path(__file__).resolve().parents[2] / "docs" / "guide" / "clients.md"
ORDER = ("udp", "http", "https", "ws", "wss")


def test_the_table_of_programs_is_what_is_tested() -> None:
    rows = [line.strip("| ").split("|") for line in GUIDE.read_text(encoding="utf-8").splitlines() if line[:2] == "| "]
    told = {row[0].split()[0]: [cell.strip() for cell in row[1:]] for row in rows[2:]}
    assert set(told) == {name for exchange in EXCHANGES for name in (exchange.seeder, exchange.leecher)}
    for name, cells in told.items():
        for kind, cell in zip((Kind.V1, Kind.HYBRID, Kind.V2), [*cells, "", ""], strict=False):
            driven = {one.protocol for one in EXCHANGES if name in (one.seeder, one.leecher) and one.kind is kind}
            assert cell == ", ".join(protocol.upper() for protocol in ORDER if protocol in driven), (name, kind)
