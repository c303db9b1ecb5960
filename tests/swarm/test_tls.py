"""TLS on the tracker's one port: HTTPS, WSS and plain HTTP side by side, and a renewed certificate without a restart."""

import json
import shutil
import socket
import ssl
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from clients.certificates import Certificates, make_certificates
from processes import run, start, wait_for
from tracker_talk import decode, get

UPGRADE = (
    "GET /announce HTTP/1.1\r\nHost: t\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
)


@pytest.fixture(name="files")
def _files(tmp_path: Path) -> Certificates:
    (tmp_path / "first").mkdir()
    return make_certificates(tmp_path / "first")


@pytest.fixture(name="told")
def _told(files: Certificates) -> Iterator[dict[str, Any]]:
    environment = {
        "LARGESSE_TRACKER_TLS_CERTIFICATE": str(files.certificate),
        "LARGESSE_TRACKER_TLS_KEY": str(files.key),
    }
    arguments = ("tracker", "--policy", "open", "--listen", "127.0.0.1:0", "--workers", "1", "--json")
    with start(*arguments, environment=environment) as running:
        yield json.loads(running.first_line())


def host_of(told: dict[str, Any]) -> str:
    return str(told["announce"][0]).removeprefix("udp://").removesuffix("/announce")


def asked(told: dict[str, Any], request: str, *, trusting: Path) -> bytes:
    """Ask over TLS, believing one authority; return what came until the head or the connection ended."""
    host, port = host_of(told).rsplit(":", 1)
    context = ssl.create_default_context(cafile=str(trusting))
    with (
        socket.create_connection((host, int(port)), timeout=10) as plain,
        context.wrap_socket(plain, server_hostname="localhost") as stream,
    ):
        assert stream.version() in {"TLSv1.2", "TLSv1.3"}
        stream.sendall(request.encode())
        return stream.recv(65_536)


def is_shown(told: dict[str, Any], files: Certificates) -> bool:
    try:
        asked(told, "GET / HTTP/1.0\r\n\r\n", trusting=files.authority)
    except ssl.SSLCertVerificationError:
        return False
    return True


def test_every_protocol_is_spoken_on_one_port(told: dict[str, Any], files: Certificates) -> None:
    assert [url.split(":")[0] for url in told["announce"]] == ["udp", "https", "http", "wss"]
    assert len({url.split(":")[2] for url in told["announce"]}) == 1
    target = f"/announce?info_hash={'s' * 20}&peer_id={'p' * 20}&port=6881&left=1"
    reply = asked(told, f"GET {target} HTTP/1.0\r\n\r\n", trusting=files.authority).partition(b"\r\n\r\n")[2]
    assert decode(reply)[b"incomplete"] == 1
    assert asked(told, UPGRADE, trusting=files.authority).startswith(b"HTTP/1.1 101 ")
    plain = decode(get(host_of(told), target.replace("6881", "6882")))
    assert plain[b"incomplete"] == 2, "and plain HTTP meets the same swarm"


def test_a_renewed_certificate_is_shown_without_a_restart(
    told: dict[str, Any], files: Certificates, tmp_path: Path
) -> None:
    (tmp_path / "second").mkdir()
    renewed = make_certificates(tmp_path / "second")
    assert is_shown(told, files)
    assert not is_shown(told, renewed)
    shutil.copy(renewed.key, files.key)
    shutil.copy(renewed.certificate, files.certificate)
    wait_for(lambda: is_shown(told, renewed), seconds=20)
    assert told["pid"] > 0

    def failures() -> int:
        return int(json.loads(get(told["admin"].removeprefix("http://"), "/stats.json"))["tls_reload_failures"])

    files.certificate.write_text("half of a certif")
    wait_for(lambda: failures() > 0, seconds=20)
    assert is_shown(told, renewed), "the last good one stays"


def test_a_certificate_of_no_use_is_refused_at_the_start(files: Certificates, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    other = make_certificates(tmp_path / "other")
    for certificate, key in (
        (files.certificate, other.key),
        (tmp_path / "none.pem", files.key),
        (files.key, files.key),
    ):
        done = run(
            *("tracker", "--policy", "open", "--listen", "127.0.0.1:0"),
            environment={"LARGESSE_TRACKER_TLS_CERTIFICATE": str(certificate), "LARGESSE_TRACKER_TLS_KEY": str(key)},
        )
        assert done.returncode == 78
        assert "tracker.tls_certificate" in done.stderr
        assert "Traceback" not in done.stderr
