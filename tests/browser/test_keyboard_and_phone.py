"""The index with a keyboard alone, and on a phone: what has the focus is seen, and everything can be reached."""

from typing import Any

import pytest

from browser.conftest import Visitor
from browsing import Visit
from processes import RunningSite

pytestmark = pytest.mark.browser

MOST_STEPS = 150
FOCUSED = """() => {
  const one = document.activeElement;
  if (!one || one === document.body) return null;
  const marked = (node) => {
    const style = getComputedStyle(node);
    return style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2;
  };
  let holder = one;
  while (holder && !marked(holder)) holder = holder.parentElement;
  const box = (holder || one).getBoundingClientRect();
  return {
    what: `${one.tagName} ${one.id || one.getAttribute("href") || one.textContent.trim().slice(0, 40)}`,
    hasOutline: holder !== null,
    isSeen: box.width >= 8 && box.height >= 8 && box.bottom > 0 && box.top < innerHeight && box.right > 0 && box.left < innerWidth,
  };
}"""
"""What has the focus, whether it or what it stands in is outlined, and whether that is on the screen."""


@pytest.fixture(scope="module")
def site(demo: tuple[RunningSite, list[str]]) -> RunningSite:
    return demo[0]


def walk(visit: Visit) -> list[dict[str, Any]]:
    """Press Tab through the whole page; return what had the focus."""
    found: list[dict[str, Any]] = []
    for _ in range(MOST_STEPS):
        visit.page.keyboard.press("Tab")
        focused = visit.page.evaluate(FOCUSED)
        if focused is None:
            return found
        found.append(focused)
    return found


@pytest.mark.parametrize("width", [390, 1280])
def test_whatever_has_the_focus_is_outlined_and_on_the_screen(
    visitor: Visitor, demo: tuple[RunningSite, list[str]], width: int
) -> None:
    visit = visitor(viewport={"width": width, "height": 900}, reduced_motion="reduce")
    visit.sign_in("administrator")
    for path in ("/", "/browse/", demo[1][0], f"{demo[1][0]}edit/", "/publish/", "/journal/"):
        visit.go(path)
        found = walk(visit)
        assert len(found) > 10, path
        unseen = [one["what"] for one in found if not (one["hasOutline"] and one["isSeen"])]
        assert unseen == [], path


def test_control_a_focus_without_an_outline_is_noticed(visitor: Visitor) -> None:
    visit = visitor()
    visit.go("/about/")
    visit.page.evaluate("document.querySelectorAll('footer a').forEach(one => { one.style.outline = 'none'; })")
    assert not all(one["hasOutline"] for one in walk(visit))


def test_the_first_stop_leads_past_the_masthead(visitor: Visitor) -> None:
    visit = visitor()
    visit.go("/browse/")
    visit.page.keyboard.press("Tab")
    assert visit.page.evaluate("document.activeElement.textContent") == "Skip to content"
    visit.page.keyboard.press("Enter")
    visit.page.keyboard.press("Tab")
    assert visit.page.evaluate("document.querySelector('main').contains(document.activeElement)")


def test_a_folder_opens_and_closes_with_the_keyboard(visitor: Visitor, demo: tuple[RunningSite, list[str]]) -> None:
    visit = visitor()
    visit.go(demo[1][0])
    folder = visit.page.locator(".tree details").first
    folder.locator("summary").first.focus()
    before = folder.get_attribute("open") is not None
    visit.page.keyboard.press("Enter")
    assert (folder.get_attribute("open") is not None) is not before
    visit.page.keyboard.press("Space")
    assert (folder.get_attribute("open") is not None) is before


def test_a_phone_shows_filters_when_they_are_asked_for(visitor: Visitor) -> None:
    visit = visitor(viewport={"width": 390, "height": 844}, java_script_enabled=False)
    page = visit.page
    visit.go("/browse/")
    filters = page.locator("#filters")
    assert not filters.is_visible()
    page.get_by_role("link", name="Filters").click()
    assert filters.is_visible()
    page.get_by_role("link", name="Close without changes").click()
    assert not filters.is_visible()
    page.get_by_role("link", name="Filters").click()
    page.locator("#filters [name=tag]").fill("csv")
    filters.get_by_role("button", name="Show", exact=True).click()
    assert not filters.is_visible()
    assert "tag=csv" in page.url


def test_a_phone_has_room_for_every_finger(visitor: Visitor) -> None:
    """Rows fold: the magnet of each listing grows to 40 px (LOOK.md says so), and nothing that is pressed is below 24."""
    visit = visitor(viewport={"width": 390, "height": 844})
    visit.go("/browse/")
    boxes = [one.bounding_box() for one in visit.page.locator(".list .c-g a").all()]
    assert boxes
    assert all(box and box["width"] >= 40 and box["height"] >= 40 for box in boxes)
