"""A browser without scripts: it loads pages, fills their forms as they are, and follows where they lead."""

from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Any
from urllib.parse import urljoin

import httpx


@dataclass
class Form:
    """A form with what its fields hold."""

    action: str
    method: str
    fields: dict[str, str] = field(default_factory=dict)


class _Forms(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.forms: list[Form] = []
        self.open: Form | None = None
        self.select = ""
        self.area = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        told = {name: value or "" for name, value in attrs}
        if tag == "form":
            self.open = Form(told.get("action", ""), told.get("method", "get").lower())
            self.forms.append(self.open)
        if self.open is None:
            return
        name = told.get("name", "")
        if tag == "input" and name:
            is_box = told.get("type") in {"radio", "checkbox"}
            if told.get("type") != "file" and (not is_box or "checked" in told):
                self.open.fields[name] = told.get("value", "on" if is_box else "")
        elif tag == "select":
            self.select = name
        elif tag == "option" and self.select and ("selected" in told or self.select not in self.open.fields):
            self.open.fields[self.select] = told.get("value", "")
        elif tag == "textarea":
            self.area = name
            self.open.fields[name] = ""

    def handle_data(self, data: str) -> None:
        if self.area and self.open is not None:
            self.open.fields[self.area] += data

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self.open = None
        elif tag == "select":
            self.select = ""
        elif tag == "textarea":
            self.area = ""


_open: list[httpx.Client] = []


def close_all() -> None:
    """Close every visitor's browser."""
    while _open:
        _open.pop().close()


class Visitor:
    """Somebody with a browser of their own."""

    def __init__(self, site: str) -> None:
        self.client = httpx.Client(base_url=site, follow_redirects=True, timeout=30)
        _open.append(self.client)

    def page(self, path: str) -> httpx.Response:
        """Load a page that is there."""
        answer = self.client.get(path)
        assert answer.status_code == 200, (path, answer.status_code, answer.text[:2_000])
        return answer

    def words(self, path: str) -> str:
        """Return a page's text with plain spaces."""
        return plain(self.page(path).text)

    def submit(
        self,
        path: str,
        said: dict[str, str] | None = None,
        *,
        action: str = "",
        files: dict[str, Any] | None = None,
        status: int = 200,
    ) -> httpx.Response:
        """Load a page, fill in the form that posts to `action` (default: the page itself), and send it."""
        loaded = self.page(path)
        return self.send(loaded, said, action=action, files=files, status=status)

    def send(
        self,
        loaded: httpx.Response,
        said: dict[str, str] | None = None,
        *,
        action: str = "",
        files: dict[str, Any] | None = None,
        status: int = 200,
    ) -> httpx.Response:
        """Fill in a form of a page that was loaded, and send it; `status` is that of the page it leads to."""
        parser = _Forms()
        parser.feed(loaded.text)
        wanted = action or loaded.url.path
        form = next(
            (
                one
                for one in parser.forms
                if one.method == "post" and urljoin(loaded.url.path, one.action.split("#")[0].split("?")[0]) == wanted
            ),
            None,
        )
        assert form is not None, f"{loaded.url} has no form for {wanted}"
        target = urljoin(str(loaded.url), form.action or str(loaded.url)).split("#")[0]
        headers = {"Referer": str(loaded.url)}
        answer = self.client.post(target, data=form.fields | (said or {}), files=files, headers=headers)
        assert answer.status_code == status, (target, answer.status_code, errors(answer.text))
        return answer

    def sign_in(self, name: str, password: str) -> "Visitor":
        """Sign in with a password."""
        self.submit("/account/login/", {"login": name, "password": password})
        assert name in self.page("/account/me/").text
        return self


def plain(text: str) -> str:
    """Return text with plain spaces instead of those that do not break."""
    return text.replace("\u00a0", " ").replace("&nbsp;", " ")


def errors(page: str) -> list[str]:
    """Return the sentences of a page that say what was wrong."""
    return [part.split("</")[0].rpartition(">")[2].strip() for part in page.split('class="err"')[1:]] or [page[:1_500]]
