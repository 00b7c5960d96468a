"""What pages show: tables, badges, cards; hostile text stays text, and no number goes without its origin."""

from __future__ import annotations

import dataclasses
import json
import re
import tempfile
from collections import Counter
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from blemore.challenge import clips
from blemore.challenge.metrics import wilson_interval
from blemore.errors import BlemoreError
from blemore.paper import comparison, printed_numbers
from blemore.paper.comparison import LABELS, VERDICTS, Comparison
from blemore.results.claims import about_results, ledger
from blemore.show import drawing, html, page_tables
from blemore.show.html import DATA_TYPE, Column, Fragment
from blemore.sources import recorded, released
from blemore.sources.recorded import Input
from blemore.system import fingerprints
from tests.conftest import ROOT, ShownPage, page, real, runs_once

HOSTILE = "<script>alert(\"x\")</script> R&D 'a' </td>"
VOID = {"br", "hr", "img", "use", "path", "rect"}


class Markup(HTMLParser):
    """The tags, attributes and text of a fragment; it must be well nested."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text: list[tuple[str, str]] = []
        self.feed(html)
        self.close()
        assert not self.open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        self.open += [] if tag in VOID else [tag]

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        if tag not in VOID:
            assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text.append((self.open[-1] if self.open else "", data))

    def within(self, tag: str) -> str:
        return "".join(text for where, text in self.text if where == tag)

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.tags if name == tag]

    def labels(self) -> list[str]:
        return [str(one["class"]).split()[0] for one in self.all("span") if str(one.get("class")).startswith("label")]


def claim(**values: object) -> Comparison:
    given = {
        "id": "some.claim",
        "section": "5.1",
        "what": "clips",
        "paper": 0.266,
        "ours": 0.2665,
        "label": "released",
        "evidence": "authors",
    }
    return Comparison(**{**given, "kind": "rounding", "tolerance": 0.0005, "decimals": 3, **values})


HOSTILE_FRAGMENTS = {
    "comparisons": lambda: page_tables.comparisons(
        [claim(what=HOSTILE, section=HOSTILE, paper=HOSTILE, ours=HOSTILE, detail=HOSTILE), claim(unit=HOSTILE)],
        HOSTILE,
    ),
    "frame": lambda: page_tables.frame(
        pd.DataFrame({HOSTILE: [HOSTILE], "n": [1]}, index=pd.Index([HOSTILE], name=HOSTILE)), HOSTILE, ["paper"]
    ),
    "provenance": lambda: page_tables.provenance(
        [Input(HOSTILE, HOSTILE), Input(f"file/{HOSTILE}", "absent")], ["paper"], {HOSTILE: HOSTILE}, HOSTILE
    ),
    "summary": lambda: page_tables.summary([claim()], HOSTILE),
    "intervals": lambda: page_tables.intervals(HOSTILE),
    "table": lambda: html.table([Column(HOSTILE), Column("b", True)], [["a", "1"]], HOSTILE, ["paper"]),
}


@pytest.mark.parametrize("name", HOSTILE_FRAGMENTS)
def test_hostile_text_stays_text(name: str) -> None:
    markup = Markup(HOSTILE_FRAGMENTS[name]().html)
    assert not markup.all("script")
    assert HOSTILE in "".join(text for _, text in markup.text)
    regions = [one["aria-label"] for tag, one in markup.tags if one.get("role") == "region"]
    assert all(label == HOSTILE for label in regions)


@pytest.mark.parametrize("name", ["comparisons", "frame", "table"])
def test_plain_form_says_hostile_text_as_it_is(name: str) -> None:
    text = HOSTILE_FRAGMENTS[name]().text
    assert HOSTILE in text
    assert "&amp;" not in text and "&lt;" not in text and "<span" not in text


def test_factor_of_clustered_clips_is_the_root_of_the_design_effect() -> None:
    lines = [
        ("a", "acc_presence", 2456, 47, 4.0),
        ("b", "acc_presence", 2456, 47, 2.25),
        ("a", "acc_salience", 1326, 44, 1.0),
    ]
    said = page_tables.clustering(
        pd.DataFrame(lines, columns=["variant", "metric", "clips", "actors", "design_effect"])
    )
    low, high = wilson_interval(197, 594)
    middle, half = (low + high) / 2, high - low  # twice as wide as without actors
    assert (
        f"VideoMAEv2 + HuBERT, presence 0.332, {low:.3f} to {high:.3f}, becomes {middle - half:.3f} to {middle + half:.3f}"
        in said
    )
    assert "range over 2 variants" in said and "eleven actors by our count" in said
    assert "presence by 1.5 to 2.0, salience by 1.0 to 1.0" in said and "2,456 training clips, 47 actors" in said


def test_every_table_has_caption_scopes_and_labels() -> None:
    rows = [claim(), claim(id="b", ours=None, label="paper", evidence=""), claim(id="c", label="recorded")]
    frame = pd.DataFrame({"clips": [1, 2]}, index=pd.Index(["a", "b"], name="fold"))
    for table, labels in (
        (page_tables.comparisons(rows, "Held together"), ["paper", "released", "recorded"]),
        (page_tables.frame(frame, "Held together", ["measured"]), ["measured"]),
        (page_tables.intervals("Held together"), ["paper"]),
        (page_tables.summary(rows, "Held together"), ["recorded", "released"]),
    ):
        markup = Markup(table.html)
        assert "Held together" in markup.within("caption")
        head, *body = table.html.split("<tbody>")
        assert head.count('scope="col"') == head.count("<th ")
        assert body[0].count("<tr>") == body[0].count('<th scope="row">') > 0
        caption = Markup(re.findall(r"<caption>.*?</caption>", table.html)[0])
        assert sorted(one["title"] for one in caption.all("span")) == sorted(LABELS[name] for name in labels)
        assert table.text.splitlines()[0] == f"Held together [{', '.join(labels)}]"


def test_table_whose_rows_do_not_fit_its_columns_is_refused() -> None:
    with pytest.raises(ValueError, match="zip"):
        html.table([Column("a"), Column("b")], [["1", "2", "3"]], "caption", ["paper"])


def test_comparison_shows_both_numbers_difference_tolerance_and_verdict() -> None:
    text = page_tables.comparisons([claim(ours=0.27)], "caption").text.splitlines()[-1]
    assert [cell.split()[0] for cell in text.split(" | ")[1:]] == ["0.266", "0.2700", "+0.0040", "differs"]
    assert "± 0.0005" in text and "section 5.1" in text and "released" in text


def test_verdict_is_a_word_with_its_meaning() -> None:
    for verdict, meaning in VERDICTS.items():
        (badge,) = Markup(html.badge(verdict)).all("span")
        assert badge == {"class": f"verdict verdict-{verdict.replace(' ', '-')}", "title": meaning}
        assert f">{verdict}<" in html.badge(verdict)


def test_known_difference_shows_its_reason() -> None:
    ours = claim(id="split.train_actors", paper=43, ours=47, kind="exact", tolerance=0.0, decimals=0)
    text = "".join(text for _, text in Markup(page_tables.comparisons([ours], "caption").html).text)
    assert comparison.known_differences()["split.train_actors"] in text
    assert "known difference" in text and "+4" in text


def test_claim_that_cannot_be_checked_shows_a_dash_and_no_origin() -> None:
    table = page_tables.comparisons([claim(ours=None, label="paper", evidence="")], "caption")
    *_, ours, difference, verdict = table.text.splitlines()[-1].split(" | ")
    assert (ours, difference.replace("± 0.0005", "").strip(), verdict) == ("–", "", "unchecked")


def test_claim_that_is_no_number_can_be_shown() -> None:
    assert (
        "differs" in page_tables.comparisons([claim(ours=float("nan"), label="measured", evidence="")], "caption").text
    )


def test_stand_in_never_shows_as_reproduced() -> None:
    table = page_tables.comparisons([claim(label="stand-in", evidence="")], "caption")
    assert "reproduced" not in table.html
    assert "by construction" in table.text and "stand-in" in table.text


@pytest.mark.parametrize("number", [2, 3])
def test_scores_keep_the_papers_rows_and_decimals(number: int) -> None:
    rows = about_results.table2(released.validation()) if number == 2 else about_results.table3(released.tests())
    lines = page_tables.scores(rows, number, "caption").text.splitlines()[2:]
    printed = printed_numbers.table(number)
    printed = printed[~printed["id"].str.startswith("trivial")]
    assert len(lines) == len(printed) == 13
    for line, row in zip(lines, printed.to_dict("records"), strict=True):
        assert line.startswith(str(row["encoder"]))
        cells = line.split(" | ")
        if number == 2:
            assert cells[1] == f"{row['acc_presence_mean']:.3f} ± {row['acc_presence_std']:.3f}"
            assert cells[3] == f"{row['acc_salience_mean']:.3f} ± {row['acc_salience_std']:.3f}"
        else:
            assert (cells[1], cells[3]) == (f"{row['acc_presence']:.3f}", f"{row['acc_salience']:.3f}")
        assert (cells[2] == "–") == ("unchecked" in cells[-1])


def test_row_of_scores_shows_its_worst_verdict() -> None:
    rows = about_results.table2(released.validation())
    spoilt = [dataclasses.replace(row, ours=0.9) if row.id == "table2.clip.acc_salience_std" else row for row in rows]
    lines = {line.split(" | ")[0]: line for line in page_tables.scores(spoilt, 2, "caption").text.splitlines()}
    assert "differs" in lines["CLIP"] and "recomputed" in lines["OpenFace"]


def test_intervals_show_whole_clips_around_the_printed_accuracy() -> None:
    lines = page_tables.intervals("caption").text.splitlines()[2:]
    cells = next(line.split(" | ") for line in lines if line.startswith("VideoMAEv2 + HuBERT"))
    assert not [line for line in lines if "trivial" in line]  # constant answers
    assert cells[1:3] == ["0.332", "197"]
    low, high = (float(text) for text in cells[3].split(" to "))
    n, p, z = 594, 197 / 594, 1.959964
    middle, half = (p + z * z / 2 / n), z * np.sqrt(p * (1 - p) / n + z * z / 4 / n / n)
    assert (low, high) == (
        pytest.approx((middle - half) / (1 + z * z / n), abs=5e-4),
        pytest.approx((middle + half) / (1 + z * z / n), abs=5e-4),
    )


def test_summary_counts_every_claim_once() -> None:
    claims, _ = ledger.all_claims()
    lines = [line.split(" | ") for line in page_tables.summary(claims, "caption").text.splitlines()[1:]]
    assert lines[0][0] == "verdict" and lines[0][-1] == "all"
    assert {line[0]: int(line[-1]) for line in lines[1:]} == Counter(one.verdict for one in claims)
    for line in lines[1:]:
        assert sum(int(cell or 0) for cell in line[1:-1]) == int(line[-1])


def test_frame_writes_numbers_with_fixed_decimals_and_gaps_as_dashes() -> None:
    values = pd.DataFrame(
        {
            "n": [1390, 2],
            "share": [0.26639, float("nan")],
            "text": ["a", ""],
            "maybe": pd.array([3, None], dtype="Int64"),
        },
        index=pd.Index(["x", "y"], name="row"),
    )
    table = page_tables.frame(values, "caption", ["paper"])
    assert table.text.splitlines()[1:] == [
        "row | n | share | text | maybe",
        "x | 1,390 | 0.266 | a | 3",
        "y | 2 | – | – | –",
    ]
    assert table.html.count('<td class="num">') == 6


def test_texts_that_are_only_numbers_are_set_as_numbers() -> None:
    texts = {
        "both": ["0.266 ± 0.021", "–"],
        "signed": ["−0.3", "+1.0"],
        "words": ["0.3", "misses: 0.3"],
        "ratio": ["30/70", "50/50"],
    }
    table = page_tables.frame(pd.DataFrame(texts), "caption", ["paper"])
    assert table.html.count('<td class="num">') == 4
    assert table.html.count('<th scope="col" class="num">') == 2
    assert '<td class="num">' not in page_tables.frame(pd.DataFrame({"none": []}), "caption", ["paper"]).html


def test_card_names_each_input_once_with_its_digest() -> None:
    one, two = Input("recorded/tests", "a" * 64, "2026-01-02"), Input("zenodo/train_metadata.csv", "absent")
    card = page_tables.provenance([one, two, one], ["released"], {"rows": "7"}, "A note.")
    assert "on 2026-01-02" in card.html
    markup = Markup(card.html)
    assert [text for where, text in markup.text if where == "dt"] == [one.name, two.name]
    assert markup.within("code") == "a" * 12 and markup.all("code")[0]["title"] == f"SHA-256 {'a' * 64}"
    assert markup.within("em") == "not on this machine"
    assert "A note." in markup.within("p")
    assert card.data == {"inputs": {one.name: one.sha256, two.name: "absent"}, "results": {"rows": "7"}}
    assert json.loads(json.dumps(card._repr_mimebundle_()[DATA_TYPE])) == card.data


def test_fragment_without_data_carries_html_and_text_alone() -> None:
    assert set(Fragment("<p></p>", "x")._repr_mimebundle_()) == {"text/html", "text/plain"}


@pytest.mark.parametrize("make", [html.label, html.badge])
def test_unknown_label_and_verdict_are_refused(make: object) -> None:
    with pytest.raises((BlemoreError, KeyError), match="relased"):
        make("relased")  # type: ignore[operator]


TRAINED = pd.DataFrame(
    [
        {"id": id, "model": "mlp-512", "acc_presence_mean": 0.27, "acc_presence_std": 0.02, "acc_salience_mean": 0.1,
         "acc_salience_std": 0.01, "origin": origin, "unlike": unlike}
        for id, origin, unlike in (("clip", "stand-in", "3 folds"), ("wavlm", "measured", ""), ("mine", "measured", ""),
                                   ("hubert", "measured", "541 of 2,456 clips"))
    ]
)  # fmt: skip


def trained_lines() -> dict[str, list[str]]:
    rows = about_results.trained(2, TRAINED, {"openface": f"the release has none {HOSTILE}"})
    beside = pd.DataFrame({"α": [0.192]}, index=["clip"])
    table = page_tables.scores(rows, 2, "Trained here", others=TRAINED[TRAINED["id"] == "mine"], beside=beside)
    assert not Markup(table.html).all("script")
    assert table.text.splitlines()[0] == "Trained here [paper, stand-in, measured]"
    return {line.split(" | ")[0]: line.split(" | ") for line in table.text.splitlines()[2:]}


def test_trained_rows_say_each_where_they_come_from() -> None:
    lines = trained_lines()
    assert lines["CLIP"][2] == "0.270 ± 0.020" and lines["CLIP"][-2:] == ["0.192", "by construction stand-in"]
    assert lines["WavLM"][-2:] == ["–", "differs measured"]  # in salience
    assert lines["mine"] == ["mine", "–", "0.270 ± 0.020", "–", "0.100 ± 0.010", "–", "measured"]


def test_row_that_was_trained_otherwise_shows_its_number_and_why_there_is_no_verdict() -> None:
    hubert = trained_lines()["HuBERT"]
    assert hubert[2] == "0.270 ± 0.020" and hubert[-1] == "unchecked measured 541 of 2,456 clips"


def test_row_that_could_not_be_trained_says_why() -> None:
    openface = trained_lines()["OpenFace"]
    assert openface[2] == "–" and openface[-1] == f"unchecked the release has none {HOSTILE}"


def test_note_is_a_labelled_sentence() -> None:
    note = page_tables.note(HOSTILE, ["released"])
    assert Markup(note.html).labels() == ["label"] and not Markup(note.html).all("script")
    assert note.text == f"{HOSTILE} [released]"


# Pages as they are committed, their cells run here without a kernel


PAGES = [path.stem for path in sorted((ROOT / "notebooks").glob("*.py"))]
RUNS = [(name, "nothing") for name in PAGES]
RUNS += [(name, "mirror") for name in PAGES if name != "dataset"] + [("dataset", "metadata"), ("dataset", "durations")]
RUNS += [("pca", "egemaps"), ("aggregation", "openface"), ("pca", "release"), ("encoders", "release")]


@pytest.fixture(scope="module", params=RUNS, ids=[" with ".join(run) for run in RUNS])
def shown(request: pytest.FixtureRequest, shown_by: Callable[[str, str], ShownPage]) -> ShownPage:
    """What a page shows with no public file, with all of them, or with the real clip names."""
    return shown_by(*request.param)


def fragments_of(shown: list[object]) -> list[Fragment]:
    return [one for one in shown if isinstance(one, Fragment)]


def test_page_ends_with_its_one_card(shown: list[object]) -> None:
    cards = [one for one in fragments_of(shown) if one.data]
    assert len(cards) == 1 and shown[-1] is cards[0]


def test_page_labels_every_table_and_figure(shown: list[object]) -> None:
    *others, card = fragments_of(shown)
    used = set()
    for one in others:
        captions = re.findall(r"<(caption|figcaption)>(.*?)</\1>", one.html, re.DOTALL)
        assert len(captions) == one.html.count("<table") + one.html.count("<figure")
        assert all(Markup(caption).labels() for _, caption in captions), one.text.splitlines()[0]
        labels = set(re.findall(r'class="label label-([\w-]+)"', one.html))
        assert labels, one.text.splitlines()[0]
        used |= labels
    assert used <= set(re.findall(r'class="label label-([\w-]+)"', card.html)) <= set(LABELS)


REPEATED = ("trained", "table2.trivial", "table3.trivial")
"""Cells that are not claims of the ledger: trainings of our own, and rows that print the trivial baselines once more."""


def test_page_and_ledger_never_disagree_on_a_claim(shown: ShownPage) -> None:
    """Whatever is on the machine, also where the page alone was given the real clip names or durations."""
    claimed = {one.id: one for one in shown.claimed if not one.id.startswith(REPEATED)}
    known = {one.id: one for one in shown.ledger}
    assert set(claimed) <= set(known)
    assert {id: one.verdict for id, one in claimed.items()} == {id: known[id].verdict for id in claimed}
    assert {id: one.ours for id, one in claimed.items()} == {id: known[id].ours for id in claimed}


def test_page_says_when_its_recorded_numbers_were_computed(shown: list[object]) -> None:
    *others, card = fragments_of(shown)
    names = [name.removeprefix("recorded/") for name in card.data["inputs"] if name.startswith("recorded/")]
    assert bool(names) == any('label-recorded"' in one.html for one in others) == ("recorded/" in card.text)
    for name in names:
        assert recorded.read(name).sha256[:12] in card.html
        assert recorded.read(name).date in card.html, f"no date of {name}"


def test_page_has_no_id_twice_and_no_path(shown: list[object]) -> None:
    html = "".join(one.html for one in fragments_of(shown))
    ids = Counter(re.findall(r'\bid="([^"]+)"', html))
    assert [name for name, times in ids.items() if times > 1] == []
    for where in (str(ROOT), str(Path.home()), tempfile.gettempdir()):
        assert where not in html


def test_page_is_well_formed_and_its_card_travels_as_json(shown: list[object]) -> None:
    for one in fragments_of(shown):
        Markup(one.html)
        json.dumps(dict(one.data), allow_nan=False)
    assert all(isinstance(text, str) for text in fragments_of(shown)[-1].data["results"].values())


@pytest.fixture
def undrawn(monkeypatch: pytest.MonkeyPatch) -> None:
    """Figures are not drawn, which takes most of a page's time; nothing public is here."""
    monkeypatch.delenv("BLEMORE_DATA", raising=False)
    monkeypatch.setattr(drawing, "_fragment", lambda name, _: Fragment("", name))


def test_dates_of_a_card_are_those_of_its_tables(undrawn: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Durations recorded on another day than the counts keep their own day."""
    read = recorded.read

    def another_day(name: str) -> recorded.Recorded:
        found = read(name)
        return dataclasses.replace(found, date="2030-01-01") if name.startswith("durations") else found

    monkeypatch.setattr(recorded, "read", another_day)
    card = fragments_of(page("dataset"))[-1]
    assert "2030-01-01" in card.html and read("partitions").date in card.html


def test_row_of_table_2_counts_as_recomputed_only_if_all_its_cells_are(
    undrawn: None, monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    validation = released.validation()
    table = validation.table.copy()
    table.loc[(table["id"] == "clip") & (table["model"] == "mlp-512"), "acc_salience_std"] += 0.01
    monkeypatch.setattr(released, "validation", lambda: dataclasses.replace(validation, table=table))
    monkeypatch.chdir(runs_once(tmp_path_factory))
    assert fragments_of(page("results", epochs=1))[-1].data["results"]["table2_rows"] == "6"


def test_quoted_result_is_that_of_its_name_whatever_variant_the_page_shows(undrawn: None) -> None:
    quoted = fragments_of(page("thresholds", variant="ce-50"))[-1].data["results"]["kl_100"]
    best = released.spread(released.hicmae_folds().table, ["variant"]).set_index("variant").loc["kl-100"]
    assert quoted.startswith(f"{best['acc_presence_mean']:.3f} ± {best['acc_presence_std']:.3f}")


def test_page_on_real_names_counts_them(shown_by: Callable[[str, str], list[object]]) -> None:
    shown = shown_by("dataset", "metadata")
    text = "\n".join(one.text for one in fragments_of(shown))
    assert "Eight of 2,456 clips in the table [released]" in text
    card = fragments_of(shown)[-1]
    assert card.data["inputs"]["file/metadata"] == fingerprints.sha256_of(real("train_metadata.csv"))
    assert card.data["results"]["train_clips"] == "2,456"


@pytest.mark.parametrize(
    ("name", "machine", "simulated"),
    [("pca", "egemaps", False), ("aggregation", "openface", True)],  # its other steps stay simulated
    ids=["pca with egemaps", "aggregation with openface"],
)
def test_page_on_real_features_measures_and_names_nobody(
    name: str, machine: str, simulated: bool, shown_by: Callable[[str, str], list[object]]
) -> None:
    html = "".join(one.html for one in fragments_of(shown_by(name, machine)))
    assert 'label-measured"' in html and not re.search(r"\bA\d{2,}", html)
    assert ('label-stand-in"' in html) is simulated


@pytest.mark.parametrize("folds", [2, 3])
def test_dataset_page_shows_the_folds_there_are(folds: int, tmp_path: Path) -> None:
    train = clips.standin().of("train").table
    actors = pd.Series(range(train["actor"].nunique()), index=sorted(train["actor"].unique()))
    table = pd.DataFrame({"filename": train["filename"], "fold": train["actor"].map(actors) % folds})
    table.to_csv(tmp_path / "metadata.csv", index=False)
    text = " ".join(
        one.html for one in page("dataset", metadata=str(tmp_path / "metadata.csv")) if hasattr(one, "html")
    )
    assert [f"fold {fold}" in text for fold in range(4)] == [fold < folds for fold in range(4)]
