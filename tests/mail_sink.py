"""A mail server on loopback that keeps what it is given (RFC 5321, as much as a client needs)."""

import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default


@dataclass
class MailSink:
    """Where it listens, and what came."""

    port: int
    mails: list[EmailMessage] = field(default_factory=list)


class _Session(socketserver.StreamRequestHandler):
    server: "_Server"

    def handle(self) -> None:
        self._say("220 sink")
        for line in self.rfile:
            verb = line.split(maxsplit=1)[0].upper() if line.strip() else b""
            if verb == b"DATA":
                self._say("354 go on")
                self._keep()
                self._say("250 kept")
            elif verb == b"QUIT":
                self._say("221 bye")
                return
            else:
                self._say("250 yes")

    def _keep(self) -> None:
        lines = []
        for line in self.rfile:
            if line == b".\r\n":
                break
            lines.append(line.removeprefix(b".") if line.startswith(b"..") else line)
        self.server.sink.mails.append(message_from_bytes(b"".join(lines), policy=default))  # type: ignore[arg-type]

    def _say(self, text: str) -> None:
        self.wfile.write(text.encode() + b"\r\n")


class _Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    sink: MailSink


@contextmanager
def mail_sink() -> Iterator[MailSink]:
    """Run it on a free port."""
    with _Server(("127.0.0.1", 0), _Session) as server:
        server.sink = MailSink(server.server_address[1])
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield server.sink
        finally:
            server.shutdown()
            thread.join()
