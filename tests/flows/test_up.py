"""`largesse up` as people run it: real processes, real ports, real signals."""

import contextlib
import hashlib
import json
import os
import re
import signal
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from largesse.config.values import ListenAddress
from largesse.swarm.probe import answers_http, answers_udp
from processes import RunningSite, run, start, start_site, timed, wait_for

STOP_SECONDS = 5.0
MAKE_PUBLISHER = """
from largesse.accounts.actions.tokens import make_token
from largesse.accounts.models import Role, User
user, _ = User.objects.get_or_create(username="ada", role=Role.PUBLISHER)
print(make_token(user, name="test").secret)
"""


def trackers(site: RunningSite) -> list[ListenAddress]:
    urls = [httpx.URL(url) for url in site.announce if url.startswith("udp://")]
    return [ListenAddress(url.host, url.port or 0) for url in urls]


def all_answer(site: RunningSite) -> bool:
    addresses = trackers(site)
    with contextlib.suppress(httpx.HTTPError):
        is_web = httpx.get(f"{site.site}/health").status_code == 200
        return is_web and all(answers_udp(address) and answers_http(address) for address in addresses)
    return False


def is_gone(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return True
    return state == "Z"  # It ended, and nobody asked how yet.


@contextlib.contextmanager
def taken_port() -> Iterator[int]:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        yield other.getsockname()[1]


@pytest.fixture
def site(tmp_path: Path) -> Iterator[RunningSite]:
    with start_site(tmp_path) as running:
        yield running


def test_one_line_on_standard_output_says_where_everything_answers(site: RunningSite) -> None:
    said = json.loads(site.out[0])
    assert set(said) == {"site", "announce", "setup"}
    schemes = [url.split(":")[0] for url in site.announce]
    assert schemes == ["udp", "udp", "http", "http", "ws", "ws"]
    assert all(re.fullmatch(r"(udp|http|ws)://(127\.0\.0\.1|\[::1\]):\d+/announce", url) for url in site.announce)
    assert all_answer(site)
    assert json.loads((site.data / "runtime.json").read_text())["pid"] == site.process.pid
    assert site.stop() == 0
    assert len(site.out) == 1
    assert not (site.data / "runtime.json").exists()


def test_the_link_of_a_new_folder_makes_the_first_administrator_once(tmp_path: Path) -> None:
    with start_site(tmp_path) as site, httpx.Client(follow_redirects=True) as browser:
        assert site.setup
        assert site.setup.startswith(site.site)
        assert browser.get(site.setup).status_code == 200
        form = {"username": "root", "email": "root@example.org", "password": "correct horse battery"}
        form["csrfmiddlewaretoken"] = browser.cookies["csrftoken"]
        assert browser.post(site.setup, data=form, headers={"Origin": site.site}).status_code == 200
        again = httpx.get(site.setup)
        assert again.status_code >= 400
    with start_site(tmp_path) as site:
        assert site.setup is None


def test_a_warm_start_is_up_within_three_seconds(tmp_path: Path) -> None:
    start_site(tmp_path).stop()
    with timed(most_seconds=3.0):
        site = start_site(tmp_path)
    site.stop()


@pytest.mark.parametrize("part", ["web", "tracker", "worker"])
def test_a_part_that_crashes_is_logged_and_started_again_on_its_ports(site: RunningSite, part: str) -> None:
    before = site.children()
    os.kill(before[part], signal.SIGKILL)
    wait_for(lambda: site.children().get(part, before[part]) != before[part], telling=site.said)
    wait_for(lambda: all_answer(site), telling=site.said)
    after = site.children()
    assert {name: pid for name, pid in after.items() if name != part} == {
        name: pid for name, pid in before.items() if name != part
    }
    assert f"{part} ended (signal SIGKILL), starting it again in 0.2 s" in site.said()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_stops_everything_in_time_and_frees_the_ports(site: RunningSite, number: int) -> None:
    children = site.children()
    address, tracker = httpx.URL(site.site), trackers(site)[0]
    with timed(most_seconds=STOP_SECONDS):
        assert site.stop(number) == 0
    assert all(is_gone(pid) for pid in children.values())
    for port in (address.port, tracker.port):
        with socket.create_server(("127.0.0.1", port or 0)):
            pass


def test_a_client_that_never_ends_its_request_does_not_hold_up_the_stop(site: RunningSite) -> None:
    url = httpx.URL(site.site)
    with socket.create_connection((url.host, url.port)) as slow:
        slow.sendall(b"POST /account/login/ HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\nx")
        with timed(most_seconds=STOP_SECONDS):
            assert site.stop() == 0


def test_no_accepted_write_is_lost_by_a_stop(site: RunningSite) -> None:
    token = site.shell(MAKE_PUBLISHER)
    accepted: list[str] = []

    def publish(thread: int) -> None:
        with httpx.Client(base_url=site.site, headers={"Authorization": f"Bearer {token}"}) as client:
            for number in range(10_000):
                name = f"{thread}-{number}"
                piece = hashlib.sha1(name.encode(), usedforsecurity=False).digest()
                info = b"d6:lengthi%de4:name%d:%s12:piece lengthi16384e6:pieces20:%se" % (
                    16384,
                    len(name),
                    name.encode(),
                    piece,
                )
                try:
                    answer = client.post("/api/v1/torrents", files={"torrent": ("a.torrent", b"d4:info" + info + b"e")})
                except httpx.HTTPError:
                    return
                if answer.status_code != 201:
                    return
                accepted.append(name)

    threads = [threading.Thread(target=publish, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    wait_for(lambda: len(accepted) >= 20, seconds=30, telling=site.said)
    with timed(most_seconds=STOP_SECONDS):
        site.stop()
    for thread in threads:
        thread.join(10)
    kept = site.shell(
        "from largesse.torrents.models import Torrent; print(*Torrent.objects.values_list('name', flat=True))"
    )
    assert set(accepted) <= set(kept.split())
    checked = run("check", "--data", str(site.data), "--json")
    assert checked.returncode == 0, checked.stdout


def test_the_parts_die_with_a_killed_supervisor_and_the_folder_is_free_again(tmp_path: Path) -> None:
    site = start_site(tmp_path)
    children = site.children()
    listen, tracker = site.site.removeprefix("http://"), trackers(site)
    site.stop(signal.SIGKILL)
    with start_site(tmp_path, "--listen", listen, "--tracker", ",".join(map(str, tracker))) as again:
        assert again.site == site.site
        assert all(is_gone(pid) for pid in children.values())
        assert all_answer(again)


def test_a_second_one_on_the_same_folder_is_refused(site: RunningSite) -> None:
    second = run("up", "--data", str(site.data), "--listen", "127.0.0.1:0", "--tracker", "127.0.0.1:0")
    assert second.returncode == 75
    assert second.stdout == ""
    assert f"is in use by process {site.process.pid} ({site.site})" in second.stderr
    assert "--data" in second.stderr
    assert all_answer(site)


@pytest.mark.parametrize(("option", "key"), [("--listen", "web.listen"), ("--tracker", "tracker.listen")])
def test_a_port_in_use_names_the_port_and_the_setting(tmp_path: Path, option: str, key: str) -> None:
    other = {"--listen": "--tracker", "--tracker": "--listen"}[option]
    with taken_port() as port:
        done = run("up", "--data", str(tmp_path / "data"), option, f"127.0.0.1:{port}", other, "127.0.0.1:0")
    assert done.returncode == 69
    assert f"Port {port} is in use" in done.stderr
    assert key in done.stderr


def test_a_tracker_port_that_only_udp_has_taken_is_refused_too(tmp_path: Path) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.bind(("127.0.0.1", 0))
        port = other.getsockname()[1]
        done = run("up", "--data", str(tmp_path), "--listen", "127.0.0.1:0", "--tracker", f"127.0.0.1:{port}")
    assert done.returncode == 69
    assert f"Port {port} is in use" in done.stderr


def test_a_part_that_cannot_start_ends_everything_with_its_sentence(tmp_path: Path) -> None:
    with taken_port() as port:
        done = run(
            *("up", "--data", str(tmp_path), "--listen", "127.0.0.1:0", "--tracker", "127.0.0.1:0"),
            environment={"LARGESSE_TRACKER_ADMIN": f"127.0.0.1:{port}"},
        )
    assert done.returncode == 69
    assert "tracker.admin" in done.stderr
    assert f"127.0.0.1:{port}" in done.stderr
    assert done.stdout == ""


def test_an_ipv6_address_that_the_machine_has_not_is_warned_of_and_passed_over(tmp_path: Path) -> None:
    with start_site(tmp_path, "--tracker", "127.0.0.1:0,[2001:db8::1]:0") as site:
        assert len(site.announce) == 3
        wait_for(lambda: "2001:db8::1" in site.said(), telling=site.said)
        assert "Going on without it." in site.said()


@pytest.mark.parametrize(
    ("arguments", "variables", "toml", "told"),
    [
        (["--listen", "localhost"], {}, "", ["command line", "web.listen", "'localhost'", "ADDRESS:PORT"]),
        ([], {"LARGESSE_WEB_LISTN": "x"}, "", ["environment", "LARGESSE_WEB_LISTN", "no such setting"]),
        ([], {}, "[web]\nlistn = 1\n", ["largesse.toml", "web.listn", "web.listen"]),
        ([], {}, "[tracker]\npolicy = 'closed'\n", ["tracker.policy", "'closed'", "listed, open or members"]),
        ([], {}, "[tracker\n", ["largesse.toml", "TOML"]),
        (["--config", "nowhere.toml"], {}, "", ["nowhere.toml", "cannot be read"]),
    ],
)
def test_a_wrong_setting_is_refused_with_its_key_its_value_and_what_is_allowed(
    tmp_path: Path, arguments: list[str], variables: dict[str, str], toml: str, told: list[str]
) -> None:
    (tmp_path / "largesse.toml").write_text(toml)
    done = run("up", "--data", str(tmp_path), *arguments, environment=variables)
    assert done.returncode == 78
    assert "Traceback" not in done.stderr
    for part in told:
        assert part in done.stderr


def test_a_folder_that_cannot_be_made_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    done = run("up", "--data", str(tmp_path / "file" / "data"))
    assert done.returncode == 73
    assert "--data" in done.stderr
    assert "Traceback" not in done.stderr


def test_without_json_it_prints_the_addresses_for_people(tmp_path: Path) -> None:
    arguments = ("--data", str(tmp_path / "data"), "--listen", "127.0.0.1:0", "--tracker", "127.0.0.1:0")
    with start("up", *arguments, cwd=tmp_path) as running:
        wait_for(lambda: any("Ctrl-C" in line for line in running.out), seconds=60, telling=running.said)
        text = "".join(running.out)
        for part in ("http://127.0.0.1:", "udp://127.0.0.1:", "/account/first/", str(tmp_path / "data")):
            assert part in text
        before = time.monotonic()
        assert running.stop(signal.SIGINT) == 0
        assert time.monotonic() - before < STOP_SECONDS
