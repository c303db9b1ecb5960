"""The pages of the index, as a visitor and a publisher use them."""

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.utils import timezone

from factories import make_listing, make_metainfo, make_user
from largesse.accounts.models import Role
from largesse.swarm.models import SwarmCount
from largesse.torrents.metainfo import scan
from largesse.torrents.models import Draft, Listing

pytestmark = pytest.mark.django_db


@pytest.fixture
def publisher(client: Client) -> Client:
    client.force_login(make_user())
    return client


def upload(client: Client, content: bytes) -> str:
    answer = client.post("/publish/", {"torrent": SimpleUploadedFile("x.torrent", content)})
    assert answer.status_code == 302, answer.content
    return answer["Location"]


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/browse/",
        "/news/",
        "/about/",
        "/accessibility/",
        "/how-to/",
        "/journal/",
        "/feed/",
        "/account/login/",
        "/account/signup/",
    ],
)
@pytest.mark.parametrize("language", ["en", "fr"])
def test_every_public_page_answers_when_there_is_nothing(client: Client, path: str, language: str) -> None:
    answer = client.get(path, headers={"Accept-Language": language})
    assert answer.status_code == 200
    if path != "/feed/":
        assert f'<html lang="{language}"' in answer.content.decode()
        assert answer.content.decode().count("<h1") == 1


def test_a_torrent_is_published_in_two_steps(publisher: Client) -> None:
    content = make_metainfo("Lectures 1987.ogg")
    page = upload(publisher, content)
    report = publisher.get(page).content.decode()
    assert "Lectures 1987.ogg" in report
    assert "No licence is stated" in report
    answer = publisher.post(
        page, {"title": "Lectures, 1987", "licence": "cc-by-4.0", "category": "sound", "tags": "Talks, radio"}
    )
    assert answer.status_code == 302
    listing = Listing.objects.get()
    assert (listing.title, listing.licence, [tag.name for tag in listing.tags.all()]) == (
        "Lectures, 1987",
        "CC-BY-4.0",
        ["radio", "talks"],
    )
    assert not Draft.objects.exists()
    shown = publisher.get(listing.path).content.decode()
    for words in ("Lectures, 1987", listing.torrent.v1, listing.torrent.v2, "magnet:?xt=urn:btih:", "urn:btmh:1220"):
        assert words in shown
    assert "Lectures, 1987" in publisher.get("/browse/?q=lectures").content.decode()
    assert "Lectures, 1987" in publisher.get("/feed/").content.decode()


def test_the_report_says_every_refusal_with_its_byte(publisher: Client) -> None:
    page = upload(publisher, b"d4:infoi1ee")
    answer = publisher.get(page)
    assert answer.status_code == 422
    assert "wrong_type" in answer.content.decode()
    assert "At byte 7." in answer.content.decode()


@pytest.mark.parametrize(
    "content",
    [b"", b"\x89PNG not a torrent", make_metainfo()[:-20], b"d" * 5000],
    ids=["empty", "picture", "cut", "deep"],
)
def test_a_hostile_upload_lists_nothing(publisher: Client, content: bytes) -> None:
    answer = publisher.post("/publish/", {"torrent": SimpleUploadedFile("x.torrent", content)})
    if answer.status_code == 302:
        page = answer["Location"]
        assert publisher.get(page).status_code == 422
        assert publisher.post(page, {"title": "x"}).status_code == 422
    else:
        assert answer.status_code == 422
    assert not Listing.objects.exists()


def test_an_oversized_upload_is_refused_with_the_limit(publisher: Client) -> None:
    answer = publisher.post("/publish/", {"torrent": SimpleUploadedFile("x.torrent", b"x" * 10_485_761)})
    assert answer.status_code == 422
    assert "10485760" in answer.content.decode().replace("\u00a0", "")


def test_a_huge_upload_is_dropped_and_told(publisher: Client) -> None:
    answer = publisher.post("/publish/", {"torrent": SimpleUploadedFile("x.torrent", b"x" * 13_000_000)})
    assert answer.status_code == 422
    assert "larger than the 10485760 bytes" in answer.content.decode()
    assert not Draft.objects.exists()


def test_an_account_keeps_its_five_newest_uploads(publisher: Client) -> None:
    pages = [upload(publisher, make_metainfo(f"{number}.bin")) for number in range(6)]
    assert Draft.objects.count() == 5
    assert publisher.get(pages[0]).status_code == 404
    assert publisher.get(pages[5]).status_code == 200


def test_an_upload_of_somebody_else_is_not_shown(publisher: Client) -> None:
    page = upload(publisher, make_metainfo())
    publisher.force_login(make_user("eve"))
    assert publisher.get(page).status_code == 404


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ({"title": "x" * 10_000}, "The title has 10000 characters"),
        ({"title": "x", "licence": "CC-BY-4"}, "Did you mean"),
        ({"title": "x", "tags": ",".join(f"tag{number}" for number in range(20))}, "at most 12"),
        ({"title": "x", "description": "x" * 60_000}, "at most 50000"),
    ],
)
def test_what_breaks_a_rule_is_said_and_nothing_is_lost(publisher: Client, said: dict[str, str], words: str) -> None:
    page = upload(publisher, make_metainfo())
    answer = publisher.post(page, said)
    assert answer.status_code == 422
    assert words in answer.content.decode()
    assert not Listing.objects.exists()
    assert publisher.post(page, {"title": "Now right"}).status_code == 302


def test_a_duplicate_points_to_the_listing(publisher: Client) -> None:
    listing = make_listing(title="The first")
    from largesse.torrents.blobs import read_blob

    page = upload(publisher, read_blob(listing.torrent.metainfo_sha256))
    answer = publisher.post(page, {"title": "The second"})
    assert answer.status_code == 409
    assert f'href="{listing.path}"' in answer.content.decode()
    assert Listing.objects.count() == 1


def test_the_handed_out_file_has_our_trackers_and_the_same_info(client: Client) -> None:
    listing = make_listing(title='Ø "quoted"')
    answer = client.get(f"{listing.path}download/")
    found = scan(answer.content)
    assert answer["Content-Type"] == "application/x-bittorrent"
    assert found.metainfo
    assert found.metainfo.v1
    assert found.metainfo.v1.hex() == listing.torrent.v1
    assert any(url.startswith("udp://") for tier in found.metainfo.announce for url in tier)


def test_an_edit_is_kept_in_the_history(publisher: Client) -> None:
    listing = make_listing(title="Before")
    answer = publisher.post(f"{listing.path}edit/", {"title": "After", "version": "1"})
    assert answer.status_code == 302
    text = publisher.get(f"{listing.path}history/").content.decode()
    assert '<del dir="auto">Before</del> <ins dir="auto">After</ins>' in text


def test_two_people_cannot_overwrite_each_other_unseen(publisher: Client) -> None:
    listing = make_listing(title="Before")
    publisher.post(f"{listing.path}edit/", {"title": "Mine", "version": "1"})
    answer = publisher.post(f"{listing.path}edit/", {"title": "Yours", "version": "1"})
    assert answer.status_code == 422
    assert "Somebody else changed this listing" in answer.content.decode()
    assert "Yours" in answer.content.decode()
    listing.refresh_from_db()
    assert listing.title == "Mine"


def test_a_stranger_may_not_edit_or_withdraw(client: Client) -> None:
    listing = make_listing(title="Mine")
    client.force_login(make_user("eve"))
    assert client.post(f"{listing.path}edit/", {"title": "Hers", "version": "1"}).status_code == 403
    assert client.post(f"{listing.path}withdraw/").status_code == 403
    listing.refresh_from_db()
    assert (listing.title, listing.state) == ("Mine", "listed")


def test_a_withdrawn_listing_is_gone_and_can_come_back(publisher: Client) -> None:
    listing = make_listing(title="Leaving")
    publisher.post(f"{listing.path}withdraw/", {"reason": "A better scan is coming"})
    assert publisher.get(listing.path).status_code == 410
    assert publisher.get(f"{listing.path}download/").status_code == 410
    assert "Leaving" not in publisher.get("/browse/").content.decode().split("<table")[-1].split("</table>")[0].replace(
        "Nothing", ""
    )
    publisher.post(f"{listing.path}restore/")
    assert publisher.get(listing.path).status_code == 200


def test_health_is_shown(client: Client) -> None:
    listing = make_listing(title="Healthy")
    SwarmCount.objects.create(
        key=listing.torrent.swarm_key, seeders=23, leechers=4, completed=1234, counted_at=timezone.now()
    )
    text = client.get(listing.path).content.decode()
    assert '<dd id="seeders">23</dd>' in text
    assert '<dd id="completed">1\u00a0234</dd>' in text
    assert "health-4" in text


def test_a_description_cannot_bring_script(client: Client) -> None:
    hostile = "<script>alert(1)</script> [x](javascript:alert(1)) ![i](https://elsewhere.example/x.png) **bold**"
    text = client.get(make_listing(title="<b>T</b>", description=hostile).path).content.decode()
    body = text.split('aria-label="Description"')[1].split("</section>")[0]
    assert "<script" not in body
    assert "<img" not in body
    assert 'href="javascript' not in body
    assert "<strong>bold</strong>" in body
    assert "&lt;b&gt;T&lt;/b&gt;" in text
    assert "</script><b>" not in text


def test_a_member_may_not_publish(client: Client) -> None:
    client.force_login(make_user("mem", role=Role.MEMBER))
    assert "may not publish yet" in client.get("/publish/").content.decode()
    client.post("/publish/", {"torrent": SimpleUploadedFile("x.torrent", make_metainfo())})
    assert not Draft.objects.exists()


def test_every_answer_has_the_strict_policy(client: Client) -> None:
    policy = client.get("/")["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
