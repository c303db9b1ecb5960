"""
The upload report: what a publisher should know of a torrent before it is listed.

Red findings must be settled, marigold ones may wait, plain ones inform, and what is in order folds up. The scanner's own
sentence, in English with the names it found, stands under each finding of the scanner together with the byte it is about.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from largesse.torrents.metainfo import Metainfo, Problem, Scan
from largesse.torrents.models import Listing, State, TorrentFile

Text = str | Promise

FINDINGS: dict[str, tuple[Text, Text]] = {
    "too_large": (_("The file is too large"), _("Make the torrent with larger pieces, which need fewer checksums.")),
    "not_a_torrent": (
        _("This is not a .torrent file"),
        _("A .torrent file is a bencoded dictionary. Choose the file that your BitTorrent program made."),
    ),
    "truncated": (_("The file ends in the middle"), _("It was cut on its way. Fetch or make it again.")),
    "trailing_bytes": (
        _("There are bytes after the end"),
        _("Something was added to the file, or it was joined with another. Make it again."),
    ),
    "too_deep": (_("The file is nested too deeply"), _("No program makes such files for an honest reason.")),
    "too_many_tokens": (
        _("The file has too many parts"),
        _("Put small files into archives and make the torrent of those."),
    ),
    "bad_integer": (
        _("A number is written wrongly"),
        _("Programs read such numbers differently. Make the torrent again with another program."),
    ),
    "bad_string": (_("A text has a wrong length"), _("The file is damaged. Fetch or make it again.")),
    "bad_key": (_("A key is not a text"), _("The file is damaged. Fetch or make it again.")),
    "duplicate_key": (
        _("A key stands twice"),
        _(
            "One program would read the first value, another the second, and fetch something else. Make the torrent again."
        ),
    ),
    "wrong_type": (
        _("A value is of the wrong kind"),
        _("The file does not follow the specification. Make it again with another program."),
    ),
    "missing": (
        _("Something is missing that must be there"),
        _("Without it no program can use the torrent. Make it again."),
    ),
    "bad_piece_length": (
        _("The piece length is not allowed"),
        _("It must be above zero, and in a v2 torrent a power of two of at least 16 KiB."),
    ),
    "bad_length": (_("A file has an impossible size"), _("The file is damaged or hostile. Make the torrent again.")),
    "bad_pieces": (
        _("The pieces do not match the size"),
        _("Nobody could complete this torrent. Make it again from the files."),
    ),
    "both_length_and_files": (
        _("It is one file and many files at once"),
        _("Programs differ on which list they take. Make the torrent again."),
    ),
    "no_files": (_("There is no file with content"), _("A torrent must hold at least one byte to be shared.")),
    "unsafe_path": (
        _("A path is not safe"),
        _(
            "It could leave the folder, hide what it is, or cannot exist on common systems. Rename it and make the torrent again."
        ),
    ),
    "path_collision": (
        _("Two paths are the same on some systems"),
        _("They differ only in case or in how letters are composed. Rename one and make the torrent again."),
    ),
    "unsafe_symlink": (
        _("A symbolic link points outside"),
        _("It could make programs write anywhere. Replace the link by the file and make the torrent again."),
    ),
    "unknown_version": (_("The version is not known"), _("Versions 1 and 2 are read, and hybrids of both.")),
    "bad_file_tree": (
        _("The list of files of version 2 is broken"),
        _("Make the torrent again with another program."),
    ),
    "bad_piece_layer": (
        _("Checksums of version 2 are missing or wrong"),
        _("They must hash to the root of their file. Make the torrent again from the files."),
    ),
    "hybrid_mismatch": (
        _("Version 1 and version 2 list different files"),
        _("Readers would fetch different things under one name. Make the torrent again."),
    ),
    "unordered_keys": (
        _("Keys are not in order"),
        _(
            "Some programs compute another infohash for it. It is kept byte for byte; better make it again with another program."
        ),
    ),
    "not_utf8": (
        _("A name is not UTF-8"),
        _("It is shown with replacement signs. On other systems the file may get another name."),
    ),
    "odd_private": (
        _("“private” is neither yes nor no"),
        _("Programs read it differently: some share it in public, some do not. We take it as public."),
    ),
    "unknown_key": (_("A key is not known"), _("It does no harm and is kept.")),
    "no_creation_date": (
        _("It does not say when it was made"),
        _("Nothing to do: the page shows when it was published."),
    ),
    "padding_files": (
        _("It has padding files"),
        _("They align the others to pieces and are hidden in the list of files."),
    ),
    "odd_piece_length": (
        _("The piece length is unusual"),
        _("A power of two works best with all programs. You can publish as it is."),
    ),
    "alternative_name": (
        _("A name stands in two forms"),
        _("Some programs show the one, some the other. The page shows the first."),
    ),
    "ignored_value": (
        _("A value is left out"),
        _("It is malformed and outside the part that is hashed; programs pass it over."),
    ),
}
"""For each code of the scanner: what it means, and what to do."""

HARMLESS = frozenset({"no_creation_date", "unknown_key", "padding_files", "ignored_value"})
"""Warnings that inform and ask for nothing."""

LEFTOVERS = re.compile(
    r"(^|/)(\.DS_Store|Thumbs\.db|desktop\.ini|\.directory|\._[^/]+|__MACOSX/.*|\.git/.*|[^/]*~|\.~lock\.[^/]*)$"
)
"""Files that systems and editors leave in folders."""

MOST_PIECES = 20_000
"""More pieces than this make a .torrent file that is slow to fetch."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the report. `css` is the look of LOOK.md: is-bad, empty for a warning, is-note, is-good."""

    css: str
    icon: str
    title: Text
    advice: Text
    code: str = ""
    offset: int | None = None
    detail: str = ""
    listings: tuple[Listing, ...] = ()
    paths: tuple[str, ...] = ()
    target: str = ""
    """The field of the form that settles it."""


NO_LICENCE = Finding(
    "",
    "warn",
    _("No licence is stated"),
    _("Nothing in the torrent says what readers may do with the files. Say it below if you can."),
    target="id_licence",
)


def report_of(found: Scan, *, states_licence: bool) -> list[Finding]:
    """Return what there is to say, the gravest first."""
    findings = [_told(problem, css="is-bad", icon="stop") for problem in found.refusals]
    if found.is_accepted and found.metainfo is not None:
        findings += [] if states_licence else [NO_LICENCE]
        findings += _remarks(found.metainfo)
    warnings = [
        _told(problem, css="is-note", icon="info") if problem.code in HARMLESS else _told(problem, css="", icon="warn")
        for problem in found.warnings
    ]
    findings += warnings
    return sorted(findings, key=lambda finding: ("is-bad", "", "is-note").index(finding.css))


def _told(problem: Problem, *, css: str, icon: str) -> Finding:
    title, advice = FINDINGS.get(problem.code, (problem.code, ""))
    return Finding(css, icon, title, advice, problem.code, problem.offset, problem.message)


def _remarks(metainfo: Metainfo) -> Iterator[Finding]:
    if metainfo.v2 is None:
        yield Finding(
            "",
            "warn",
            _("No checksums per file"),
            _(
                "A v1 torrent only has checksums of pieces that run across files. Readers cannot check one file alone, and we cannot show which other torrents hold it. A hybrid torrent keeps old programs working and adds both."
            ),
        )
    if metainfo.size_bytes // metainfo.piece_length_bytes > MOST_PIECES:
        yield Finding(
            "",
            "warn",
            _("Small pieces for this size"),
            _("They make a large .torrent file, slow to fetch on a phone. You can publish as it is."),
        )
    leftovers = tuple(file.path for file in metainfo.files if LEFTOVERS.search(file.path))
    if leftovers:
        yield Finding(
            "",
            "warn",
            _("Some files look like leftovers"),
            _("They do no harm, but every reader will download them."),
            paths=leftovers[:5],
        )
    elsewhere = _same_files(metainfo)
    if elsewhere:
        yield Finding(
            "is-note",
            "info",
            _("Some of these files are already here"),
            _("They are byte for byte the same as in the torrents below, whatever their names."),
            listings=elsewhere,
        )
    if metainfo.announce:
        yield Finding(
            "is-note",
            "info",
            _("Our tracker takes the place of others"),
            _("In the copy that we hand out only the announce addresses change; the infohash stays."),
        )
    if metainfo.is_private:
        yield Finding(
            "is-note",
            "info",
            _("It is private"),
            _("Programs ask only our tracker for peers, never the DHT. That suits members-only sites."),
        )


def _same_files(metainfo: Metainfo) -> tuple[Listing, ...]:
    """Return up to three listings that hold a file with the same v2 root, which means the same bytes (BEP 52)."""
    roots = [file.pieces_root.hex() for file in metainfo.files[:500] if file.pieces_root and file.size_bytes]
    if not roots:
        return ()
    torrents = TorrentFile.objects.filter(pieces_root__in=roots).values("torrent")
    return tuple(Listing.objects.filter(state=State.LISTED, torrent__in=torrents).order_by("-listed_at")[:3])
