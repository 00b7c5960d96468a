"""The built book in a real browser: what a reader's machine asks for, shows, says and stumbles over.

The site is read from ``build/site/_build/html`` (``make book``) or the folder in ``BLEMORE_SITE``. No server: the
browser's requests are answered from that folder, and whatever else it asks for is refused and remembered.
"""

from __future__ import annotations

import gzip
import importlib.util
import os
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import NoReturn
from urllib.parse import unquote, urlsplit

import pytest
from axe_playwright_python.base import AXE_SCRIPT
from playwright.sync_api import Browser, Page, Route, sync_playwright

ROOT = Path(__file__).resolve().parents[2]
ORIGIN = "http://book.invalid"
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
COMPRESSED = {".html", ".css", ".js", ".svg", ".json"}  # what a web server sends gzipped
LANDING_LIMIT = 320_000  # bytes on the wire

# Axe takes seconds a page, so it is spared what cannot differ: the inside of a figure (one image to a screen reader),
# structure in the second theme, colours at the second width but for the phone's top bar.
COLOURS = {"runOnly": ["color-contrast"]}
AXE_RUNS: dict[tuple[int, str], tuple[dict, dict]] = {
    (1440, "light"): ({"exclude": [".fig-svg"]}, {}),
    (1440, "dark"): ({"exclude": [".fig-svg"]}, COLOURS),
    (390, "light"): ({"exclude": [".fig-svg"]}, {"rules": {"color-contrast": {"enabled": False}}}),
    (390, "dark"): ({"include": [".bd-header-article"]}, COLOURS),
}

# One pass over the page as it stands
INSPECT = """async ([theme, part, options]) => {
  const html = document.documentElement;
  const all = selector => [...document.querySelectorAll(selector)];
  for (let frames = 0; frames < 60 && html.dataset.theme !== theme; frames++) await new Promise(requestAnimationFrame);
  await Promise.all(document.getAnimations().map(animation => animation.finished));  // colours fade in
  await document.fonts.ready;
  const named = e => e.getAttribute('aria-label') || e.closest('[aria-hidden=true], button, a');
  return {
    theme: html.dataset.theme,
    overflow: html.scrollWidth - html.clientWidth,
    links: all('a[href]').map(a => a.href),
    unnamed: all('img').filter(i => !i.hasAttribute('alt') || /[.](png|svg|jpe?g)$/.test(i.alt)).map(i => i.src)
      .concat(all('svg').filter(s => !named(s)).map(s => s.outerHTML.slice(0, 80))),
    ink: all('.fig-svg').filter(s => getComputedStyle(s).color !== getComputedStyle(s.closest('article')).color).length,
    fonts: [...document.fonts].filter(f => f.status === 'error').map(f => f.family),
    axe: (await axe.run(part, {...options, preload: false, resultTypes: ['violations']})).violations
      .filter(v => v.impact !== 'minor').map(v => `${v.impact} ${v.id}: ${v.nodes.map(n => n.target).join(' | ')}`),
  };
}"""

# Code is folded away at first; what then scrolls must be reachable by keyboard
UNFOLD = "document.querySelectorAll('details').forEach(details => { details.open = true; })"
REACHABLE = (
    "[...document.querySelectorAll('pre')].every(box => box.scrollWidth <= box.clientWidth || box.tabIndex === 0)"
)


@dataclass
class Record:
    """What a page asked for and complained about."""

    errors: list[str] = field(default_factory=list)
    outside: list[str] = field(default_factory=list)
    files: list[Path] = field(default_factory=list)


@dataclass(frozen=True)
class Visit:
    """One page at one width in one theme: what `INSPECT` saw in it, and its record."""

    page: str
    width: int
    theme: str
    seen: dict
    record: Record

    def __str__(self) -> str:
        return f"{self.page} ({self.width} px, {self.theme})"


def absent(what: str) -> NoReturn:
    """Skip, except where the book is meant to be complete."""
    (pytest.fail if os.environ.get("CI") else pytest.skip)(what)


@pytest.fixture(scope="module")
def site() -> Path:
    folder = Path(os.environ.get("BLEMORE_SITE", ROOT / "build/site/_build/html")).resolve()
    if not (folder / "index.html").is_file():
        absent(f"no built book in {folder}: run `make book`, or set BLEMORE_SITE")
    return folder


@pytest.fixture(scope="module")
def pages(site: Path) -> list[str]:
    """Every page but the root, which only refers to the landing page."""
    found = (path.relative_to(site).as_posix() for path in site.rglob("*.html"))
    return sorted(name for name in found if name != "index.html" and not name.startswith("_"))


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    if CHROMIUM is None:
        absent("no Chromium: apt-get install chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM)
        yield browser
        browser.close()


def open_page(browser: Browser, site: Path, record: Record, width: int = 1440) -> Page:
    """Return a blank page that is answered from the site and keeps the record."""
    page = browser.new_page(viewport={"width": width, "height": 900}, reduced_motion="reduce")

    def answer(route: Route) -> None:
        url = urlsplit(route.request.url)
        if f"{url.scheme}://{url.netloc}" != ORIGIN:
            record.outside.append(route.request.url)
            route.abort()
        elif (path := site / unquote(url.path).lstrip("/")).is_file():
            record.files.append(path)
            route.fulfill(path=path)
        else:
            route.fulfill(status=404)  # the console reports it

    page.route(lambda url: not url.startswith(("file:", "data:")), answer)
    page.on("console", lambda message: record.errors.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: record.errors.append(str(error)))
    return page


@pytest.fixture(scope="module")
def visits(browser: Browser, site: Path, pages: list[str]) -> list[Visit]:
    """Every page at both widths, and in both themes as the reader's system changes from light to dark."""
    done = []
    for width in (1440, 390):
        record = Record()
        page = open_page(browser, site, record, width)
        for name in pages:
            page.emulate_media(color_scheme="light")
            page.goto(f"{ORIGIN}/{name}")
            page.evaluate(UNFOLD)
            page.wait_for_function(REACHABLE, timeout=5000)
            page.evaluate(AXE_SCRIPT)
            for theme in ("light", "dark"):
                page.emulate_media(color_scheme=theme)
                seen = page.evaluate(INSPECT, [theme, *AXE_RUNS[width, theme]])
                done.append(Visit(name, width, theme, seen, replace(record)))
                record.errors, record.outside, record.files = [], [], []
        page.close()
    return done


def problems(visits: list[Visit], key: str) -> list[str]:
    return [f"{visit}: {visit.seen[key]}" for visit in visits if visit.seen[key]]


def test_no_request_leaves_the_site(visits: list[Visit]) -> None:
    assert not [f"{visit}: {visit.record.outside}" for visit in visits if visit.record.outside]


def test_console_stays_silent(visits: list[Visit]) -> None:
    assert not [f"{visit}: {visit.record.errors}" for visit in visits if visit.record.errors]


def test_axe_finds_nothing_of_weight(visits: list[Visit]) -> None:
    assert not problems(visits, "axe")


def test_no_page_scrolls_sideways(visits: list[Visit]) -> None:
    assert not problems(visits, "overflow")


def test_every_picture_has_words(visits: list[Visit]) -> None:
    assert not problems(visits, "unnamed")


def test_figures_and_fonts_follow_the_theme(visits: list[Visit]) -> None:
    assert all(visit.seen["theme"] == visit.theme for visit in visits)
    assert not problems(visits, "ink")
    assert not problems(visits, "fonts")


def test_every_inner_link_lands(visits: list[Visit], site: Path) -> None:
    links = {(visit.page, link) for visit in visits for link in visit.seen["links"] if link.startswith(ORIGIN)}
    dead = []
    for page, link in sorted(links):
        url = urlsplit(link)
        target = site / unquote(url.path).lstrip("/")
        if not target.is_file() or (url.fragment and f'id="{unquote(url.fragment)}"' not in target.read_text("utf-8")):
            dead.append(f"{page}: {link}")
    assert not dead


def test_landing_page_is_light(browser: Browser, site: Path) -> None:
    record = Record()
    page = open_page(browser, site, record)
    page.goto(f"{ORIGIN}/index.html")
    page.wait_for_url(re.compile(r"/(?!index)\w+\.html"))  # the root refers to the landing page
    page.wait_for_load_state("networkidle")
    page.close()
    wire = {
        path: len(gzip.compress(path.read_bytes())) if path.suffix in COMPRESSED else path.stat().st_size
        for path in record.files
    }
    heaviest = sorted(((size, path.name) for path, size in wire.items()), reverse=True)[:5]
    assert sum(wire.values()) < LANDING_LIMIT, f"{sum(wire.values())} bytes, most of them {heaviest}"


@pytest.mark.parametrize("scheme", ["http", "file"])
def test_search_finds_a_page_by_a_word_of_its_title(
    browser: Browser, site: Path, pages: list[str], scheme: str
) -> None:
    target = next(name for name in pages if "/" in name)  # a notebook: its page lies in a folder
    record = Record()
    page = open_page(browser, site, record)
    page.goto(f"{ORIGIN}/{target}" if scheme == "http" else (site / target).as_uri())
    word = max(re.findall(r"\w+", page.locator("article h1").first.inner_text()), key=len)
    assert not record.errors  # of the page; the list of results fetches excerpts, which file:// forbids
    page.keyboard.press("Control+k")
    page.keyboard.type(word)
    page.keyboard.press("Enter")
    page.locator(f'#search-results a[href*="{target}"]').first.wait_for(timeout=5000)
    page.close()
    assert not record.outside


@pytest.mark.parametrize(
    ("latex", "expected"),
    [
        (r"\alpha + \beta", "<mi>α</mi><mo>+</mo><mi>β</mi>"),
        (r"\mathrm{ACC}_{\mathrm{presence}}", "<msub><mi>ACC</mi><mi>presence</mi></msub>"),
        (r"\frac{1}{N} \sum_{n=1}^{N} x_n", "<mfrac><mn>1</mn><mi>N</mi></mfrac><munderover>"),
        (r"\hat{y}_i", '<msub><moveraccent="true"><mi>y</mi><mostretchy="false">ˆ</mo></mover><mi>i</mi></msub>'),
        (r"D_{\mathrm{KL}}(q \,\|\, p)", '<mostretchy="false">‖</mo>'),
        (r"q \log \frac{q}{p}", '<mi>q</mi><mspacewidth="0.1667em"></mspace><mi>log</mi>'),
    ],
)
def test_formula_becomes_mathml(latex: str, expected: str) -> None:
    nodes = pytest.importorskip("docutils.nodes")
    spec = importlib.util.spec_from_file_location("companion", ROOT / "book/_ext/companion.py")
    companion = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(companion)
    assert expected in re.sub(r"\s", "", companion.mathml(nodes.math(latex, latex), block=True))


def test_pages_name_no_folder_of_the_machine_that_built_them(site: Path, pages: list[str]) -> None:
    folders = {str(folder) for folder in (ROOT, Path.home(), site) if len(folder.parts) > 2}
    assert not [(page, name) for page in pages for name in folders if name in (site / page).read_text("utf-8")]
