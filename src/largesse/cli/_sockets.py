"""The site's listening socket, bound before anything else is started."""

import errno
import socket

from largesse.config.values import ListenAddress
from largesse.swarm.errors import AddressUnusable, PortInUse

BACKLOG = 1024
"""Connections that may wait while the web part starts again."""


def listening_socket(address: ListenAddress, *, key: str = "web.listen") -> socket.socket:
    """
    Bind and listen; connections wait until somebody serves them.

    Raises:
        PortInUse: another program listens there.
        AddressUnusable: the address is not this machine's, or the port needs a right that the program has not.
    """
    listening = socket.socket(socket.AF_INET6 if ":" in address.host else socket.AF_INET, socket.SOCK_STREAM)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((address.host, address.port))
        listening.listen(BACKLOG)
    except OSError as error:
        listening.close()
        if error.errno == errno.EADDRINUSE:
            raise PortInUse(address=str(address), port=address.port, key=key) from error
        raise AddressUnusable(address=str(address), key=key, reason=(error.strerror or str(error)).lower()) from error
    listening.setblocking(False)
    return listening


def address_of(listening: socket.socket) -> ListenAddress:
    """Return the address that a socket really has."""
    host, port = listening.getsockname()[:2]
    return ListenAddress(host, port)
