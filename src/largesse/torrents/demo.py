"""
Demo content: a dozen listings of made-up files, so that a new site can be looked at with something in it.

Everything is computed here from fixed seeds and given away under CC0, so each run makes the same bytes and the same info-hashes.
The files are kept under `demo/` of the data folder, where they can be seeded from.
"""

import csv
import io
import json
import math
import random
import struct
import wave
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from django.conf import settings

from largesse.accounts.models import Role, User
from largesse.kit.clock import utc_now
from largesse.torrents.actions.list_torrent import ListingDraft, list_torrent
from largesse.torrents.making import make_torrent
from largesse.torrents.metainfo import scan
from largesse.torrents.models import Listing
from largesse.torrents.queries import existing_listing

Files = Iterator[tuple[str, bytes]]


@dataclass(frozen=True, slots=True)
class Demo:
    """One made-up torrent: what it says, who gives it, and how its files are made."""

    name: str
    publisher: str
    draft: ListingDraft
    files: Callable[[random.Random], Files]


def fill() -> list[Listing]:
    """Make and list what is not listed yet, the newest last; return all of the demo's listings."""
    folder = Path(settings.CONFIG.data) / "demo"
    listings = []
    for position, demo in enumerate(DEMOS):
        root = folder / demo.name
        if not root.exists():
            _write(root, demo.files(random.Random(demo.name)))  # noqa: S311 - made-up content, not a secret.
        content = make_torrent(root).metainfo_bytes
        metainfo = scan(content).metainfo
        existing = existing_listing(metainfo) if metainfo else None
        if existing is None:
            listed_at = utc_now() - timedelta(hours=(len(DEMOS) - position - 1) * 31)
            existing = list_torrent(
                publisher=_publisher(demo.publisher),
                metainfo_bytes=content,
                listing=demo.draft,
                clock=lambda listed_at=listed_at: listed_at,  # type: ignore[misc]
            )
        listings.append(existing)
    return listings


def _publisher(name: str) -> User:
    """Return a publisher of the demo; nobody can sign in as it."""
    found = User.objects.filter(username=name).first()
    if found is None:
        found = User(username=name, role=Role.PUBLISHER)
        found.set_unusable_password()
        found.save()
    return found


def _write(root: Path, files: Files) -> None:
    """Write the files beside their place, then name the folder, so that it is there whole or not at all."""
    beside = root.with_name(f".{root.name}.part")
    for path, content in files:
        file = beside / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
    beside.replace(root)


SYLLABLES = ("la", "ri", "ve", "mont", "so", "lu", "ca", "ne", "dor", "mi", "sel", "ta", "ou", "bre", "fin", "gal")


def _word(chance: random.Random) -> str:
    return "".join(chance.choices(SYLLABLES, k=chance.randint(1, 4)))


def _prose(chance: random.Random, *, paragraphs: int) -> bytes:
    """Write paragraphs in a language that does not exist."""
    lines = []
    for _ in range(paragraphs):
        sentences = (
            " ".join(_word(chance) for _ in range(chance.randint(5, 14))).capitalize()
            for _ in range(chance.randint(3, 7))
        )
        lines.append(". ".join(sentences) + ".")
    return "\n\n".join(lines).encode()


def _table(chance: random.Random, *, rows: int, columns: int) -> bytes:
    """Write a CSV table of made-up measurements."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(["station", "day", *(f"value_{number}" for number in range(1, columns + 1))])
    for row in range(rows):
        writer.writerow([_word(chance), row, *(f"{chance.gauss(12, 4):.2f}" for _ in range(columns))])
    return text.getvalue().encode()


def _tone(*, hertz: float, seconds: float) -> bytes:
    """Write one tone as WAV, mono, 16 bits, 22,050 samples a second."""
    rate = 22_050
    count = int(rate * seconds)
    samples = (
        int(12_000 * math.sin(2 * math.pi * hertz * step / rate) * min(1, (count - step) / 2_000))
        for step in range(count)
    )
    target = io.BytesIO()
    with wave.open(target, "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(2)
        sound.setframerate(rate)
        sound.writeframes(b"".join(struct.pack("<h", sample) for sample in samples))
    return target.getvalue()


def _drawing(chance: random.Random) -> bytes:
    """Draw squares as SVG."""
    squares = "".join(
        f'<rect x="{chance.randint(0, 380)}" y="{chance.randint(0, 380)}" width="{chance.randint(4, 40)}" height="14"/>'
        for _ in range(120)
    )
    return f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 400 400">{squares}</svg>\n'.encode()


def _map(chance: random.Random) -> bytes:
    """Draw an island's coast as GeoJSON."""
    coast = [
        [round(math.cos(angle / 60) * (1 + chance.random() / 4), 5), round(math.sin(angle / 60), 5)]
        for angle in range(377)
    ]
    shape = {"type": "Polygon", "coordinates": [[*coast, coast[0]]]}
    return json.dumps({"type": "Feature", "properties": {"name": _word(chance).title()}, "geometry": shape}).encode()


def _letters(chance: random.Random) -> Files:
    for year in range(1871, 1879):
        for number in range(1, 9):
            yield f"{year}/letter {number:02}.txt", _prose(chance, paragraphs=6)
    yield "LICENCE.txt", b"CC0-1.0\n"


def _weather(chance: random.Random) -> Files:
    for year in range(2001, 2013):
        yield f"measurements/{year}.csv", _table(chance, rows=365, columns=8)
    yield "README.md", b"# Weather of a town that does not exist\n\nOne row a day and station.\n"


def _scales(_: random.Random) -> Files:
    for number, name in enumerate(("do", "ré", "mi", "fa", "sol", "la", "si")):
        yield f"{number + 1} {name}.wav", _tone(hertz=261.63 * 2 ** (number / 7), seconds=2)


def _drawings(chance: random.Random) -> Files:
    for number in range(1, 41):
        yield f"sheets/sheet {number:03}.svg", _drawing(chance)


def _islands(chance: random.Random) -> Files:
    for number in range(1, 13):
        yield f"island-{number:02}.geojson", _map(chance)


def _primes(_: random.Random) -> Files:
    sieve = bytearray([1]) * 400_000
    sieve[:2] = b"\0\0"
    for number in range(2, 633):
        if sieve[number]:
            sieve[number * number :: number] = bytes(len(range(number * number, 400_000, number)))
    primes = (number for number, is_prime in enumerate(sieve) if is_prime)
    yield "primes-below-400000.txt", "\n".join(map(str, primes)).encode()


def _weights(chance: random.Random) -> Files:
    yield "config.json", json.dumps({"layers": 4, "width": 64, "vocabulary": 512}).encode()
    for number in range(1, 4):
        yield f"weights-{number:05}-of-00003.bin", chance.randbytes(1_500_000)


def _program(chance: random.Random) -> Files:
    yield "hello.py", b'"""Greets."""\n\nprint("Hello, reader.")\n'
    yield "words.txt", "\n".join(sorted({_word(chance) for _ in range(4_000)})).encode()
    yield "empty.cfg", b""


def _novel(chance: random.Random) -> Files:
    for number in range(1, 31):
        yield f"chapitre {number:02}.txt", _prose(chance, paragraphs=40)


def _frames(chance: random.Random) -> Files:
    for number in range(48):
        pixels = bytes(
            (column * 3 + row * 2 + number * 5 + chance.randint(0, 8)) % 256
            for row in range(72)
            for column in range(128)
        )
        yield f"frames/{number:04}.pgm", b"P5 128 72 255\n" + pixels


def _survey(chance: random.Random) -> Files:
    yield "survey.csv", _table(chance, rows=4_000, columns=12)
    yield "codebook.md", b"# Codebook\n\nEvery person in it is made up.\n"


def _dictionary(chance: random.Random) -> Files:
    for letter in "abcdefghijklmnopqrstuvwxyz":
        entries = sorted(letter + _word(chance) for _ in range(300))
        yield f"{letter}.tsv", "\n".join(f"{entry}\t{_word(chance)}" for entry in entries).encode()


MADE_UP = "Made up for this demo: every file is computed, and given away under CC0.\n\n"

DEMOS = (
    Demo(
        "Letters from Rivemont, 1871-1878",
        "rivemont-archive",
        ListingDraft(
            title="Letters from Rivemont, 1871–1878, plain text",
            description=MADE_UP
            + "Sixty-four letters in a language that does not exist.\n\n- one folder a year\n- UTF-8",
            category="text",
            licence="CC0-1.0",
            tags=("letters", "19th century"),
        ),
        _letters,
    ),
    Demo(
        "rivemont-weather-2001-2012",
        "rivemont-archive",
        ListingDraft(
            title="Daily weather of Rivemont, 2001–2012, CSV",
            description=MADE_UP + "| column | unit |\n|---|---|\n| value_1 | °C |\n| value_2 | hPa |",
            category="data",
            licence="CC0-1.0",
            tags=("weather", "csv"),
        ),
        _weather,
    ),
    Demo(
        "gammes",
        "ada",
        ListingDraft(
            title="Gammes pour accorder un instrument, WAV",
            description="Sept notes calculées, deux secondes chacune. Contenu inventé pour cette démonstration.",
            category="sound",
            licence="CC0-1.0",
            language="fr",
            tags=("musique",),
        ),
        _scales,
    ),
    Demo(
        "forty-sheets",
        "ada",
        ListingDraft(
            title="Forty sheets of squares, SVG",
            description=MADE_UP,
            category="images",
            licence="CC0-1.0",
            tags=("svg",),
        ),
        _drawings,
    ),
    Demo(
        "islands",
        "open-maps-circle",
        ListingDraft(
            title="Coasts of twelve islands, GeoJSON",
            description=MADE_UP,
            category="maps",
            licence="ODbL-1.0",
            tags=("coast", "geojson"),
        ),
        _islands,
    ),
    Demo(
        "primes",
        "numbers",
        ListingDraft(
            title="Primes below 400 000",
            description="One a line.",
            category="data",
            licence="CC0-1.0",
            tags=("numbers",),
        ),
        _primes,
    ),
    Demo(
        "tiny-model",
        "numbers",
        ListingDraft(
            title="A tiny model with random weights",
            description=MADE_UP + "It knows nothing, which it says with confidence.",
            category="models",
            licence="Apache-2.0",
            tags=("weights",),
        ),
        _weights,
    ),
    Demo(
        "hello-1.0",
        "ada",
        ListingDraft(
            title="Hello 1.0, a program that greets",
            description="`python3 hello.py`",
            category="software",
            licence="MIT OR Apache-2.0",
            tags=("python",),
        ),
        _program,
    ),
    Demo(
        "La rive et le mont",
        "rivemont-archive",
        ListingDraft(
            title="La rive et le mont, roman en trente chapitres",
            description="Texte inventé pour cette démonstration, dans une langue qui n’existe pas.",
            category="text",
            licence="CC-BY-SA-4.0",
            language="fr",
            tags=("roman",),
        ),
        _novel,
    ),
    Demo(
        "two-seconds-of-light",
        "ada",
        ListingDraft(
            title="Two seconds of light, 48 frames",
            description=MADE_UP,
            category="film",
            licence="CC-BY-4.0",
            tags=("frames",),
        ),
        _frames,
    ),
    Demo(
        "survey-of-nobody",
        "numbers",
        ListingDraft(
            title="A survey of 4 000 people who do not exist",
            description=MADE_UP,
            category="data",
            licence_note="No licence is stated, to show how the page says so.",
            tags=("csv", "survey"),
        ),
        _survey,
    ),
    Demo(
        "dictionary",
        "open-maps-circle",
        ListingDraft(
            title="Dictionary of a language without speakers, TSV",
            description=MADE_UP + "Twenty-six files, one a letter.",
            category="text",
            licence="CC0-1.0",
            tags=("dictionary",),
        ),
        _dictionary,
    ),
)
"""What the demo lists, the oldest first."""
