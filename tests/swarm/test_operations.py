"""What an operator relies on: figures, health, a planned restart, a worker that panics, logs without addresses."""

import json
import os
import re
import resource
import signal
import stat
import struct
import time
from pathlib import Path
from typing import Any

import pytest

from largesse import _core
from largesse.kit.logs import OneLine
from largesse.swarm.watch import Watch
from processes import run, start, wait_for
from tracker_talk import announce, get, made
from udp_talk import UdpPeer, connected

SAMPLE = re.compile(r"([a-z_][a-z0-9_]*) (\d+)")
KEY = b"operations-operation"
LIST = """
from django.db import transaction
from largesse.journal.actions.append import append
with transaction.atomic():
    append(kind="torrents.listed", subject="torrent:1", actor="test", payload={"announce_keys": ["%s"]})
"""


def read_metrics(text: str) -> dict[str, int]:
    """Read Prometheus' text format, version 0.0.4, strictly: HELP, TYPE and one sample for each name, each name once."""
    assert text.endswith("\n")
    found: dict[str, int] = {}
    lines = text.splitlines()
    for told, typed, sample in zip(lines[::3], lines[1::3], lines[2::3], strict=True):
        match = SAMPLE.fullmatch(sample)
        assert match, sample
        name = match[1]
        assert re.fullmatch(rf"# HELP {name} \S.*", told)
        kind = typed.removeprefix(f"# TYPE {name} ")
        assert kind in {"counter", "gauge"}
        assert name.endswith("_total") == (kind == "counter")
        assert name not in found
        found[name] = int(match[2])
    return found


def test_metrics_are_valid_and_agree_with_the_statistics() -> None:
    tracker = made(policy="open")
    assert tracker.admin is not None
    with connected(tracker.addresses[0]) as peer:
        peer.announce(KEY, port=6001)
        peer.announce(KEY, port=6002, left=0)
        metrics = read_metrics(get(tracker.admin, "/metrics").decode())
    stats = json.loads(get(tracker.admin, "/stats.json"))
    assert metrics["largesse_tracker_torrents"] == stats["torrents"] == 1
    assert metrics["largesse_tracker_peers_ipv4"] == stats["peers_ipv4"] == 2
    assert metrics["largesse_tracker_udp_announces_total"] == stats["udp_announces"] == 2
    assert {name.removeprefix("largesse_tracker_").removesuffix("_total") for name in metrics} == set(stats)
    tracker.stop()


def test_a_worker_that_panics_is_started_again_alone_and_counted() -> None:
    tracker = made(policy="open")
    with connected(tracker.addresses[0]) as peer:
        peer.announce(KEY, port=6001)
        for panics in (1, 2):
            tracker.ask_for_panic()
            wait_for(lambda panics=panics: tracker.stats()["worker_panics"] == panics)  # type: ignore[misc]
            reply = peer.announce(KEY, port=6002)
            assert reply.leechers == 2, "the swarm and the connection id outlive the worker"
    assert announce(tracker, key=KEY, port=6003)[b"incomplete"] == 3, "HTTP never noticed"
    tracker.stop()


def started(data: Path) -> tuple[Any, dict[str, Any]]:
    running = start("tracker", "--data", str(data), "--listen", "127.0.0.1:0", "--workers", "1", "--json")
    return running, json.loads(running.first_line())


def list_key(data: Path) -> None:
    shell = ("manage", "shell", "--no-imports", "-v", "0", "-c", LIST % KEY.hex())
    assert run(*shell, environment={"LARGESSE_DATA": str(data)}).returncode == 0


def is_listed(url: str) -> bool:
    host = url.removeprefix("http://").removesuffix("/announce")
    return b"failure" not in get(
        host, f"/announce?info_hash={KEY.decode()}&peer_id={'p' * 20}&port=7001&left=0&event=stopped"
    )


def test_a_planned_restart_keeps_the_swarms_in_a_private_file_that_is_dropped_once_loaded(tmp_path: Path) -> None:
    running, told = started(tmp_path)
    list_key(tmp_path)
    wait_for(lambda: is_listed(told["announce"][1]))
    with connected(told["announce"][0], source="127.0.0.66") as peer:
        peer.announce(KEY, port=6001)
        peer.announce(KEY, port=6002, left=0, event="completed")
        peer.announce(KEY, port=6003, left=5, event="paused")
    assert running.stop() == 0
    snapshot = tmp_path / "tracker" / "swarms.snapshot"
    assert stat.S_IMODE(snapshot.stat().st_mode) == 0o600
    assert list(snapshot.parent.glob("*.part")) == []
    assert "127.0.0.66" not in running.said(), "no peer's address is logged"

    running, told = started(tmp_path)
    assert not snapshot.exists()
    with connected(told["announce"][0]) as peer:
        (seeders, completed, leechers) = peer.scrape(KEY)[0]
        assert (seeders, leechers) == (1, 2)
        assert completed in {0, 1}
        assert len(peer.announce(KEY, port=6009).peers) == 3
    running.stop(signal.SIGKILL)
    assert not snapshot.exists(), "a kill leaves no snapshot behind"

    running, told = started(tmp_path)
    with connected(told["announce"][0]) as peer:
        assert peer.scrape(KEY) == [(0, 0, 0)]
    running.stop()


def test_a_start_that_fails_leaves_the_swarms_for_the_next(tmp_path: Path) -> None:
    running, told = started(tmp_path)
    list_key(tmp_path)
    wait_for(lambda: is_listed(told["announce"][1]))
    with connected(told["announce"][0]) as peer:
        peer.announce(KEY, port=6001)
    assert running.stop() == 0
    nonsense = tmp_path / "nonsense.pem"
    nonsense.write_text("nonsense")
    variables = {"LARGESSE_TRACKER_TLS_CERTIFICATE": str(nonsense), "LARGESSE_TRACKER_TLS_KEY": str(nonsense)}
    done = run("tracker", "--data", str(tmp_path), "--listen", "127.0.0.1:0", environment=variables)
    assert done.returncode == 78
    running, told = started(tmp_path)
    with connected(told["announce"][0]) as peer:
        assert peer.scrape(KEY) == [(0, 0, 1)]
    running.stop()


def test_a_stop_that_cannot_keep_the_swarms_says_so_and_ends_well(tmp_path: Path) -> None:
    running, told = started(tmp_path)
    (tmp_path / "tracker" / "swarms.part").mkdir()
    with connected(told["announce"][0]) as peer:
        assert peer.scrape(KEY) == [(0, 0, 0)]
    assert running.stop() == 0
    assert "the swarms could not be kept" in running.said()
    assert "Traceback" not in running.said()


def test_a_damaged_snapshot_is_dropped_by_a_start_that_does_without(tmp_path: Path) -> None:
    snapshot = tmp_path / "tracker" / "swarms.snapshot"
    snapshot.parent.mkdir()
    snapshot.write_bytes(os.urandom(100))
    running, _told = started(tmp_path)
    assert not snapshot.exists()
    running.stop()
    assert "the snapshot of the swarms was of no use" in running.said()


def test_as_many_files_may_be_open_as_the_system_allows(tmp_path: Path) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (1024, hard))
    try:
        running, told = started(tmp_path)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    line = next(line for line in Path(f"/proc/{told['pid']}/limits").read_text().splitlines() if "open files" in line)
    assert int(line.split()[3]) == min(hard, 65_536)
    running.stop()


def test_connection_ids_outlive_a_planned_restart_and_no_other(tmp_path: Path) -> None:
    path = tmp_path / "swarms.snapshot"
    before = made(policy="open")
    with connected(before.addresses[0], source="127.0.0.67") as peer:
        connection = peer.connection
    before.write_snapshot(str(path))
    before.stop()
    planned, killed = made(policy="open"), made(policy="open")
    planned.read_snapshot(str(path))
    with UdpPeer(planned.addresses[0], source="127.0.0.67") as peer:
        peer.connection = connection
        assert peer.announce(KEY, port=6001).leechers == 1, "the client goes on as if nothing had been"
        assert peer.connect() != connection, "new ids have a new secret"
    for tracker, source in ((planned, "127.0.0.68"), (killed, "127.0.0.67")):
        with UdpPeer(tracker.addresses[0], source=source) as peer:
            assert peer.meets_silence(struct.pack(">QII", connection, 2, 7) + KEY)
        tracker.stop()


@pytest.mark.parametrize("damage", ["stale", "cut short", "nonsense"])
def test_a_snapshot_of_no_use_stops_nothing(tmp_path: Path, damage: str) -> None:
    before = made(policy="open")
    announce(before, key=KEY, port=6001)
    path = tmp_path / "swarms.snapshot"
    assert before.write_snapshot(str(path)) == 1
    before.stop()
    whole = path.read_bytes()
    hour_ago = whole[:8] + (int(time.time()) - 3600).to_bytes(8) + whole[16:]
    path.write_bytes({"stale": hour_ago, "cut short": whole[:-1], "nonsense": os.urandom(100)}[damage])
    after = made(policy="open")
    if damage == "stale":
        assert after.read_snapshot(str(path)) == 0
    else:
        with pytest.raises(OSError, match=r"damaged|fill"):
            after.read_snapshot(str(path))
    assert after.stats()["peers_ipv4"] == 0
    after.stop()


def test_a_snapshot_that_is_not_ours_to_overwrite_is_replaced_not_followed(tmp_path: Path) -> None:
    target = tmp_path / "target"
    target.write_text("precious")
    (tmp_path / "swarms.part").symlink_to(target)
    tracker: _core.Tracker = made(policy="open")
    tracker.write_snapshot(str(tmp_path / "swarms.snapshot"))
    assert target.read_text() == "precious"
    tracker.stop()


def test_what_the_counters_say_is_logged_once_as_fields(caplog: pytest.LogCaptureFixture) -> None:
    tracker = made(policy="open", requests_per_second=1)
    watch = Watch(tracker)
    watch.look()
    assert caplog.records == []
    for _ in range(40):
        announce(tracker, key=KEY, port=6001, source="127.0.0.66")
    tracker.ask_for_panic()
    wait_for(lambda: tracker.stats()["worker_panics"] == 1)
    watch.look()
    watch.look()
    told = {record.largesse_fields["event"]: record for record in caplog.records}  # type: ignore[attr-defined]
    assert set(told) == {"worker_panics", "over_limit"}
    assert told["worker_panics"].levelname == "ERROR"
    assert told["over_limit"].largesse_fields["count"] in range(20, 31)  # type: ignore[attr-defined]
    line = json.loads(OneLine("json").format(told["over_limit"]))
    assert set(line) == {"time", "level", "logger", "message", "event", "count", "total"}
    assert "event=over_limit count=" in OneLine("text").format(told["over_limit"])
    tracker.stop()


@pytest.mark.parametrize("is_alone", [True, False])
def test_logs_are_json_lines_without_addresses(tmp_path: Path, is_alone: bool) -> None:
    where = ("--policy", "open") if is_alone else ("--data", str(tmp_path))
    running = start(
        *("tracker", *where, "--listen", "127.0.0.1:0", "--workers", "1", "--log", "json", "--json"),
        environment={"LARGESSE_TRACKER_REQUESTS_PER_SECOND": "1"},
    )
    told = json.loads(running.first_line())
    host = told["announce"][1].removeprefix("http://").removesuffix("/announce")
    for _ in range(40):
        get(host, "/announce?info_hash=x", source="127.0.0.66")
    assert running.stop() == 0
    lines = [json.loads(line) for line in running.err]
    assert "over_limit" in {line.get("event") for line in lines}
    assert all({"time", "level", "logger", "message"} <= set(line) for line in lines)
    assert "127.0.0.66" not in running.said()


@pytest.mark.parametrize(
    ("arguments", "variables", "key"),
    [
        (("--admin", "127.0.0.1:99999"), {}, "tracker.admin"),
        (("--listen", "127.0.0.1"), {}, "tracker.listen"),
        (("--workers", "0"), {}, "tracker.workers"),
        ((), {"LARGESSE_TRACKER_TRUSTED_PROXIES": "10.0.0.0/33"}, "tracker.trusted_proxies"),
        ((), {"LARGESSE_TRACKER_CLIENT_DENY": "-\u4e2d"}, "tracker.client_deny"),
        ((), {"LARGESSE_TRACKER_REQUESTS_PER_SECOND": "many"}, "tracker.requests_per_second"),
        ((), {"LARGESSE_TRACKER_FULL_SCRAPE": "perhaps"}, "tracker.full_scrape"),
        ((), {"LARGESSE_TRACKER_TLS_CERTIFICATE": "/nowhere.pem"}, "tracker.tls_key"),
    ],
)
def test_a_setting_that_cannot_be_is_refused_by_its_name(
    arguments: tuple[str, ...], variables: dict[str, str], key: str
) -> None:
    where = () if "--listen" in arguments else ("--listen", "127.0.0.1:0")
    done = run("tracker", "--policy", "open", *where, *arguments, environment=variables)
    assert done.returncode == 78
    assert key in done.stderr
    assert "Traceback" not in done.stderr


def test_an_admin_address_of_nothing_is_none() -> None:
    with start("tracker", "--policy", "open", "--listen", "127.0.0.1:0", "--admin", "", "--json") as running:
        assert json.loads(running.first_line())["admin"] is None
