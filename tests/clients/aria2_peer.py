"""
aria2, driven over its JSON-RPC.

What a test must know: it speaks UDP with trackers through the socket of its DHT only, which is on for that and knows no other node;
before version 1.37 it takes a wrong info-hash from a hybrid torrent (its pull request 1905).
"""

import base64
import signal
from pathlib import Path
from typing import Any

import httpx

from clients.programs import Program, wait_until
from engines import free_port
from tools import tool


class Aria2Peer:
    """An aria2c that finds peers through trackers only."""

    name = "aria2"

    def __init__(self, folder: Path, *, address: str = "127.0.0.1", authority: Path | None = None) -> None:
        """Start it with `folder` for its log; `authority` is the PEM file of a believed HTTPS authority."""
        self.rpc_port = free_port()
        folder.mkdir(parents=True, exist_ok=True)
        self.log = folder / "aria2.log"
        words = [
            tool("aria2c"),
            "--no-conf",
            "--enable-rpc",
            f"--rpc-listen-port={self.rpc_port}",
            f"--listen-port={free_port()}",
            f"--interface={address}",
            f"--log={self.log}",
            "--log-level=info",
            "--console-log-level=error",
            "--seed-ratio=0.0",
            "--check-integrity=true",
            "--file-allocation=none",
            "--follow-torrent=mem",
            "--summary-interval=0",
            *(
                f"--{name}=false"
                for name in ("enable-dht6", "bt-enable-lpd", "enable-peer-exchange", "bt-save-metadata")
            ),
            f"--dht-listen-port={free_port()}",
            f"--dht-file-path={folder / 'dht.dat'}",
            "--max-concurrent-downloads=100",
            f"--disable-ipv6={'false' if ':' in address else 'true'}",
        ]
        if authority:
            words.append(f"--ca-certificate={authority}")
        self.program = Program(words, folder=folder)
        self.client = httpx.Client(base_url=f"http://127.0.0.1:{self.rpc_port}", timeout=60, trust_env=False)
        wait_until(self._answers, telling=self.program.said)

    def share(self, torrent: Path | str, folder: Path) -> "Aria2Share":
        """Seed what is in `folder`, or fetch it there; `torrent` is a .torrent file or a magnet link."""
        options = {"dir": str(folder)}
        if isinstance(torrent, str):
            return Aria2Share(self, self.ask("aria2.addUri", [torrent], options))
        return Aria2Share(
            self, self.ask("aria2.addTorrent", base64.b64encode(torrent.read_bytes()).decode(), [], options)
        )

    def stop(self) -> None:
        """Leave all swarms and end."""
        self.client.close()
        self.program.stop(signal.SIGINT)

    def ask(self, method: str, *parameters: Any) -> Any:
        """Call a method of the RPC."""
        answer = self.client.post(
            "/jsonrpc", json={"jsonrpc": "2.0", "id": "1", "method": method, "params": parameters}
        )
        said = answer.json()
        assert "result" in said, said
        return said["result"]

    def _answers(self) -> bool:
        assert not self.program.has_ended(), self.program.said()
        try:
            self.ask("aria2.getVersion")
        except httpx.TransportError:
            return False
        return True


class Aria2Share:
    """One torrent of an aria2c."""

    def __init__(self, peer: Aria2Peer, number: str) -> None:
        self.peer = peer
        self.number = number

    def is_complete(self) -> bool:
        """Whether it has every byte."""
        found = self._facts(
            "status", "totalLength", "completedLength", "errorMessage", "followedBy", "verifiedLength", "files"
        )
        if "followedBy" in found:  # The magnet's metadata has come; the download has a number of its own.
            self.number = found["followedBy"][0]
            return False
        assert found["status"] != "error", found
        is_beginning = "verifiedLength" in found or found["files"][0]["path"].startswith("[METADATA]")
        return not is_beginning and found["totalLength"] != "0" and found["totalLength"] == found["completedLength"]

    def told(self) -> str:
        """Return its log, which says what the trackers answered."""
        return self.peer.log.read_text(encoding="utf-8", errors="replace") if self.peer.log.exists() else ""

    def announce_again(self) -> None:
        """Announce now: it does so when it goes on after a pause."""
        self.leave()
        self.peer.ask("aria2.unpause", self.number)

    def moved(self) -> tuple[int, int]:
        """Return the bytes uploaded and downloaded."""
        found = self._facts("uploadLength", "completedLength")
        return int(found["uploadLength"]), int(found["completedLength"])

    def leave(self) -> None:
        """Tell the trackers farewell, and share no longer."""
        self.peer.ask("aria2.pause", self.number)
        wait_until(lambda: self._facts("status")["status"] == "paused", telling=self.told)

    def _facts(self, *fields: str) -> dict[str, Any]:
        found: dict[str, Any] = self.peer.ask("aria2.tellStatus", self.number, list(fields))
        return found
