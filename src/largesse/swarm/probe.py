"""Asking a tracker whether it answers: a connect over UDP (BEP 15) and a request over HTTP, as any client would send."""

import http.client
import secrets
import socket
import struct

from largesse.config.values import ListenAddress

CONNECT_MAGIC = 0x41727101980
"""BEP 15: the constant that every first packet begins with."""
LOOPBACK = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - where one asks something that listens everywhere.


def answers_udp(address: ListenAddress, *, seconds: float = 1.0) -> bool:
    """Return whether a tracker answers a connect: 16 bytes there (magic 8, action 4, transaction 4), 16 bytes back."""
    host = LOOPBACK.get(address.host, address.host)
    transaction = secrets.randbits(32)
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_DGRAM) as asking:
        asking.settimeout(seconds)
        try:
            asking.connect((host, address.port))
            asking.send(struct.pack(">QII", CONNECT_MAGIC, 0, transaction))
            answer = asking.recv(64)
        except OSError:
            return False
    return len(answer) == 16 and struct.unpack(">II", answer[:8]) == (0, transaction)


def answers_http(address: ListenAddress, *, path: str = "/", seconds: float = 2.0) -> bool:
    """Return whether something answers HTTP there, whatever it says."""
    return http_status(address, path=path, seconds=seconds) is not None


def http_status(address: ListenAddress, *, path: str, seconds: float = 2.0) -> int | None:
    """Return the status of a GET, None when there is no answer."""
    host = LOOPBACK.get(address.host, address.host)
    connection = http.client.HTTPConnection(host, address.port, timeout=seconds)
    try:
        connection.request("GET", path)
        return connection.getresponse().status
    except (OSError, http.client.HTTPException):
        return None
    finally:
        connection.close()
