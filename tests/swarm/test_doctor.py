"""`largesse doctor`: each thing that would make packets disappear is found on a machine made for it, with what mends it."""

import json
import os
import socket
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from largesse.config.settings import Config
from largesse.config.values import ListenAddress
from largesse.swarm.diagnosis import TIME_ERROR, Finding, Machine, diagnose
from processes import run, start
from tracker_talk import made

UDP_HEAD = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref pointer drops\n"


@pytest.fixture(name="healthy")
def _healthy(tmp_path: Path) -> Machine:
    """Make a machine on which all is well."""
    files = {
        "sys/net/core/rmem_max": "8388608",
        "sys/net/netfilter/nf_conntrack_count": "12",
        "sys/net/netfilter/nf_conntrack_max": "262144",
        "sys/net/ipv4/ip_unprivileged_port_start": "1024",
        "net/udp": UDP_HEAD,
        "net/if_inet6": "00000000000000000000000000000001 01 80 10 80 lo",
    }
    for name, text in files.items():
        (tmp_path / "proc" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "proc" / name).write_text(text + "\n")
    return Machine(tmp_path / "proc", clock_state=lambda: 0, file_limit=lambda: 65_536, free_bytes=lambda _: 10**12)


def public(tmp_path: Path, *addresses: str) -> Config:
    return Config.load(data=tmp_path, environ={}, options={"tracker.listen": ",".join(addresses)})


def found(config: Config, machine: Machine, *, running: list[ListenAddress] | None = None) -> dict[str, Finding]:
    return {finding.name: finding for finding in diagnose(config, running=running, machine=machine)}


def test_a_healthy_machine_has_nothing_to_mend(tmp_path: Path, healthy: Machine) -> None:
    findings = found(public(tmp_path, "0.0.0.0:0", "[::]:0"), healthy)
    assert {finding.level for finding in findings.values()} == {"good"}
    assert not any(finding.mend for finding in findings.values())


def written(path: str, text: str) -> Callable[[Machine], Machine]:
    def change(machine: Machine) -> Machine:
        (machine.proc / path).write_text(text + "\n")
        return machine

    return change


DROPPED = UDP_HEAD + "  1: 00000000:1B39 00000000:0000 07 00000000:00000000 00:00000000 00000000  0 0 1 2 0 37"


@pytest.mark.parametrize(
    ("change", "name", "level", "told"),
    [
        (written("sys/net/core/rmem_max", "212992"), "receive buffer", "doubtful", "sysctl -w net.core.rmem_max="),
        (written("net/udp", DROPPED), "dropped packets", "doubtful", "tracker.workers"),
        (written("sys/net/netfilter/nf_conntrack_count", "262000"), "connection tracking", "broken", "notrack"),
        (written("net/if_inet6", ""), "IPv6", "doubtful", "IPv6"),
        (lambda machine: replace(machine, clock_state=lambda: TIME_ERROR), "clock", "doubtful", "chrony"),
        (lambda machine: replace(machine, file_limit=lambda: 1024), "open files", "doubtful", "LimitNOFILE"),
        (lambda machine: replace(machine, free_bytes=lambda _: 10**6), "disk", "broken", "room"),
    ],
)
def test_what_makes_packets_disappear_is_told_with_what_mends_it(
    tmp_path: Path, healthy: Machine, change: Callable[[Machine], Machine], name: str, level: str, told: str
) -> None:
    findings = found(public(tmp_path, "0.0.0.0:6969", "[::]:0"), change(healthy))
    assert findings[name].level == level
    assert told in findings[name].mend
    assert {one.name for one in findings.values() if one.level != "good"} - {"port 0.0.0.0:6969"} == {name}


@pytest.fixture(name="taken")
def _taken() -> Iterator[int]:
    """Take a UDP port that answers nobody."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.bind(("127.0.0.1", 0))
        yield other.getsockname()[1]


def test_a_port_that_something_else_has_is_broken_and_a_tracker_there_is_good(
    tmp_path: Path, healthy: Machine, taken: int
) -> None:
    findings = found(public(tmp_path, f"127.0.0.1:{taken}"), healthy)
    assert findings[f"port 127.0.0.1:{taken}"].level == "broken"
    assert "ss -ulpn" in findings[f"port 127.0.0.1:{taken}"].mend
    mute = found(public(tmp_path, f"127.0.0.1:{taken}"), healthy, running=[ListenAddress("127.0.0.1", taken)])
    assert "does not answer" in mute[f"port 127.0.0.1:{taken}"].sentence
    tracker = made(policy="open")
    address = tracker.addresses[0]
    assert found(public(tmp_path, address), healthy)[f"port {address}"].level == "good"
    tracker.stop()


def test_a_tracker_on_loopback_is_told_that_nobody_reaches_it(tmp_path: Path, healthy: Machine) -> None:
    findings = found(public(tmp_path, "127.0.0.1:0"), healthy)
    assert findings["reach"].level == "doubtful"
    assert "tracker.listen" in findings["reach"].mend


def test_a_port_of_the_administrator_needs_the_right_to_it(tmp_path: Path, healthy: Machine) -> None:
    if os.geteuid() == 0 or Path("/proc/sys/net/ipv4/ip_unprivileged_port_start").read_text(encoding="ascii") == "0\n":
        findings = found(public(tmp_path, "127.0.0.1:1"), healthy)
        assert findings["port 127.0.0.1:1"].level == "good"
    else:
        assert "may not listen" in found(public(tmp_path, "127.0.0.1:1"), healthy)["port 127.0.0.1:1"].sentence


def test_the_command_tells_the_worst_in_json_and_in_its_exit_status(tmp_path: Path, taken: int) -> None:
    levels = ["good", "doubtful", "broken"]
    with start("tracker", "--policy", "open", "--listen", "127.0.0.1:0", "--json") as running:
        address = json.loads(running.first_line())["announce"][0].removeprefix("udp://").removesuffix("/announce")
        done = run("doctor", "--data", str(tmp_path), "--listen", address, "--json")
    told: dict[str, Any] = json.loads(done.stdout)
    assert set(told) == {"worst", "findings"}
    assert all(set(finding) == {"name", "level", "sentence", "mend"} for finding in told["findings"])
    assert done.returncode == levels.index(told["worst"])
    assert told["worst"] == max((finding["level"] for finding in told["findings"]), key=levels.index)
    by_name = {finding["name"]: finding["level"] for finding in told["findings"]}
    assert by_name[f"port {address}"] == "good"
    done = run("doctor", "--data", str(tmp_path), "--listen", f"127.0.0.1:{taken}")
    assert done.returncode == 2
    assert f"BROKEN    port 127.0.0.1:{taken}" in done.stdout
    assert "→ Stop what listens there" in done.stdout
