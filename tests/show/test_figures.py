"""Figures: the same bytes each time, readable in both themes, labelled also inside the picture, safe in a page."""

from __future__ import annotations

import dataclasses
import html
import inspect
import re
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pandas as pd
import pytest

from blemore.appendix import fit_to_table2, simulation_steps
from blemore.challenge import clips
from blemore.features import feature_table
from blemore.paper import printed_numbers
from blemore.paper.comparison import LABELS
from blemore.results import aggregation, between_rows, principal_components, ranking
from blemore.show import drawing, figures, sliders
from blemore.show.drawing import EMOTION_COLOURS, INK, OURS, PAPER, SOFT, Drawing, canvas, drawn
from blemore.show.html import Fragment
from blemore.simulation import generator
from blemore.sources import recorded, released
from tests.conftest import ROOT

LIGHT, DARK = "#fffdfa", "#14171b"  # the book's paper, in book/_static/companion.css

TUNED = recorded.read("hicmae_folds").table.query("variant == 'kl-100'")
GRID = recorded.read("hicmae_grid").table.query("variant == 'kl-100'")
VALIDATION = recorded.read("validation").table.query("model == 'mlp-512'")
CURVES = recorded.read("curves").table
CHANGE = between_rows.change(between_rows.printed(2), between_rows.printed(3))
INVENTED = clips.standin().of("train")
ALL_RUNS = recorded.read("validation").table
COURSE = np.sin(np.linspace(0, 3, 40))
LINE = principal_components.line(recorded.read("egemaps_lines").table, "hap", "sad")
PLANES = principal_components.planes(
    feature_table.table("here", INVENTED.names, np.random.default_rng(0).normal(size=(len(INVENTED), 3)), encoder="wavlm"),
    INVENTED, "hap", "sad",
)  # fmt: skip
WORLD = generator.world()
FIT = fit_to_table2.read()
PATHS = {"picture": simulation_steps.path(INVENTED.names[0], "video", 0, WORLD)}
SHARES = pd.DataFrame(
    {"actor": [0.2, 0.3], "emotion": [0.03, 0.05], "actor_chance": 0.02, "emotion_chance": 0.01},
    index=["clip", "wavlm"],
)
SPECTRUM = pd.DataFrame({"variance": [0.6, 0.3, 0.1], "emotion": [0.1, 0.5, 0.4]}, index=[1, 2, 3])

BY_CLASS = pd.DataFrame({"emotions": ["ang", "hap", "ang-hap"], "clips": [4, 4, 8], "mean": [0.2, 0.5, 0.3], "low": [0.1, 0.3, 0.3],
                         "high": [0.3, 0.7, 0.3]})  # fmt: skip
BY_ACTOR = pd.DataFrame({"actor": ["A1", "A2"], "fold": [0, 1], "clips": [8, 8], "mean": [0.2, 0.4]})


def standing(label: str) -> pd.DataFrame:
    """Scores of the paper's rows, as if they were ours, and one encoder without any."""
    printed = printed_numbers.table(2).query("not id.str.startswith('trivial')")
    scores = printed[list(ranking.SCORES)]
    table = pd.DataFrame({"id": printed["id"], "title": printed["encoder"], "label": label})
    table = pd.concat([table, scores, scores.add_prefix("paper_")], axis=1)
    return pd.concat([table, pd.DataFrame([{"id": "mine", "title": "Mine", "label": ""}])], ignore_index=True)


MAKE: dict[str, Callable[[str], Fragment]] = {  # by name of the function; the argument is the label of ours
    "durations": lambda label: figures.durations(recorded.read("durations").table, label),
    "structure": lambda label: figures.structure(),
    "folds": lambda label: figures.folds(INVENTED.partitions(), label),
    "classes": lambda label: figures.classes(INVENTED.counts(), [label]),
    "threshold_maps": lambda label: figures.threshold_maps(GRID, TUNED, label, "HiCMAE logits"),
    "decided": lambda label: figures.decided(TUNED, label),
    "validation": lambda label: figures.validation(VALIDATION, label),
    "curves": lambda label: figures.curves(CURVES.query("id == 'clip'"), "CLIP", "mlp-512", 90.0, label),
    "confusion": lambda label: figures.confusion(printed_numbers.figure(4), "Figure 4", [label]),
    "validation_to_test": lambda label: figures.validation_to_test(CHANGE, CHANGE * 0.9, label),
    "series": lambda label: figures.series(COURSE, aggregation.seven({"a": COURSE}).loc["a"], "feature 1", label),
    "shapes": lambda label: figures.shapes(aggregation.shapes()),
    "strategies": lambda label: figures.strategies(aggregation.strategies(released.Result(ALL_RUNS, label, ())), label),
    "fusions": lambda label: figures.fusions(aggregation.fusions()),
    "planes": lambda label: figures.planes(PLANES, "hap", "sad", label),
    "variance_shares": lambda label: figures.variance_shares(recorded.read("egemaps_variance").table, "eGeMAPS", label),
    "standings": lambda label: figures.standings(standing(label), "clip", "mlp-512"),
    "spreads": lambda label: figures.spreads(BY_CLASS, BY_ACTOR, 0.05, "CLIP", label),
    "similarity": lambda label: figures.similarity(
        [("CLIP", np.corrcoef(np.outer(COURSE, COURSE) + np.eye(40)))], 2.0, label
    ),
    "between": lambda label: figures.between(LINE, "hap", "sad", "eGeMAPS", label),
    "latent_path": lambda label: figures.latent_path(PATHS, "A clip", label),
    "mixtures": lambda label: figures.mixtures(
        simulation_steps.mixtures(("hap", "sad"), ["A9001"], "video", 0, WORLD), ("hap", "sad"), label
    ),
    "simulated_durations": lambda label: figures.simulated_durations(printed_numbers.figure(2), label),
    "variance_by_encoder": lambda label: figures.variance_by_encoder(SHARES, label),
    "spectrum": lambda label: figures.spectrum(SPECTRUM, "CLIP", label),
    "calibration": lambda label: figures.calibration(fit_to_table2.cells(FIT), fit_to_table2.deviations(FIT), label),
    "learning_beside": lambda label: figures.learning_beside(
        CURVES.query("id == 'clip'"), CURVES.query("id == 'openface'"), "CLIP", "recorded", label
    ),
}
FROM_THE_PAPER = {"structure", "fusions"}  # nothing of ours in them
BESIDE = {
    "durations": "paper",
    "validation": "paper",
    "validation_to_test": "paper",
    "standings": "paper",
    "simulated_durations": "paper",
    "calibration": "paper",
    "learning_beside": "recorded",
}  # what stands beside the simulated numbers
HOSTILE = "<script>alert('x')</script> R&D \"a\" </text>"


@pytest.fixture(scope="module")
def made() -> dict[str, Fragment]:
    return {name: make("stand-in") for name, make in MAKE.items()}


def svg_of(fragment: Fragment) -> str:
    (picture,) = re.findall(r"<svg.*?</svg>", fragment.html, re.DOTALL)
    return picture


def text_in(fragment: Fragment) -> str:
    tree = ElementTree.fromstring(svg_of(fragment))
    return " ".join("".join(one.itertext()) for one in tree.iter("{http://www.w3.org/2000/svg}text"))


def luminance(colour: str) -> float:
    channels = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    red, green, blue = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    """WCAG 2.2: (L1 + 0.05) / (L2 + 0.05), the lighter first."""
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def test_every_figure_is_tested_here() -> None:
    drawn_ones = {name for name, one in inspect.getmembers(figures, inspect.isfunction) if hasattr(one, "__wrapped__")}
    assert drawn_ones == set(MAKE)


@pytest.mark.parametrize("colour", [*EMOTION_COLOURS.values(), PAPER, OURS, SOFT])
@pytest.mark.parametrize("background", [LIGHT, DARK])
def test_hues_stand_out_on_the_paper_of_both_themes(colour: str, background: str) -> None:
    assert contrast(colour, background) >= 3


def test_contrast_here_is_that_of_the_guideline() -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.005)


def test_papers_of_the_themes_are_those_of_the_style_sheet() -> None:
    css = (ROOT / "book" / "_static" / "companion.css").read_text(encoding="utf-8")
    assert [one.lower() for one in re.findall(r"--pst-color-background:\s*(#\w{6})", css)][:2] == [LIGHT, DARK]


def test_six_emotions_have_six_hues_none_of_them_ink() -> None:
    assert len(set(EMOTION_COLOURS.values())) == 6
    assert INK not in {*EMOTION_COLOURS.values(), PAPER, OURS, SOFT}


@pytest.mark.parametrize("name", MAKE)
def test_same_numbers_make_the_same_bytes(name: str, made: dict[str, Fragment]) -> None:
    assert MAKE[name]("stand-in") == made[name]


@pytest.mark.parametrize("name", MAKE)
def test_caption_is_the_text_alternative_and_the_figure_is_named(name: str, made: dict[str, Fragment]) -> None:
    (caption,) = re.findall(r"<figcaption>(.*?)</figcaption>", made[name].html, re.DOTALL)
    said = html.unescape(re.sub(r"<span.*?</span>", "", caption)).strip()
    tree = ElementTree.fromstring(svg_of(made[name]))
    others = f"{BESIDE[name]} and " if name in BESIDE else ""
    simulated = "" if name in FROM_THE_PAPER else f"{others}simulated (stand-in): "
    assert tree.get("aria-label") == simulated + said and tree.get("role") == "img"
    assert len(said) > 7 and "None" not in said and "nan" not in said
    assert made[name].text.startswith(f"[figure] {said} [")


@pytest.mark.parametrize("name", MAKE)
def test_label_is_on_the_figure_and_in_its_plain_form(name: str, made: dict[str, Fragment]) -> None:
    label = "paper" if name in FROM_THE_PAPER else "stand-in"
    (caption,) = re.findall(r"<figcaption>(.*?)</figcaption>", made[name].html, re.DOTALL)
    assert f'class="label label-{label}"' in caption
    (listed,) = re.findall(r"\[([^\]]*)\]$", made[name].text)
    assert label in listed.split(", ") and set(listed.split(", ")) <= set(LABELS)


@pytest.mark.parametrize("name", sorted(set(MAKE) - FROM_THE_PAPER))
def test_simulated_numbers_say_so_inside_the_picture(name: str, made: dict[str, Fragment]) -> None:
    assert "stand-in" in text_in(made[name])


def texts_of_panels(fragment: Fragment) -> tuple[list[str], list[str]]:
    """The texts of each panel of a picture, and those outside of all panels."""
    svg = "{http://www.w3.org/2000/svg}"
    tree = ElementTree.fromstring(svg_of(fragment))
    panels = [one for one in tree.iter(f"{svg}g") if re.search(r"-axes_\d+$", one.get("id", ""))]
    inside = [text for panel in panels for text in panel.iter(f"{svg}text")]
    outside = [text for text in tree.iter(f"{svg}text") if text not in inside]
    said = [" ".join("".join(text.itertext()) for text in panel.iter(f"{svg}text")) for panel in panels]
    return said, ["".join(text.itertext()) for text in outside]


@pytest.mark.parametrize("name", sorted(set(MAKE) - FROM_THE_PAPER))
def test_only_a_picture_that_is_simulated_throughout_is_headed_so(name: str, made: dict[str, Fragment]) -> None:
    panels, outside = texts_of_panels(made[name])
    assert panels
    assert any("simulated (stand-in)" in text for text in outside) is (name not in BESIDE)
    if name in BESIDE:
        assert any("simulated (stand-in)" in panel for panel in panels)


def test_papers_own_panel_is_never_called_simulated(made: dict[str, Fragment]) -> None:
    (printed, ours), outside = texts_of_panels(made["validation_to_test"])
    assert "paper" in printed and "simulated" not in printed and "stand-in" not in printed
    assert "simulated (stand-in)" in ours and not any("simulated" in text for text in outside)
    alone = figures.validation_to_test(CHANGE)
    assert "simulated" not in alone.html


@pytest.mark.parametrize("name", sorted(FROM_THE_PAPER))
def test_printed_numbers_are_not_called_simulated(name: str, made: dict[str, Fragment]) -> None:
    assert "stand-in" not in made[name].html


@pytest.mark.parametrize("label", sorted(set(LABELS) - {"stand-in"}))
def test_real_numbers_are_not_called_simulated(label: str) -> None:
    assert "simulated" not in MAKE["folds"](label).html


def test_ids_of_all_figures_differ(made: dict[str, Fragment]) -> None:
    ids = Counter(id for one in made.values() for id in re.findall(r'\bid="([^"]+)"', one.html))
    assert [id for id, times in ids.items() if times > 1] == []


@pytest.mark.parametrize("name", MAKE)
def test_references_inside_a_figure_lead_somewhere(name: str, made: dict[str, Fragment]) -> None:
    ids = set(re.findall(r'\bid="([^"]+)"', made[name].html))
    asked = re.findall(r'href="#([^"]+)"|url\(#([^)]+)\)', made[name].html)
    assert {one or other for one, other in asked} <= ids


@pytest.mark.parametrize("name", MAKE)
def test_picture_holds_no_path_no_date_and_no_fixed_ink(name: str, made: dict[str, Fragment]) -> None:
    page = made[name].html
    for trace in (str(ROOT), str(Path.home()), "/tmp", "<dc:date", "<metadata", "Matplotlib", "<?xml", "<!DOCTYPE"):
        assert trace not in page
    assert INK not in page.lower() and "currentColor" in page


@pytest.mark.parametrize("name", MAKE)
def test_picture_scales_with_the_page_and_asks_for_nothing_outside(name: str, made: dict[str, Fragment]) -> None:
    tree = ElementTree.fromstring(svg_of(made[name]))
    assert tree.get("width") is None and tree.get("viewBox")
    (opening,) = re.findall(r"<svg[^>]*>", made[name].html)
    assert "http" not in svg_of(made[name]).replace(opening, "")
    assert not tree.findall(".//{http://www.w3.org/2000/svg}image")


def test_style_inside_a_picture_does_not_reach_the_page(made: dict[str, Fragment]) -> None:
    pictures = "".join(one.html for one in made.values())
    for rules in re.findall(r"<style[^>]*>(.*?)</style>", pictures, re.DOTALL):
        for selector in re.findall(r"([^{}]+)\{", rules):
            assert selector.strip().startswith(("#", ".")), f"{selector.strip()!r} styles the whole page"


def test_hostile_text_stays_text() -> None:
    table = INVENTED.partitions().rename(index={"fold0": HOSTILE})
    for fragment in (
        figures.folds(table, "paper"),
        figures.threshold_maps(GRID, TUNED, "paper", HOSTILE),
        figures.confusion(printed_numbers.figure(4), HOSTILE, ["paper"]),
        figures.curves(CURVES.query("id == 'clip'"), HOSTILE, "mlp-512", 90.0, "paper"),
    ):
        tree = ElementTree.fromstring(fragment.html)  # well formed as a whole
        assert not tree.findall(".//script") and not tree.findall(".//{http://www.w3.org/2000/svg}script")
        said = "".join(tree.itertext()) + "".join(one.get("aria-label") or "" for one in tree.iter())
        assert HOSTILE in said


def test_parts_of_one_figure_drawn_from_two_tables_can_stand_on_one_page() -> None:
    both = [figures.curves(CURVES.query(f"id == '{id}'"), id, "mlp-512", 90.0, "paper") for id in ("clip", "imagebind")]
    ids = Counter(id for one in both for id in re.findall(r'\bid="([^"]+)"', svg_of(one)))
    assert [id for id, times in ids.items() if times > 1] == []


def test_unknown_label_is_refused() -> None:
    with pytest.raises(LookupError, match="relased"):
        MAKE["folds"]("relased")


def test_caption_of_table_2_claims_agreement_only_where_there_is_any() -> None:
    spoilt = VALIDATION.copy()
    spoilt.loc[spoilt["id"] == "clip", "acc_presence_mean"] += 0.05
    assert "coincide in 7." in MAKE["validation"]("recorded").text
    assert "coincide in 7." not in figures.validation(spoilt, "recorded").text


def test_caption_of_the_drop_to_test_is_true() -> None:
    two, three = (printed_numbers.table(number).set_index("id") for number in (2, 3))
    rows = [row for row in three.index if not row.startswith("trivial")]
    rise = [
        row for row in rows
        if three.loc[row, ["acc_presence", "acc_salience"]].sum()
        >= two.loc[row, ["acc_presence_mean", "acc_salience_mean"]].sum()
    ]  # fmt: skip
    text = figures.validation_to_test(CHANGE).text
    names = ", ".join(printed_numbers.ENCODERS[row] for row in rise)
    assert f"paper: it falls in {len(rows) - len(rise)} of {len(rows)} rows and rises for {names}." in text
    assert text.endswith("[paper]")


def test_drop_to_test_of_ours_is_told_beside_the_papers() -> None:
    ours = CHANGE.assign(test=CHANGE["validation"] - 0.01).drop("clip")
    text = figures.validation_to_test(CHANGE, ours, "stand-in").text
    assert "trained here, simulated (stand-in): it falls in 12 of 12 rows and rises for none" in text
    assert figures.validation_to_test(CHANGE, ours.head(0), "measured").text.endswith("[paper]")


def test_caption_of_table_2_trained_here_counts_means_within_the_tolerance_and_no_simulated_ones() -> None:
    spoilt = VALIDATION.copy()
    spoilt.loc[spoilt["id"] == "clip", "acc_presence_mean"] += 0.015  # less than the spread over folds
    assert "14 of our 14 means are as close" in figures.validation(VALIDATION, "measured").text
    assert "13 of our 14 means are as close" in figures.validation(spoilt, "measured").text
    text = figures.validation(spoilt, "stand-in").text
    assert "because the simulation was tuned to them" in text and "of our" not in text and "coincide" not in text


def test_caption_of_durations_is_true() -> None:
    medians = []
    for _, bars in printed_numbers.figure(2).groupby("panel", sort=False):
        total, seen = bars["clips"].sum(), 0
        for left, right, n in bars[["left_s", "right_s", "clips"]].itertuples(index=False):
            seen += n
            if seen >= total / 2:
                medians.append((left + right) / 2)
                break
    text = MAKE["durations"]("recorded").text
    assert f"about {medians[1]:.0f} s, half of the single emotions more than about {medians[0]:.0f} s" in text
    assert medians[1] > medians[0]
    spans = recorded.read("durations_range").table.set_index("panel")["median_s"]
    assert spans["blended"] > spans["single"]


def test_caption_of_decisions_gives_the_shares() -> None:
    totals = TUNED.filter(regex="^(decided|true)_").sum()
    text = MAKE["decided"]("recorded").text
    for who in ("decided", "true"):
        share = totals[f"{who}_single"] / totals[totals.index.str.startswith(who)].sum()
        assert f"{share:.0%}" in text


def test_style_of_figures_does_not_leak_into_the_users_own() -> None:
    import matplotlib as mpl

    before = dict(mpl.rcParams)
    MAKE["structure"]("paper")
    assert dict(mpl.rcParams) == before


def test_clip_and_marker_ids_follow_the_figures_name() -> None:
    @drawn("second-thing")
    def second() -> Drawing:
        figure, (ax,) = canvas(1.0)
        ax.plot([0, 1], [0, 1], "o")
        return Drawing(figure, "caption", ["paper"])

    fragment = second()
    ids = re.findall(r'<\w+[^>]*\bid="([^"]+)"', fragment.html)
    assert ids and all(id.startswith(("second-thing-", "fig-second-thing")) for id in ids)


def test_drawing_is_frozen_and_keeps_its_labels_order() -> None:
    one = Drawing(canvas(1.0)[0], "caption", ["paper", "released"])
    with pytest.raises(dataclasses.FrozenInstanceError):
        one.caption = "other"  # type: ignore[misc]
    fragment = drawing._fragment("order", one)
    assert fragment.html.index("label-paper") < fragment.html.index("label-released")


def test_known_durations_lie_within_the_printed_bars() -> None:
    printed, known = printed_numbers.figure(2), recorded.read("durations").table
    pd.testing.assert_frame_equal(printed[["panel", "left_s", "right_s"]], known[["panel", "left_s", "right_s"]])
    assert (known["clips"] <= printed["clips"] + 1).all()  # edges are read off a drawing


def test_dots_of_figure_5_are_all_there() -> None:
    """matplotlib drops lines without length where it simplifies paths."""
    chosen, _ = principal_components.of_pair(INVENTED, "hap", "sad")
    paths = re.findall(r'<path d="([^"]*)"[^>]*stroke-linecap: round', svg_of(MAKE["planes"]("measured")))
    assert sum(path.count("M") for path in paths) == 2 * len(chosen)


def test_caption_of_variance_shares_gives_those_of_all_columns() -> None:
    whole = recorded.read("egemaps_variance").table.query("part == 'all columns'").set_index("way")
    text = MAKE["variance_shares"]("recorded").text
    assert f"{whole.at['as they are', 'actor']:.0%} of all variance lies between actors" in text
    assert f"{whole.at['within each actor', 'emotion']:.0%}." in text


def test_caption_of_means_between_emotions_is_true() -> None:
    assert "Means rise with salience" in MAKE["between"]("recorded").text
    fallen = LINE.assign(mean=LINE["mean"].where(LINE["salience"] != 50, -1.0))
    assert "do not in every step" in figures.between(fallen, "hap", "sad", "eGeMAPS", "recorded").text


def test_caption_of_strategies_counts_who_is_ahead() -> None:
    assert "5 of 6 times in presence and 0 of 6 times in salience" in MAKE["strategies"]("recorded").text


def test_caption_of_the_calibration_counts_what_misses() -> None:
    cells = fit_to_table2.cells(FIT)
    far = cells.assign(near=False, displayed_sds=9.0)
    for table, missed in ((cells, int((~cells["near"]).sum())), (far, len(far)), (cells.assign(near=True), 0)):
        text = figures.calibration(table, fit_to_table2.deviations(FIT), "stand-in").text
        assert f"misses {missed} of {len(cells)} cells" in text


def test_caption_of_simulated_durations_measures_the_gap() -> None:
    assert "0.0 points among single emotions, and 0.0" in MAKE["simulated_durations"]("stand-in").text
    longer = printed_numbers.figure(2)
    last = longer["panel"].eq("single") & longer["right_s"].eq(longer["right_s"].max())
    longer.loc[longer["panel"].eq("single"), "clips"] = 0
    longer.loc[last, "clips"] = 1
    assert "0.0 points among single emotions" not in figures.simulated_durations(longer, "stand-in").text


def test_caption_of_the_spectrum_says_where_the_halves_are() -> None:
    text = MAKE["spectrum"]("stand-in").text
    assert "Half of the variance lies in the first 1," in text and "in the first 2." in text


def test_caption_of_variances_names_who_has_most_and_least_to_tell() -> None:
    text = MAKE["variance_by_encoder"]("stand-in").text
    assert "20 to 30 % of the variance lies between actors, 3.0 to 5.0 % between emotions" in text
    assert "most for WavLM and least for CLIP" in text


@pytest.mark.parametrize("epochs", [1, 2, 3, 4])
def test_curves_of_few_epochs_have_the_names_of_their_lines_and_a_whole_caption(epochs: int) -> None:
    short = CURVES.query("id == 'clip'").head(epochs)
    drawn = figures.curves(short, "CLIP", "mlp-512", 1.0, "stand-in")
    assert {"training", "validation", "presence", "salience"} <= set(text_in(drawn).split())
    beside = figures.learning_beside(short, short, "CLIP", "recorded", "stand-in")
    for one in (drawn, beside):
        assert "nan" not in one.html.lower().replace("nance", "") and "five folds" not in one.html


@pytest.mark.parametrize("folds", [2, 3, 7])
def test_captions_over_thresholds_count_the_folds_there_are(folds: int) -> None:
    rows = TUNED.iloc[np.arange(folds) % len(TUNED)].assign(fold=range(folds))
    drawn = figures.threshold_maps(GRID, rows, "stand-in", "logits")
    assert f"mean of {folds} folds" in drawn.html and "five" not in drawn.html
    assert f"fold {folds - 1}: " in text_in(drawn)
    assert "five" not in sliders.thresholds(GRID, "stand-in", "logits").html
