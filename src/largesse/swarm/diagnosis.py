"""
What would make the tracker's packets disappear on this machine, and how to mend it.

Everything is read from the kernel's own files and asked over loopback; nothing is changed and nobody else is asked. A firewall
in front of the machine cannot be seen from within, so the last advice is always to ask from outside.
"""

import ctypes
import errno
import resource
import shutil
import socket
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from largesse.config.settings import Config
from largesse.config.values import ListenAddress
from largesse.swarm.probe import answers_http, answers_udp

WANTED_BUFFER_BYTES = 4_194_304
"""What the tracker asks for, for each UDP socket: a tenth of a second of packets at the speed of one core."""
WANTED_FILES = 21_000
"""The most HTTP connections that the tracker keeps, and some."""
WANTED_DISK_BYTES = 1_000_000_000
CONNTRACK_FULL = 0.8
TIME_ERROR = 5
"""adjtimex(2): the clock is not synchronised."""

Level = Literal["good", "doubtful", "broken"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at."""

    name: str
    level: Level
    sentence: str
    mend: str = ""
    """What to do about it; empty when it is good."""


def _adjtimex() -> int:
    """Ask the kernel whether the clock is synchronised; a struct timex whose `modes` is 0 only reads."""
    buffer = ctypes.create_string_buffer(256)
    return int(ctypes.CDLL(None).adjtimex(buffer))


@dataclass(frozen=True, slots=True)
class Machine:
    """Where the facts come from; a test gives its own."""

    proc: Path = Path("/proc")
    clock_state: Callable[[], int] = _adjtimex
    file_limit: Callable[[], int] = lambda: resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    free_bytes: Callable[[Path], int] = lambda folder: shutil.disk_usage(folder).free

    def text(self, path: str) -> str | None:
        """Return what a file of /proc says, None when this kernel has none."""
        try:
            return (self.proc / path).read_text(encoding="ascii").strip()
        except OSError:
            return None

    def number(self, path: str) -> int | None:
        """Return the number that a file of /proc says."""
        text = self.text(path)
        return int(text) if text and text.isdigit() else None


def diagnose(
    config: Config, *, running: Sequence[ListenAddress] | None, machine: Machine | None = None
) -> Iterator[Finding]:
    """
    Yield what was found, the good things too.

    Args:
        running: the addresses of the tracker that runs over this data folder, None when none does.
    """
    machine = machine or Machine()
    listen = running if running is not None else config.tracker.listen
    yield _receive_buffer(machine)
    yield _dropped(machine, ports={address.port for address in listen})
    yield _conntrack(machine)
    yield from _ports(listen, is_running=running is not None, machine=machine)
    yield _reach(listen)
    yield _ipv6(listen, machine)
    yield _clock(machine)
    yield _files(machine)
    yield _disk(config, machine)


def _receive_buffer(machine: Machine) -> Finding:
    most = machine.number("sys/net/core/rmem_max")
    if most is None:
        return Finding("receive buffer", "doubtful", "This kernel does not say how large a receive buffer may be.")
    if most >= WANTED_BUFFER_BYTES:
        return Finding("receive buffer", "good", f"The kernel grants {most} bytes to a socket.")
    return Finding(
        "receive buffer",
        "doubtful",
        f"The kernel grants at most {most} bytes to a socket; in a burst, packets beyond that are dropped unseen.",
        f"sysctl -w net.core.rmem_max={WANTED_BUFFER_BYTES}, and the same line in /etc/sysctl.d/, then restart the tracker.",
    )


def _dropped(machine: Machine, *, ports: set[int]) -> Finding:
    """Count what the kernel dropped at the tracker's own sockets: the last column of /proc/net/udp."""
    dropped = 0
    for path in ("net/udp", "net/udp6"):
        for line in (machine.text(path) or "").splitlines()[1:]:
            parts = line.split()
            if len(parts) > 12 and int(parts[1].rpartition(":")[2], 16) in ports - {0}:
                dropped += int(parts[12])
    if not dropped:
        return Finding("dropped packets", "good", "The kernel dropped no packet at the tracker's sockets.")
    return Finding(
        "dropped packets",
        "doubtful",
        f"The kernel dropped {dropped} packets at the tracker's sockets since they were opened: they came faster than they were read.",
        "Enlarge the receive buffer (above), or give the tracker another worker (tracker.workers).",
    )


def _conntrack(machine: Machine) -> Finding:
    count, most = (machine.number(f"sys/net/netfilter/nf_conntrack_{name}") for name in ("count", "max"))
    if count is None or not most:
        return Finding("connection tracking", "good", "The kernel's firewall does not track connections.")
    if count < most * CONNTRACK_FULL:
        return Finding("connection tracking", "good", f"The firewall tracks {count} of at most {most} connections.")
    return Finding(
        "connection tracking",
        "broken",
        f"The firewall tracks {count} of at most {most} connections; when the table is full, it drops new packets.",
        "Do not track the tracker's port: nft add rule ip raw prerouting udp dport PORT notrack (and output, udp sport);"
        f" or sysctl -w net.netfilter.nf_conntrack_max={most * 8}.",
    )


def _ports(listen: Sequence[ListenAddress], *, is_running: bool, machine: Machine) -> Iterator[Finding]:
    for address in listen:
        if is_running:
            mute = [
                name
                for name, answers in (("UDP", answers_udp(address)), ("HTTP", answers_http(address)))
                if not answers
            ]
            if mute:
                yield Finding(
                    f"port {address}",
                    "broken",
                    f"The tracker runs, but does not answer on {address} over {' and '.join(mute)}.",
                    "A rule of this machine's firewall may drop loopback packets: look at nft list ruleset; else restart the tracker.",
                )
            else:
                yield Finding(f"port {address}", "good", f"The tracker answers on {address} over UDP and HTTP.")
            continue
        yield _free_port(address, machine)


def _free_port(address: ListenAddress, machine: Machine) -> Finding:
    name = f"port {address}"
    lowest = machine.number("sys/net/ipv4/ip_unprivileged_port_start")
    for kind, protocol in ((socket.SOCK_DGRAM, "UDP"), (socket.SOCK_STREAM, "TCP")):
        family = socket.AF_INET6 if ":" in address.host else socket.AF_INET
        try:
            with socket.socket(family, kind) as probe:
                probe.bind((address.host, address.port))
        except PermissionError:
            mend = f"Take a port from {lowest or 1024} on (tracker.listen), or let a proxy listen there."
            return Finding(name, "broken", f"This account may not listen on port {address.port} ({protocol}).", mend)
        except OSError as error:
            if error.errno == errno.EADDRINUSE and answers_udp(address) and answers_http(address):
                return Finding(name, "good", f"A tracker answers on {address} over UDP and HTTP.")
            mend = "Stop what listens there (ss -ulpn, ss -tlpn), or choose another port (tracker.listen)."
            reason = (error.strerror or str(error)).lower()
            return Finding(name, "broken", f"No tracker can listen on {address} ({protocol}): {reason}.", mend)
    return Finding(name, "good", f"No tracker runs over this data folder; {address} is free for one.")


def _reach(listen: Sequence[ListenAddress]) -> Finding:
    if all(address.host == "::1" or address.host.startswith("127.") for address in listen):
        return Finding(
            "reach",
            "doubtful",
            "The tracker listens on loopback only, so nobody but this machine can reach it.",
            'Set tracker.listen to ["0.0.0.0:6969", "[::]:6969"] when the site is to be public.',
        )
    ports = ", ".join(sorted({str(address.port) for address in listen}))
    return Finding(
        "reach",
        "good",
        f"The tracker listens to other machines. Whether a firewall lets UDP and TCP {ports} through is seen from outside only.",
    )


def _ipv6(listen: Sequence[ListenAddress], machine: Machine) -> Finding:
    has_ipv6 = bool(machine.text("net/if_inet6"))
    wants_ipv6 = any(":" in address.host for address in listen)
    if has_ipv6 and wants_ipv6:
        return Finding("IPv6", "good", "The tracker listens on IPv6.")
    if has_ipv6:
        mend = "Add an IPv6 address to tracker.listen, such as [::]:6969."
        return Finding("IPv6", "doubtful", "This machine has IPv6, but the tracker does not listen on it.", mend)
    mend = (
        "Ask the machine's provider for IPv6; peers that have only IPv6 cannot reach this tracker."
        if wants_ipv6
        else ""
    )
    level: Level = "doubtful" if wants_ipv6 else "good"
    return Finding("IPv6", level, "This machine has no IPv6.", mend)


def _clock(machine: Machine) -> Finding:
    if machine.clock_state() != TIME_ERROR:
        return Finding("clock", "good", "The clock is kept in step.")
    return Finding(
        "clock",
        "doubtful",
        "Nothing keeps this machine's clock in step; certificates, sessions and second factors fail when it drifts.",
        "Install chrony or systemd-timesyncd (timedatectl set-ntp true).",
    )


def _files(machine: Machine) -> Finding:
    limit = machine.file_limit()
    if limit < 0 or limit >= WANTED_FILES:
        return Finding("open files", "good", "The process may open enough files for all connections of the tracker.")
    return Finding(
        "open files",
        "doubtful",
        f"A process may open {limit} files here; the tracker takes up to {WANTED_FILES} connections over HTTP.",
        f"LimitNOFILE={WANTED_FILES} in the service's unit, or ulimit -n {WANTED_FILES}.",
    )


def _disk(config: Config, machine: Machine) -> Finding:
    folder = next(path for path in (config.data, *config.data.parents) if path.exists())
    free = machine.free_bytes(folder)
    if free >= WANTED_DISK_BYTES:
        return Finding("disk", "good", f"{free // 1_000_000_000} GB are free for the data folder.")
    return Finding(
        "disk",
        "broken" if free < WANTED_DISK_BYTES // 10 else "doubtful",
        f"Only {free // 1_000_000} MB are free for the data folder; when it is full, nothing more is accepted.",
        "Make room, or move the data folder (--data).",
    )
