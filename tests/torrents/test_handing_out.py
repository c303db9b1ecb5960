"""What is handed out: .torrent files of each version, magnets, feeds, and what machines read."""

import dataclasses
import json
import re
from pathlib import Path
from urllib.parse import parse_qs, urlsplit
from xml.etree import ElementTree as ET

import libtorrent
import pytest
from django.test import Client
from pytest_django.fixtures import Settings

from factories import make_listing, make_user
from largesse.torrents.actions.list_torrent import ListingDraft, list_torrent
from largesse.torrents.blobs import read_blob
from largesse.torrents.metainfo import scan
from largesse.torrents.models import Listing

pytestmark = pytest.mark.django_db

VERSIONS = {"v1": libtorrent.create_torrent.v1_only, "v2": libtorrent.create_torrent.v2_only, "hybrid": 0}


def listed(tmp_path: Path, *, version: str = "hybrid", private: bool = False, name: str = "Été à l'île.txt") -> Listing:
    """List a torrent of that version, made by libtorrent."""
    path = tmp_path / name
    path.write_bytes(b"x" * 50_000)
    made = libtorrent.create_torrent(libtorrent.list_files(str(path)), 0, VERSIONS[version])
    made.add_tracker("udp://elsewhere.example:1/announce")
    made.set_priv(private)
    libtorrent.set_piece_hashes(made, str(tmp_path))
    content = bytes(libtorrent.bencode(made.generate()))
    return list_torrent(publisher=make_user(), metainfo_bytes=content, listing=ListingDraft())


@pytest.mark.parametrize("version", VERSIONS)
def test_a_real_client_reads_the_same_torrent_from_file_and_magnet(
    client: Client, tmp_path: Path, version: str
) -> None:
    listing = listed(tmp_path, version=version)
    answer = client.get(f"{listing.path}download/")
    loaded = libtorrent.load_torrent_buffer(answer.content)
    hashes, trackers = loaded.ti.info_hashes(), loaded.trackers
    assert (str(hashes.v1) if hashes.has_v1() else None) == listing.torrent.v1
    assert (str(hashes.v2) if hashes.has_v2() else None) == listing.torrent.v2
    assert trackers
    assert all("elsewhere" not in url for url in trackers)
    stored = read_blob(listing.torrent.metainfo_sha256)
    before, after = scan(stored).metainfo, scan(answer.content).metainfo
    assert before
    assert after
    assert stored[slice(*before.info_span)] == answer.content[slice(*after.info_span)]
    page = client.get(listing.path).content.decode()
    magnet = re.search(r'href="(magnet:[^"]+)"', page)
    assert magnet
    link = magnet[1].replace("&amp;", "&")
    opened = libtorrent.parse_magnet_uri(link)
    assert opened.info_hashes == hashes
    said = parse_qs(urlsplit(link).query)
    assert said["xl"] == ["50000"]
    assert said["dn"] == ["Été à l'île.txt"]
    assert opened.trackers == trackers


def test_a_file_keeps_its_name_in_every_script(client: Client, tmp_path: Path) -> None:
    answer = client.get(f"{listed(tmp_path).path}download/")
    assert "filename*=UTF-8''%C3%89t%C3%A9%20%C3%A0%20l%27%C3%AEle.txt.torrent" in answer["Content-Disposition"]
    assert 'filename="_t_ _ l\'_le.txt.torrent"' in answer["Content-Disposition"]


def test_a_file_that_did_not_change_is_not_sent_again(client: Client, tmp_path: Path) -> None:
    listing = listed(tmp_path)
    etag = client.get(f"{listing.path}download/")["ETag"]
    again = client.get(f"{listing.path}download/", headers={"If-None-Match": etag})
    assert (again.status_code, again.content) == (304, b"")
    assert client.head(f"{listing.path}download/")["ETag"] == etag


def test_a_member_gets_announce_urls_of_their_own(client: Client, tmp_path: Path, settings: Settings) -> None:
    tracker = dataclasses.replace(settings.CONFIG.tracker, policy="members")
    settings.CONFIG = dataclasses.replace(settings.CONFIG, tracker=tracker)
    listing = listed(tmp_path, private=True)
    user = make_user("mem")
    client.force_login(user)
    answer = client.get(f"{listing.path}download/")
    found = scan(answer.content).metainfo
    assert found
    assert found.is_private
    assert found.announce
    assert all(user.tracker_passkey in url for tier in found.announce for url in tier)
    assert "private" in answer["Cache-Control"]
    client.logout()
    assert user.tracker_passkey.encode() not in client.get(f"{listing.path}download/").content


@pytest.mark.parametrize("path", ["/feed/", "/feed/rss/"])
def test_feeds_are_well_formed_and_follow_the_query(client: Client, path: str) -> None:
    one = make_listing(title="Maps <of> everything & more", category="maps", description="**Bold** <script>")
    make_listing(title="Talks", category="sound")
    text = client.get(path, {"category": "maps"}, headers={"Host": "evil.example"}).content.decode()
    ET.fromstring(text)
    assert "Maps &lt;of&gt; everything" in text
    assert "Talks" not in text
    assert "evil.example" not in text
    assert f"http://127.0.0.1:8000{one.path}download/" in text
    assert "application/x-bittorrent" in text
    assert "<script>" not in text


def test_search_engines_read_a_data_set(client: Client) -> None:
    listing = make_listing(
        title="</script><b>", description="What it is", licence="CC0-1.0", language="fr", tags=("a",)
    )
    text = client.get(listing.path).content.decode()
    found = re.search(r'<script type="application/ld\+json">(.*?)</script>', text)
    assert found
    said = json.loads(found[1])
    assert (said["@type"], said["name"], said["inLanguage"]) == ("Dataset", "</script><b>", "fr")
    assert said["license"] == "https://spdx.org/licenses/CC0-1.0"
    assert f"urn:btmh:1220{listing.torrent.v2}" in said["identifier"]


def test_a_publisher_has_a_page_and_a_stranger_has_none(client: Client) -> None:
    listing = make_listing(make_user("ada"), title="Hers")
    make_listing(make_user("bob"), title="His")
    text = client.get("/publisher/ada/").content.decode()
    assert "Hers" in text
    assert "His" not in text
    assert listing.path in text
    assert client.get("/publisher/nobody/").status_code == 404


def test_the_history_shows_who_and_what_line_by_line(client: Client) -> None:
    user = make_user()
    listing = make_listing(user, title="One", description="first\nsecond\nthird")
    client.force_login(user)
    client.post(f"{listing.path}edit/", {"title": "One", "description": "first\n2nd <b>\nthird", "version": "1"})
    text = client.get(f"{listing.path}history/").content.decode()
    assert '<del dir="auto">second</del>' in text
    assert '<ins dir="auto">2nd &lt;b&gt;</ins>' in text
    assert "<bdi>ada</bdi>" in text


def test_pages_speak_french(client: Client) -> None:
    listing = make_listing(title="Titre", language="fr")
    client.force_login(make_user("zoe"))
    headers = {"Accept-Language": "fr"}
    assert "Prendre une copie" in client.get(listing.path, headers=headers).content.decode()
    assert "français" in client.get(listing.path, headers=headers).content.decode()
    assert "Déposez ici un fichier" in client.get("/publish/", headers=headers).content.decode()
    answer = client.get(f"/api/v1/torrents/{listing.public_id}/none", headers=headers)
    assert answer.status_code == 404
