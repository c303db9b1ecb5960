"""The fund speaks French: every string has its translation, and pages show it."""

from pathlib import Path

import pytest
from babel.messages.pofile import read_po
from django.test import Client

from drive_factories import give, make_drive
from largesse import drives

PO = Path(drives.__file__).parent / "locale/fr/LC_MESSAGES/django.po"


def test_every_string_has_its_translation() -> None:
    with PO.open("rb") as file:
        catalogue = read_po(file, locale="fr")
    assert [message.id for message in catalogue if message.id and (message.fuzzy or not message.string)] == []
    placeholders = [message.id for message in catalogue if message.id and list(message.check(catalogue))]
    assert placeholders == []


@pytest.mark.django_db
def test_the_drives_page_is_french(client: Client) -> None:
    drive = make_drive()
    give(drive, 2_064_000)
    page = client.get(drive.path, headers={"Accept-Language": "fr"}).content.decode().replace("\u00a0", " ")
    for words in (
        "<b>20 640 $</b> donnés sur 30 000 $",
        "<b>9 360 $</b> manquants",
        "Notre part du contrat",
        "Grand livre public",
    ):
        assert words in page
    for words in ("missing", "Public ledger", "Give to the drive"):
        assert words not in page
