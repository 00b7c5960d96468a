"""What pages the book has, and how the table of contents names them."""

from __future__ import annotations

import re
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest
import yaml

from blemore import encoders
from blemore.book import contents
from blemore.book.contents import Page
from blemore.encoders import Encoder, Variant
from blemore.errors import InputError
from blemore.paper import printed_numbers
from tests.conftest import ROOT
from tests.encoders.test_registry import added

MINE = Encoder("mine", "Mine", "video", "clip", "MIT", "nowhere", (Variant("only", 2, "frame", "1 per frame"),), print)


@pytest.fixture(autouse=True)
def _in_the_repository(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)


def test_every_encoder_of_the_registry_and_every_fusion_of_the_paper_has_its_report() -> None:
    reports = [page for page in contents.pages().values() if page.source == "encoder"]
    fusions = [row for row in printed_numbers.table(2)["id"] if "+" in row]
    assert [page.values for page in reports] == [{"encoder": name} for name in [*encoders.known(), *fusions]]
    assert len(fusions) == 4 and "VideoMAEv2 + HuBERT" in [page.title for page in reports]


def test_every_other_notebook_is_one_page_with_its_defaults() -> None:
    found = contents.pages()
    for source in set(contents.sources()) - {"encoder"}:
        assert found[source] == Page(source, source)


def test_names_of_pages_need_no_escape_in_an_address() -> None:
    assert all(re.fullmatch(r"[\w.-]+", name, re.ASCII) for name in contents.pages())


def test_encoder_that_another_package_adds_has_its_report(monkeypatch: pytest.MonkeyPatch) -> None:
    before = set(contents.pages())
    added(monkeypatch, EntryPoint("mine", "tests.book.test_contents:MINE", encoders.GROUP))
    assert set(contents.pages()) - before == {"encoder-mine"}
    assert contents.pages()["encoder-mine"] == Page("encoder-mine", "encoder", {"encoder": "mine"}, "Mine")


def test_two_pages_of_one_name_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    twin = Encoder("imagebind-wavlm", "Mine", "both", "clip", "MIT", "nowhere", MINE.choices, print)
    monkeypatch.setattr(encoders, "known", lambda: {**encoders.REGISTRY, twin.name: twin})
    with pytest.raises(InputError, match=r"notebooks/encoder.py: two pages are named encoder-imagebind-wavlm"):
        contents.pages()


def test_contents_name_every_page_once_and_reports_by_their_title() -> None:
    table = yaml.safe_load((ROOT / "_toc.yml").read_text())
    found = contents.pages()
    full = contents.expanded(table, found)
    entries = [one for part in full["parts"] for one in part["chapters"]]
    files = [one["file"] for one in entries if one["file"].startswith("notebooks/")]
    assert sorted(files) == sorted(f"notebooks/{name}" for name in found)
    assert {one["file"]: one.get("title", "") for one in entries if one["file"] in files} == {
        f"notebooks/{name}": page.title for name, page in found.items()
    }
    (caption,) = {part["caption"] for part in full["parts"] for one in part["chapters"] if "title" in one}
    assert caption == "Encoder reports"
    assert [part["caption"] for part in full["parts"]] == [part["caption"] for part in table["parts"]]


def test_contents_are_completed_at_any_depth_and_the_rest_stays() -> None:
    made = {name: Page(name, "encoder", {}, name.upper()) for name in ("a", "b")} | {"x": Page("x", "x")}
    entry = {"file": "notebooks/x", "sections": [{"file": "notebooks/encoder"}, {"url": "https://example.org"}]}
    full = contents.expanded({"root": "intro", "chapters": [entry]}, made)
    assert full == {
        "root": "intro",
        "chapters": [
            {
                "file": "notebooks/x",
                "sections": [
                    {"file": "notebooks/a", "title": "A"},
                    {"file": "notebooks/b", "title": "B"},
                    {"url": "https://example.org"},
                ],
            }
        ],
    }


def test_outside_the_repository_there_are_no_pages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert contents.pages() == {} and contents.sources() == []
