"""
Transmission's daemon, driven over its RPC as its own remote control does.

What a test must know: it never connects to a loopback address, so there it must be found, not find; it makes no empty files; it gives
bytes to a new peer only at its rounds, ten seconds apart; and before version 4 it cannot read a hybrid torrent at all (its issue 1339).
"""

import base64
import json
from pathlib import Path
from typing import Any

import httpx

from clients.programs import Program, wait_until
from engines import free_port
from tools import tool

NOT_ENABLED = [f"{name}-enabled" for name in ("dht", "lpd", "pex", "port-forwarding", "download-queue", "seed-queue")]
OWN_ERROR = 3
"""Its `error` for what went wrong on its side, such as a full disk; 1 and 2 are what trackers said."""


class TransmissionPeer:
    """A daemon that finds peers through trackers only."""

    name = "Transmission"

    def __init__(self, folder: Path, *, address: str = "127.0.0.1", authority: Path | None = None) -> None:
        """Start it with `folder` for its settings; `authority` is the PEM file of a believed HTTPS authority."""
        self.rpc_port = free_port()
        is_ipv6 = ":" in address
        settings = {
            "bind-address-ipv4": "127.0.0.1" if is_ipv6 else address,
            "bind-address-ipv6": address if is_ipv6 else "::1",
            "peer-port": free_port(),
            "rpc-port": self.rpc_port,
            "rpc-bind-address": "127.0.0.1",
            "rpc-whitelist-enabled": False,
            "rpc-host-whitelist-enabled": False,
            **dict.fromkeys(NOT_ENABLED, False),
        }
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "settings.json").write_text(json.dumps(settings), encoding="ascii")
        program, trust = tool("transmission-daemon"), {"CURL_CA_BUNDLE": str(authority)} if authority else {}
        words = [program, "--foreground", "--config-dir", str(folder), "--log-debug"]
        self.program = Program(words, folder=folder, environment=trust)
        self.client = httpx.Client(base_url=f"http://127.0.0.1:{self.rpc_port}", timeout=60, trust_env=False)
        wait_until(self._answers, telling=self.program.said)

    def share(self, torrent: Path | str, folder: Path) -> "TransmissionShare":
        """Seed what is in `folder`, or fetch it there; `torrent` is a .torrent file or a magnet link."""
        given = (
            {"filename": torrent}
            if isinstance(torrent, str)
            else {"metainfo": base64.b64encode(torrent.read_bytes()).decode()}
        )
        added = self.ask("torrent-add", **given, **{"download-dir": str(folder)})
        return TransmissionShare(self, added["torrent-added"]["id"])

    def stop(self) -> None:
        """Leave all swarms and end."""
        self.client.close()
        self.program.stop()

    def ask(self, method: str, **arguments: Any) -> dict[str, Any]:
        """Call a method of the RPC."""
        asked = {"method": method, "arguments": arguments}
        answer = self.client.post("/transmission/rpc", json=asked)
        if answer.status_code == 409:  # Its guard against foreign pages: the same again, with the id it gave.
            self.client.headers["X-Transmission-Session-Id"] = answer.headers["X-Transmission-Session-Id"]
            answer = self.client.post("/transmission/rpc", json=asked)
        said: dict[str, Any] = answer.json()
        assert said["result"] == "success", said
        found: dict[str, Any] = said["arguments"]
        return found

    def _answers(self) -> bool:
        assert not self.program.has_ended(), self.program.said()
        try:
            self.ask("session-get")
        except httpx.TransportError:
            return False
        return True


class TransmissionShare:
    """One torrent of a daemon."""

    def __init__(self, peer: TransmissionPeer, number: int) -> None:
        self.peer = peer
        self.number = number

    def is_complete(self) -> bool:
        """Whether it has every byte."""
        found = self._facts("leftUntilDone", "metadataPercentComplete", "error", "errorString", "status")
        assert found["error"] != OWN_ERROR, found["errorString"]
        is_checking = found["status"] in (1, 2)
        return bool(not is_checking and found["metadataPercentComplete"] == 1 and found["leftUntilDone"] == 0)

    def told(self) -> str:
        """Return what the trackers answered, as the user is shown it."""
        rows = self._facts("trackerStats")["trackerStats"]
        return "\n".join(f"{row['announce']}: {row['lastAnnounceResult']}" for row in rows)

    def announce_again(self) -> None:
        """Announce now."""
        self.peer.ask("torrent-reannounce", ids=[self.number])

    def moved(self) -> tuple[int, int]:
        """Return the bytes uploaded and downloaded."""
        found = self._facts("uploadedEver", "downloadedEver")
        return found["uploadedEver"], found["downloadedEver"]

    def leave(self) -> None:
        """Tell the trackers farewell, and share no longer."""
        self.peer.ask("torrent-stop", ids=[self.number])

    def _facts(self, *fields: str) -> dict[str, Any]:
        found: list[dict[str, Any]] = self.peer.ask("torrent-get", ids=[self.number], fields=list(fields))["torrents"]
        return found[0]
