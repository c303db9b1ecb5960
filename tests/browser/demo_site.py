"""A site with demo content, an account for each role, and one listing whose every word is as long as it may be."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

from browsing import PASSWORD, Visit
from processes import RunningSite, start_site

ROLES = ("member", "publisher", "moderator", "treasurer", "administrator")
"""Each is the name of an account, too."""
LONG_NAME = "W" * 150
FILL = f"""
import pathlib, tempfile
from largesse.accounts.models import User
from largesse.site.actions.publish_news import publish_news
from largesse.torrents.actions.edit_listing import edit_listing
from largesse.torrents.actions.list_torrent import ListingDraft, list_torrent
from largesse.torrents.actions.withdraw_listing import withdraw_listing
from largesse.torrents.making import make_torrent

def account(name, role):
    user = User(username=name, email=f"{{name[:20]}}@example.org", role=role)
    user.set_password({PASSWORD!r})
    user.save()
    return user

def listed(path, **said):
    content = make_torrent(path).metainfo_bytes
    return list_torrent(publisher=long, metainfo_bytes=content, listing=ListingDraft(**said))

for role in {ROLES!r}:
    account(role, role)
long = account({LONG_NAME!r}, "administrator")
columns = "|".join("column" for number in range(12))
licences = " OR ".join(("MIT", "Apache-2.0", "GPL-3.0-or-later", "CC-BY-SA-4.0", "BSD-3-Clause", "EUPL-1.2", "MPL-2.0", "ISC"))
rules = "|".join("---" for number in range(12))
text = "\\n\\n".join((
    "# " + "H" * 120, "W" * 400, "<https://example.org/" + "a" * 300 + ">", columns + "\\n" + rules + "\\n" + columns,
    "```\\n" + "code " * 80 + "\\n```", "> " + "q" * 200, "- " + "l" * 200 + "\\n  1. " + "n" * 200,
))
with tempfile.TemporaryDirectory() as folder:
    root = pathlib.Path(folder, "W" * 120)
    deep = root / ("d" * 200)
    deep.mkdir(parents=True)
    (deep / ("f" * 200 + ".txt")).write_bytes(b"x" * 70_000)
    (root / "second.txt").write_bytes(b"2")
    wide = listed(root, title="M" * 200, description=text, category="sound", tags=("t" * 30, "u" * 30))
    gone = listed(root / "second.txt", title="X" * 200)
    (root / "third.txt").write_bytes(b"3")
    listed(root, title="The same files, and a third")
edit_listing(wide, editor=long, version=1, draft=ListingDraft(
    title="Z" * 200, description=text + "y" * 300, category="sound", licence=licences,
    licence_note="N" * 300, language="fr", tags=("t" * 30,)))
withdraw_listing(gone, editor=long, reason="R" * 400)
publish_news(author=long, title="N" * 120, text=text)
print(wide.path, wide.path + "files/", gone.path)
"""


@contextmanager
def running_demo(folder: Path) -> Iterator[tuple[RunningSite, list[str]]]:
    """Run the site; yields it, with the paths of the long listing, of its files, and of one that was withdrawn."""
    with start_site(folder, "--demo") as running:
        yield running, running.shell(FILL).split()


def upload(visit: Visit, content: bytes, *, name: str = "a.torrent") -> str:
    """Bring a .torrent file to the form, as a publisher who is signed in; return the path of its report."""
    visit.go("/publish/")
    visit.page.set_input_files("input[type=file]", {"name": name, "mimeType": "", "buffer": content})
    visit.page.locator("main form button[type=submit]").click()
    visit.page.wait_for_url("**/publish/*/")
    return urlsplit(visit.page.url).path
