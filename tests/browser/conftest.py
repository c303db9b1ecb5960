"""
A running site and visitors with a real browser.

The browser ends with each module: while playwright's loop runs, Django refuses the database to this thread. So these tests ask
the running site, never the database of the test run.
"""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser

from browser.demo_site import running_demo
from browsing import Visit, chromium, open_visit
from processes import RunningSite, start_site

Visitor = Callable[..., Visit]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningSite]:
    """Run a site that is shared by the module's tests."""
    with start_site(tmp_path_factory.mktemp("site")) as running:
        yield running


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[RunningSite, list[str]]]:
    """Run a site with demo content and accounts; with the paths that `demo_site.running_demo` tells."""
    with running_demo(tmp_path_factory.mktemp("site")) as running:
        yield running


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Run a browser that is shared by the module's tests."""
    with chromium() as running:
        yield running


@pytest.fixture
def visitor(site: RunningSite, browser: Browser) -> Iterator[Visitor]:
    """
    Return what opens a page for a new visitor; at the end nothing may have gone wrong unseen.

    Its arguments are those of `browsing.open_visit`; `address` is the site's own unless it is given.
    """
    visits: list[Visit] = []

    def open_page(*, address: str = "", **profile: Any) -> Visit:
        visits.append(open_visit(browser, address or site.site, **profile))
        return visits[-1]

    yield open_page
    trouble = [line for visit in visits for line in visit.trouble()]
    for visit in visits:
        visit.page.context.close()
    assert trouble == []
