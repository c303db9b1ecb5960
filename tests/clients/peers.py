"""What every real client can do, and what each of them knows."""

import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol, TypeVar

from clients.aria2_peer import Aria2Peer
from clients.libtorrent_peer import LibtorrentPeer
from clients.made_up import Kind
from clients.transmission_peer import TransmissionPeer
from tools import tool


class Share(Protocol):
    """One torrent of a client."""

    def is_complete(self) -> bool:
        """Whether it has every byte."""

    def told(self) -> str:
        """Return what the trackers answered, as far as the client shows or logs it."""

    def announce_again(self) -> None:
        """Announce now."""

    def moved(self) -> tuple[int, int]:
        """Return the bytes uploaded and downloaded."""

    def leave(self) -> None:
        """Tell the trackers farewell, and share no longer."""


class Peer(Protocol):
    """A client that finds peers through trackers only."""

    name: str

    def share(self, torrent: Path | str, folder: Path) -> Share:
        """Seed what is in `folder`, or fetch it there; `torrent` is a .torrent file or a magnet link."""

    def stop(self) -> None:
        """Leave all swarms and end."""


AnyPeer = TypeVar("AnyPeer", bound="Peer")


@contextmanager
def running(peer: AnyPeer) -> Iterator[AnyPeer]:
    """Stop a client at the end of a with block."""
    try:
        yield peer
    finally:
        peer.stop()


def make_peer(name: str, folder: Path, *, address: str = "127.0.0.1", authority: Path | None = None) -> Peer:
    """
    Start a client by its name.

    Args:
        folder: for its settings and logs.
        address: of loopback, where it listens.
        authority: PEM file of the authority whose HTTPS certificates are believed.
    """
    if name == LibtorrentPeer.name:
        return LibtorrentPeer(address=address, authority=authority)
    made = {TransmissionPeer.name: TransmissionPeer, Aria2Peer.name: Aria2Peer}[name]
    return made(folder, address=address, authority=authority)


def knows(name: str, kind: Kind) -> bool:
    """Whether the installed version of a client can share a torrent of this form; only libtorrent knows v2."""
    if name == LibtorrentPeer.name or kind is Kind.V1:
        return True
    program, first = {TransmissionPeer.name: ("transmission-daemon", (4, 0)), Aria2Peer.name: ("aria2c", (1, 37))}[name]
    return kind is Kind.HYBRID and version_of(program) >= first


def version_of(program: str) -> tuple[int, int]:
    """Return the major and minor version of a program."""
    done = subprocess.run([tool(program), "--version"], capture_output=True, text=True, check=False, timeout=60)
    major, minor = re.search(r"(\d+)\.(\d+)", done.stdout + done.stderr).groups()
    return int(major), int(minor)
