"""The API of the index, as programs use it."""

import base64
import json
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from factories import make_listing, make_metainfo, make_user
from largesse.accounts.actions.tokens import make_token
from largesse.accounts.models import Role, User
from largesse.journal.models import Row
from largesse.kit.runtime import Runtime, read_runtime
from largesse.torrents.blobs import read_blob
from largesse.torrents.metainfo import scan
from largesse.torrents.models import Listing

pytestmark = pytest.mark.django_db

API = "/api/v1/torrents"


@pytest.fixture
def user() -> User:
    return make_user()


@pytest.fixture
def key(user: User) -> dict[str, str]:
    secret = make_token(user, name="test").secret
    return {"Authorization": f"Bearer {secret}"}


def send(client: Client, key: dict[str, str], content: bytes, **fields: Any) -> Any:
    body = {"torrent": base64.b64encode(content).decode(), **fields}
    return client.post(API, json.dumps(body), content_type="application/json", headers=key)


def test_a_torrent_is_published_as_json(client: Client, key: dict[str, str]) -> None:
    content = make_metainfo("talk.ogg")
    answer = send(client, key, content, title="A talk", licence="cc0-1.0", tags=["Talks"], language="fr-ca")
    assert answer.status_code == 201, answer.content
    made = answer.json()
    assert (made["title"], made["licence"], made["tags"], made["language"]) == ("A talk", "CC0-1.0", ["talks"], "fr-CA")
    assert made["magnet"].startswith("magnet:?xt=urn:btih:")
    assert answer["Location"] == made["page"]
    assert [warning["code"] for warning in made["warnings"]] == []
    found = scan(client.get(f"{API}/{made['id']}/download").content).metainfo
    assert found
    assert found.v1
    assert found.v1.hex() == made["v1"]
    assert read_blob(Listing.objects.get().torrent.metainfo_sha256) == content


def test_nothing_but_the_file_is_needed(client: Client, key: dict[str, str]) -> None:
    for number, answer in enumerate(
        [
            client.post(API, make_metainfo("raw.bin"), content_type="application/x-bittorrent", headers=key),
            client.post(API, {"torrent": SimpleUploadedFile("x.torrent", make_metainfo("form.bin"))}, headers=key),
            send(client, key, make_metainfo("json.bin")),
        ]
    ):
        assert answer.status_code == 201, answer.content
        assert answer.json()["title"] == ["raw.bin", "form.bin", "json.bin"][number]
        assert answer.json()["licence"] is None


def test_a_duplicate_is_a_conflict_that_names_the_listing(client: Client, key: dict[str, str]) -> None:
    content = make_metainfo()
    made = send(client, key, content).json()
    answer = send(client, key, content, title="Again")
    assert answer.status_code == 409
    error = answer.json()["error"]
    assert (error["code"], error["fields"]["listing"]) == ("already_listed", made["id"])
    assert made["page"].endswith(error["fields"]["path"])


@pytest.mark.parametrize(
    ("content", "status", "code"),
    [
        (b"", 400, "no_torrent_given"),
        (b"\x89PNG", 422, "malformed_torrent"),
        (make_metainfo()[:-20], 422, "malformed_torrent"),
        (b"d" * 400_000, 422, "malformed_torrent"),
        (b"d4:infod6:lengthi1e6:lengthi2eee", 422, "malformed_torrent"),
    ],
    ids=["empty", "picture", "cut", "deep", "twice"],
)
def test_a_hostile_file_is_refused(client: Client, key: dict[str, str], content: bytes, status: int, code: str) -> None:
    answer = send(client, key, content)
    assert (answer.status_code, answer.json()["error"]["code"]) == (status, code)
    assert not Listing.objects.exists()


@pytest.mark.parametrize("kind", ["application/x-bittorrent", "application/json", "multipart/form-data; boundary=b"])
def test_an_oversized_body_is_refused_in_each_form(client: Client, key: dict[str, str], kind: str) -> None:
    answer = client.generic("POST", API, b"x" * 13_000_000, content_type=kind, headers=key)
    assert (answer.status_code, answer.json()["error"]["code"]) == (413, "too_large")


@pytest.mark.parametrize(
    ("said", "code"),
    [
        ({"title": "x" * 10_000}, "title_too_long"),
        ({"title": "\u202e \u0007"}, "title_missing"),
        ({"licence": "CC-BY-4"}, "unknown_licence"),
        ({"licence": "MIT OR"}, "unreadable_licence"),
        ({"category": "nonsense"}, "unknown_category"),
        ({"language": "xx-nonsense"}, "unknown_language"),
        ({"tags": [f"tag {number}" for number in range(13)]}, "too_many_tags"),
        ({"tags": ["x" * 41]}, "tag_too_long"),
        ({"description": "x" * 50_001}, "text_too_long"),
    ],
)
def test_each_rule_has_a_code_and_names_its_field(
    client: Client, key: dict[str, str], said: dict[str, Any], code: str
) -> None:
    answer = send(client, key, make_metainfo(), **said)
    error = answer.json()["error"]
    assert (answer.status_code, error["code"], error["fields"]["field"]) == (422, code, next(iter(said)))
    assert not Listing.objects.exists()
    assert not Row.objects.filter(kind="torrents.listed").exists()


def test_a_wrong_licence_is_answered_with_near_names(client: Client, key: dict[str, str]) -> None:
    assert "CC-BY-4.0" in send(client, key, make_metainfo(), licence="CC BY 4").json()["error"]["message"]


@pytest.mark.parametrize(
    "body", ["[]", "{", "null", '{"torrent": 3}', '{"torrent": "ZA==", "title": 3}', '{"torrent": "ZA==", "tags": 1}']
)
def test_a_body_of_the_wrong_shape_is_refused(client: Client, key: dict[str, str], body: str) -> None:
    answer = client.post(API, body, content_type="application/json", headers=key)
    assert answer.status_code in {400, 422}, answer.content


def test_a_body_whose_length_nobody_knows_is_refused(client: Client, key: dict[str, str]) -> None:
    kind = "application/x-bittorrent"
    answer = client.generic("POST", API, b"", content_type=kind, headers={"Transfer-Encoding": "chunked", **key})
    assert (answer.status_code, answer.json()["error"]["code"]) == (411, "length_missing")


def test_a_token_is_needed_and_a_member_may_not(client: Client) -> None:
    assert send(client, {}, make_metainfo()).status_code == 401
    secret = make_token(make_user("mem", role=Role.MEMBER), name="test").secret
    assert send(client, {"Authorization": f"Bearer {secret}"}, make_metainfo()).status_code == 403


def test_a_listing_is_changed_and_withdrawn(client: Client, key: dict[str, str]) -> None:
    made = send(client, key, make_metainfo(), title="Before", tags=["a"]).json()
    address = f"{API}/{made['id']}"
    change = {"title": "After", "version": 1}
    answer = client.patch(address, json.dumps(change), content_type="application/json", headers=key)
    assert (answer.status_code, answer.json()["title"], answer.json()["tags"]) == (200, "After", ["a"])
    stale = client.patch(address, json.dumps(change), content_type="application/json", headers=key)
    assert (stale.status_code, stale.json()["error"]["code"]) == (409, "edited_meanwhile")
    assert client.delete(f"{address}?reason=Wrong+file", headers=key).status_code == 204
    assert client.delete(address, headers=key).status_code == 204
    assert client.get(address).status_code == 410
    assert client.get(f"{address}/download").status_code == 410
    kinds = list(Row.objects.filter(subject=f"listing:{made['id']}").order_by("serial").values_list("kind", flat=True))
    assert kinds == ["torrents.listed", "torrents.edited", "torrents.withdrawn"]
    withdrawn = Row.objects.get(kind="torrents.withdrawn").payload
    assert withdrawn["reason"] == "Wrong file"
    assert withdrawn["announce_keys"] == [made["v1"], made["v2"][:40]]


def test_every_page_of_the_catalogue_holds_each_listing_once(
    client: Client, user: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("largesse.torrents.api.ROWS_A_PAGE", 2)
    made = {make_listing(user, title=title).public_id for title in ("ß", "b", "B", "é", "a\u200d")}
    for sort in ("added", "title", "size", "seeders", "popular", "nonsense"):
        seen: list[str] = []
        after: str | None = ""
        while after is not None:
            page = client.get(API, {"sort": sort, "after": after}).json()
            assert page["total"] == 5
            seen += [row["id"] for row in page["torrents"]]
            after = page["next"]
        assert len(seen) == 5
        assert set(seen) == made


@pytest.mark.parametrize("after", ["x", "====", "WzEsMl0=", "WyJcdWQ4MDAiLDFd", "é", "A" * 5000])
@pytest.mark.parametrize("sort", ["added", "title", "size"])
def test_a_cursor_that_makes_no_sense_is_the_first_page(client: Client, user: User, after: str, sort: str) -> None:
    make_listing(user)
    answer = client.get(API, {"sort": sort, "after": after})
    assert answer.status_code == 200
    assert answer.json()["total"] == 1


def test_where_the_site_is_is_asked_no_oftener_for_many_rows_than_for_one(
    client: Client, user: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Path] = []

    def counted(data: Path) -> Runtime | None:
        asked.append(data)
        return read_runtime(data)

    monkeypatch.setattr("largesse.torrents.queries.read_runtime", counted)
    monkeypatch.setattr("largesse.swarm.queries.read_runtime", counted)
    questions = []
    for number in range(3):
        make_listing(user, title=f"Talk {number}")
        asked.clear()
        assert len(client.get(API).json()["torrents"]) == number + 1
        questions.append(len(asked))
    assert questions == [2, 2, 2]


def test_filters_narrow(client: Client, user: User) -> None:
    one = make_listing(
        user, title="Maps of Québec", category="maps", licence="ODbL-1.0", tags=("carte",), language="fr"
    )
    make_listing(user, title="Talks", category="sound", licence="CC0-1.0")
    for query in (
        {"q": "maps"},
        {"category": "maps"},
        {"licence": "odbl-1.0"},
        {"tag": "Carte"},
        {"language": "fr"},
        {"q": one.torrent.v1 or ""},
        {"q": (one.torrent.v2 or "").upper()},
        {"q": "carte"},
    ):
        rows = client.get(API, query).json()["torrents"]
        assert [row["id"] for row in rows] == [one.public_id], query


def test_the_files_are_paged(client: Client, user: User, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from largesse.torrents.actions.list_torrent import ListingDraft, list_torrent
    from largesse.torrents.making import make_torrent

    folder = tmp_path / "many"
    folder.mkdir()
    for number in range(7):
        (folder / f"{number}.txt").write_bytes(b"x" * (number + 1))
    made = list_torrent(
        publisher=user, metainfo_bytes=make_torrent(folder).metainfo_bytes, listing=ListingDraft(title="Many")
    )
    monkeypatch.setattr("largesse.torrents.api.FILES_A_PAGE", 3)
    monkeypatch.setattr("largesse.torrents.views.FILES_A_PAGE", 3)
    seen: list[str] = []
    after: int | None = 0
    while after is not None:
        page = client.get(f"{API}/{made.public_id}/files", {"after": after}).json()
        seen += [row["path"] for row in page["files"]]
        after = page["next"]
    assert seen == [f"{number}.txt" for number in range(7)]
    text = client.get(f"{made.path}files/?after=3").content.decode()
    assert "4–6 of 7" in text
    assert 'href="?after=6"' in text
