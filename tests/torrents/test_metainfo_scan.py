"""The strict scanner: what two programs would read differently is refused, what is odd is accepted with a warning."""

import hashlib

import libtorrent
import pytest

from largesse.torrents.metainfo import Scan, scan, with_announce
from odd_torrents import REFUSED, WARNED, encode, torrent, v1_files, v1_info, v2_info


def codes(found: Scan) -> set[str]:
    return {problem.code for problem in found.refusals}


def warned(found: Scan) -> set[str]:
    return {problem.code for problem in found.warnings}


def test_a_plain_file_is_accepted_without_a_word() -> None:
    found = scan(torrent(v1_info()))
    assert found.is_accepted
    assert (found.warnings, found.refusals) == ((), ())
    assert found.metainfo
    assert found.metainfo.v1 == hashlib.sha1(encode(v1_info())).digest()
    assert [(file.path, file.size_bytes) for file in found.metainfo.files] == [("a.bin", 20_000)]


def test_a_plain_v2_file_is_accepted() -> None:
    found = scan(torrent(v2_info()))
    assert found.refusals == ()
    assert found.metainfo
    assert found.metainfo.v2 == hashlib.sha256(encode(v2_info())).digest()
    assert found.metainfo.announce_keys == (found.metainfo.v2[:20],)


@pytest.mark.parametrize("name", REFUSED)
def test_a_hostile_file_is_refused(name: str) -> None:
    content, code = REFUSED[name]
    found = scan(content)
    assert code in codes(found)
    assert not found.is_accepted
    for problem in found.refusals:
        assert 0 <= problem.offset <= len(content)
        assert problem.message.endswith((".", "it."))


def test_the_size_limit_is_kept() -> None:
    assert codes(scan(torrent(v1_info()), maximum_bytes=50)) == {"too_large"}


def test_more_tokens_than_the_limit_are_refused() -> None:
    assert codes(scan(b"d1:al" + b"0:" * 3_000_001 + b"ee")) == {"too_many_tokens"}


def test_a_report_stays_short() -> None:
    found = scan(torrent(v1_files(*([".."] for _ in range(5000)))))
    assert len(found.refusals) == 100


@pytest.mark.parametrize("name", WARNED)
def test_an_odd_file_is_accepted_with_a_warning(name: str) -> None:
    content, code = WARNED[name]
    found = scan(content)
    assert found.is_accepted, found.refusals
    assert code in warned(found)


def test_names_that_are_not_utf8_are_shown_with_replacement() -> None:
    found = scan(torrent(v1_files([b"caf\xe9.txt"])))
    assert found.metainfo
    assert found.metainfo.files[0].path == "caf\ufffd.txt"


def test_names_that_are_not_utf8_keep_their_bytes_and_do_not_collide() -> None:
    found = scan(torrent(v1_files([b"caf\xe9"], [b"caf\xe8"], ["plain"])))
    assert found.is_accepted, found.refusals
    assert found.metainfo
    assert [file.path for file in found.metainfo.files] == ["caf\ufffd", "caf\ufffd", "plain"]
    assert [file.path_bytes for file in found.metainfo.files] == [b"caf\xe9", b"caf\xe8", None]


def test_a_name_is_measured_as_file_systems_do() -> None:
    assert scan(torrent(v1_files(["語" * 255]))).is_accepted
    assert "unsafe_path" in codes(scan(torrent(v1_files(["語" * 256]))))


def test_a_message_cannot_turn_the_writing_of_a_terminal() -> None:
    messages = [problem.message for problem in scan(torrent(v1_files(["\u202egpj\x1b.exe"]))).refusals]
    assert messages
    assert not any("\u202e" in message or "\x1b" in message for message in messages)


def test_one_wrong_file_does_not_hide_the_others() -> None:
    """The report names each file once, and says nothing of pieces that cannot be counted."""
    found = scan(torrent(v1_files([".."], ["CON"], [], ["ok"])))
    assert [problem.code for problem in found.refusals] == ["unsafe_path"] * 3
    assert len({problem.offset for problem in found.refusals}) == 3


def test_a_private_flag_of_two_is_not_private() -> None:
    found = scan(torrent(v1_info(private=2)))
    assert found.metainfo
    assert not found.metainfo.is_private


def test_padding_is_left_out_of_files_and_size() -> None:
    found = scan(WARNED["padding"][0])
    assert found.metainfo
    assert [file.path for file in found.metainfo.files] == ["a"]
    assert found.metainfo.size_bytes == 9


def test_the_handed_out_copy_keeps_info_byte_for_byte() -> None:
    original = encode({"url-list": "http://seed/", "info": v1_info(), "announce": "http://theirs/", "zebra": [1]})
    copy = with_announce(original, announce=[["udp://a/announce"], ["http://b/announce"]])
    decoded = libtorrent.bdecode(copy)
    assert encode(v1_info()) in copy
    assert decoded[b"announce"] == b"udp://a/announce"
    assert decoded[b"announce-list"] == [[b"udp://a/announce"], [b"http://b/announce"]]
    assert (decoded[b"url-list"], decoded[b"zebra"]) == (b"http://seed/", [1])
    assert b"theirs" not in copy
    assert "unordered_keys" not in warned(scan(copy))
    assert b"url-list" not in with_announce(original, announce=[], web_seeds=[])
