"""`largesse config`: every setting with its value and where it came from; a wrong one is refused before anything starts."""

import json
from pathlib import Path

import pytest

from largesse.config.settings import SECTIONS, Config
from largesse.config.sources import variable_of
from processes import run

SECRETS = [
    "secrets.key",
    "secrets.donor_key",
    "database.url",
    "mail.url",
    "fund.stripe_secret_key",
    "fund.btcpay_api_key",
]


def settings(
    tmp_path: Path, *arguments: str, environment: dict[str, str] | None = None
) -> dict[str, tuple[object, str]]:
    """Return each setting's value and origin, as `--json` tells them."""
    done = run("config", "--json", *arguments, environment=environment, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    return {row["key"]: (row["value"], row["origin"]) for row in rows}


def test_each_setting_is_told_with_where_it_came_from(tmp_path: Path) -> None:
    file = tmp_path / "data" / "largesse.toml"
    file.parent.mkdir()
    file.write_text(
        '[site]\nname = "Field recordings"\noperator = "Ada"\n[tracker]\nlisten = ["[::1]:0", "127.0.0.1:0"]\n'
    )
    variables = {"LARGESSE_SITE_OPERATOR": "Grace", "LARGESSE_WEB_WORKERS": "2"}
    found = settings(tmp_path, "--data", "data", environment=variables)
    assert found["site.name"] == ("Field recordings", str(file))
    assert found["site.operator"] == ("Grace", "variable LARGESSE_SITE_OPERATOR")
    assert found["web.workers"] == (2, "variable LARGESSE_WEB_WORKERS")
    assert found["tracker.listen"] == (["[::1]:0", "127.0.0.1:0"], str(file))
    assert found["tracker.policy"] == ("listed", "default")
    assert found["data"] == (str(tmp_path / "data"), "command line")


def test_it_tells_every_setting_and_makes_no_folder(tmp_path: Path) -> None:
    found = settings(tmp_path)
    assert set(found) == {"data", *(row.key for row in Config(data=tmp_path).effective())}
    assert {key.partition(".")[0] for key in found} == {"data", *SECTIONS}
    assert found["data"] == (str(tmp_path / "largesse-data"), "default")
    assert list(tmp_path.iterdir()) == []


def test_the_data_folder_may_come_from_a_variable(tmp_path: Path) -> None:
    found = settings(tmp_path, environment={"LARGESSE_DATA": str(tmp_path / "elsewhere")})
    assert found["data"] == (str(tmp_path / "elsewhere"), "variable LARGESSE_DATA")


def test_secrets_are_masked(tmp_path: Path) -> None:
    values = dict.fromkeys(SECRETS, "hunter2") | {
        "database.url": "postgresql://a:hunter2@b/c",
        "mail.url": "smtp://hunter2",
    }
    variables = {variable_of(key): value for key, value in values.items()}
    found = settings(tmp_path, environment=variables)
    assert {key: found[key][0] for key in SECRETS} == dict.fromkeys(SECRETS, "***")
    done = run("config", environment=variables, cwd=tmp_path)
    assert "hunter2" not in done.stdout
    assert "***" in done.stdout


def test_people_read_it_with_what_each_is_for(tmp_path: Path) -> None:
    done = run("config", "--explain", cwd=tmp_path)
    assert "web.listen" in done.stdout
    assert "127.0.0.1:8000  (default)" in done.stdout
    assert "Address of the site. LARGESSE_WEB_LISTEN" in done.stdout


@pytest.mark.parametrize(
    ("toml", "variables", "told"),
    [
        ("[web]\nworkers = 0", {}, ["web.workers = 0", "1 to 64"]),
        ("[web]\nworkers = 1.5", {}, ["web.workers = 1.5", "1 to 64"]),
        ("[web]\nworkers = true", {}, ["web.workers = True", "1 to 64"]),
        ("[web]\nlisten = 8000", {}, ["web.listen = 8000", "ADDRESS:PORT"]),
        ('[web]\nlisten = "::1:8000"', {}, ["web.listen = '::1:8000'", "[::1]:8080"]),
        ("[tracker]\nlisten = []", {}, ["tracker.listen = []", "a list of ADDRESS:PORT"]),
        ('[site]\naddress = "example.org"', {}, ["site.address = 'example.org'", "https://HOST"]),
        ('[site]\nlanguage = "de"', {}, ["site.language = 'de'", "en or fr"]),
        ("[fund]\nstrip_everywhere = 3", {}, ["fund.strip_everywhere = 3", "true or false"]),
        ("[sight]\nname = 1", {}, ["sight.name", "known are: site, web, tracker"]),
        ('name = "x"', {}, ["name = 'x'", "Settings stand in sections: site, web"]),
        (
            "",
            {"LARGESSE_FUND_DONOR_RETENTION_DAYS": "soon"},
            ["LARGESSE_FUND_DONOR_RETENTION_DAYS", "'soon'", "1 to 36500"],
        ),
        ("", {"LARGESSE_NAME": "x"}, ["LARGESSE_NAME = 'x'", "no such setting"]),
        ("", {"LARGESSE_DATABASE_URL": "mysql://a:hunter2@b/c"}, ["database.url = '…'", "postgresql://"]),
    ],
)
def test_a_wrong_setting_is_refused_with_the_key_the_value_and_what_is_allowed(
    tmp_path: Path, toml: str, variables: dict[str, str], told: list[str]
) -> None:
    (tmp_path / "largesse.toml").write_text(toml)
    done = run("config", "--config", "largesse.toml", environment=variables, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (78, "")
    assert "Traceback" not in done.stderr
    assert "hunter2" not in done.stderr
    for part in told:
        assert part in done.stderr


@pytest.mark.parametrize("content", [b"[web", b"\xff\xfe[web]\n"])
def test_a_settings_file_that_is_no_toml_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "largesse.toml").write_bytes(content)
    done = run("config", "--data", ".", cwd=tmp_path)
    assert done.returncode == 78
    assert "TOML in UTF-8" in done.stderr
