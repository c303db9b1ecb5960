"""Real database servers for tests: a private PostgreSQL cluster in a temporary folder, over a Unix socket and loopback."""

import atexit
import functools
import os
import pwd
import shutil
import socket
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class PostgreSQL:
    """A running server: `url` names its maintenance database."""

    port: int
    url: str


def _programs() -> Path:
    found = shutil.which("initdb")
    folders = [Path(found).parent] if found else []
    folders += sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    for folder in folders:
        if (folder / "initdb").exists():
            return folder
    raise RuntimeError("PostgreSQL's initdb is not here: install Debian's package postgresql")


def _as_server_user() -> dict[str, int]:
    """PostgreSQL refuses to run as root; then it runs as `postgres`, else as `nobody`."""
    if os.getuid() != 0:
        return {}
    for name in ("postgres", "nobody"):
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return {"user": entry.pw_uid, "group": entry.pw_gid}
    raise RuntimeError("no account to run PostgreSQL as")


def free_port() -> int:
    """Return a TCP port of loopback that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@functools.cache
def start_postgresql() -> PostgreSQL:
    """Start a private server; it ends with this process."""
    programs, account = _programs(), _as_server_user()
    folder = Path(tempfile.mkdtemp(prefix="largesse-postgresql-"))
    if account:
        os.chown(folder, account["user"], account["group"])
    environment = {"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8", "HOME": str(folder)}
    run = functools.partial(subprocess.run, check=True, capture_output=True, cwd=folder, env=environment, **account)
    data = folder / "data"
    run(
        [
            programs / "initdb",
            "-D",
            data,
            "-U",
            "largesse",
            "-A",
            "trust",
            "-E",
            "UTF8",
            "--locale=C.UTF-8",
            "--no-sync",
        ]
    )
    port = free_port()
    options = f"-p {port} -k {folder} -c listen_addresses=127.0.0.1 -c fsync=off -c max_connections=200"
    log = folder / "log"
    run(
        [programs / "pg_ctl", "-D", data, "-w", "-t", "60", "-l", log, "-o", options, "start"], stdin=subprocess.DEVNULL
    )

    def stop() -> None:
        run([programs / "pg_ctl", "-D", data, "-m", "immediate", "stop"])
        shutil.rmtree(folder, ignore_errors=True)

    atexit.register(stop)
    return PostgreSQL(port, f"postgresql://largesse@127.0.0.1:{port}/postgres")
