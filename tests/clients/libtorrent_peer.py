"""
libtorrent as a peer of its own: the library under qBittorrent, Deluge and others, over TCP, uTP and WebRTC.

What a test must know: version 2.1.1 shows of a tracker's error over UDP that there is one, not what it says; and between WebRTC
peers its handshake names the v1 hash only, so a torrent of v2 alone does not pass there.
"""

import os
from pathlib import Path
from typing import Any

import libtorrent

ALERTS = (
    libtorrent.alert.category_t.error_notification
    | libtorrent.alert.category_t.tracker_notification
    | libtorrent.alert.category_t.status_notification
)


class LibtorrentPeer:
    """A session that finds peers through trackers only."""

    name = "libtorrent"

    def __init__(self, *, address: str = "127.0.0.1", authority: Path | None = None, **settings: Any) -> None:
        """
        Start the session.

        Args:
            address: where it listens; an IPv6 one goes without brackets.
            authority: PEM file of the authority whose HTTPS certificates are believed.
        """
        if authority is not None:
            os.environ["SSL_CERT_FILE"] = str(authority)  # Read by OpenSSL when the session is made.
        host = f"[{address}]" if ":" in address else address
        quiet = dict.fromkeys(("enable_dht", "enable_lsd", "enable_upnp", "enable_natpmp"), False)
        self.session = libtorrent.session(
            {
                "listen_interfaces": f"{host}:0",
                "alert_mask": ALERTS,
                "webtorrent_stun_server": "",
                # Every peer of a test has the same address.
                "allow_multiple_connections_per_ip": True,
                "announce_to_all_tiers": True,
                "announce_to_all_trackers": True,
                "min_reconnect_time": 1,
                "unchoke_slots_limit": -1,
                "unchoke_interval": 1,
                # Trackers on loopback are what a test is about.
                "ssrf_mitigation": False,
                "stop_tracker_timeout": 1,
                # Or one test's tracker would be sent the connection id of another's, which had the same address.
                "udp_tracker_token_expiry": 0,
                **quiet,
                **settings,
            }
        )
        if authority is not None:
            del os.environ["SSL_CERT_FILE"]
        self.heard: list[tuple[Any, str]] = []

    def share(self, torrent: Path | str, folder: Path) -> "LibtorrentShare":
        """Seed what is in `folder`, or fetch it there; `torrent` is a .torrent file or a magnet link."""
        made = (
            libtorrent.parse_magnet_uri(torrent)
            if isinstance(torrent, str)
            else libtorrent.load_torrent_file(str(torrent))
        )
        made.save_path = str(folder)
        made.flags &= ~(libtorrent.torrent_flags.auto_managed | libtorrent.torrent_flags.paused)
        return LibtorrentShare(self, self.session.add_torrent(made))

    def stop(self) -> None:
        """Leave all swarms and end."""
        del self.session  # Waits for the farewell to the trackers.


class LibtorrentShare:
    """One torrent of a session."""

    def __init__(self, peer: LibtorrentPeer, handle: Any) -> None:
        self.peer = peer
        self.handle = handle

    def is_complete(self) -> bool:
        """Whether it has every byte."""
        status = self.handle.status()
        assert not status.errc.value(), status.errc.message()
        return bool(status.is_seeding)

    def told(self) -> str:
        """Return what the trackers answered, as the user is shown it."""
        for alert in self.peer.session.pop_alerts():
            handle = getattr(alert, "handle", None)
            self.peer.heard.append((handle, alert.message()))
        return "\n".join(message for handle, message in self.peer.heard if handle == self.handle)

    def announce_again(self) -> None:
        """Announce now."""
        self.handle.force_reannounce(0, -1, libtorrent.torrent_handle.ignore_min_interval)

    def moved(self) -> tuple[int, int]:
        """Return the bytes uploaded and downloaded."""
        status = self.handle.status()
        return status.total_payload_upload, status.total_payload_download

    def leave(self) -> None:
        """Tell the trackers farewell, and share no longer."""
        self.handle.pause()
