"""Reports: of a file of features, of what is recorded, of an encoder that is new; and the encoder that a package adds."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from importlib.metadata import EntryPoint
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner

from blemore import encoders
from blemore.book import contents, parameters
from blemore.cli import main
from blemore.encoders import Encoder, Variant
from blemore.errors import InputError, SourceError
from blemore.experiments import protocols
from blemore.paper import vocabulary
from blemore.results import one_encoder, ranking, trained_tables
from blemore.results.one_encoder import Subject
from blemore.show import encoder_report, encoder_tables, figures
from blemore.show.html import Fragment, Prose
from blemore.sources import lookup
from tests.conftest import ROOT, barely_trained

MINE = Encoder("mine", "My Encoder", "video", "clip", "MIT", "nowhere", (Variant("only", 2, "frame", "1 per frame"),),
               load=lambda opening: lambda path: np.ones((3, 2), np.float32))  # fmt: skip
PARTS = (encoder_report.facts, encoder_report.variants, encoder_report.validation, encoder_report.curves,
         encoder_report.authors_curves, encoder_report.confusion, encoder_report.spreads, encoder_report.planes,
         encoder_report.shares, encoder_report.standing)  # fmt: skip


@pytest.fixture(scope="module", autouse=True)
def _barely_trained(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        for name in ("BLEMORE_DATA", "BLEMORE_MIRROR"):
            patch.delenv(name, raising=False)
        patch.setenv("BLEMORE_CACHE", str(tmp_path_factory.mktemp("cache")))
        barely_trained(patch, tmp_path_factory.mktemp("runs"))
        yield


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Random features of some clips, and their clip table."""
    folder = tmp_path_factory.mktemp("mine")
    table = lookup.clips("standin")[0].of("train").table.iloc[::8]
    table[["filename", "fold"]].to_csv(folder / "train_metadata.csv", index=False)
    x = np.random.default_rng(0).normal(size=(len(table), 5)).astype(np.float32)
    np.savez(folder / "mine.npz", X=x, filenames=table["filename"].to_numpy(str))
    return {"features": str(folder / "mine.npz"), "metadata": str(folder / "train_metadata.csv")}


@pytest.fixture(scope="module")
def own(files: dict[str, str]) -> Subject:
    return one_encoder.gather("mine", **files)


@pytest.fixture
def added(monkeypatch: pytest.MonkeyPatch) -> Encoder:
    """An encoder that another installed package adds by its entry point."""
    monkeypatch.setattr("tests.show.test_encoder_report.ENCODER", MINE, raising=False)
    point = EntryPoint("mine", "tests.show.test_encoder_report:ENCODER", encoders.GROUP)
    for module in (encoders, vocabulary):
        monkeypatch.setattr(module, "entry_points", lambda group: [point])
    return MINE


def text(shown: Fragment | Prose) -> str:
    return shown.text


# Features of one's own


def test_features_of_a_file_are_measured_and_stand_among_the_others_with_their_own_label(own: Subject) -> None:
    assert own.origin == "measured" and list(own.validation) == ["linear", "mlp-256", "mlp-512"]
    labels = own.everyone.table.set_index("id")["label"]
    assert labels["mine"] == "measured" and labels["wavlm"] == "stand-in" and labels["egemaps"] == "recorded"
    assert "mine (measured): presence" in text(encoder_report.standing(own))
    assert {one.name for one in own.inputs} >= {"file/features", "file/metadata"}
    assert set(encoder_report.labels(own)) >= {"measured", "stand-in", "recorded", "paper"}


def test_every_part_of_a_report_on_a_file_is_drawn_and_labelled_measured(own: Subject) -> None:
    for part in PARTS[2:]:
        shown = part(own)
        if part is encoder_report.authors_curves:
            assert "published no logs of mine" in text(shown)
        else:
            assert isinstance(shown, Fragment) and 'label-measured"' in shown.html, part.__name__
    assert "no encoder *mine*" in text(encoder_report.variants(own))
    html = "".join(part(own)._repr_mimebundle_().get("text/html", "") for part in PARTS)
    assert not re.search(r"\bA\d{2,}", html), "an actor is named"


def test_confusion_and_spreads_count_every_scored_clip(own: Subject) -> None:
    assert own.chosen is not None
    found = re.search(r"([\d,]+) of ([\d,]+) clips are on the diagonal", text(encoder_report.confusion(own)))
    assert found
    hits = sum(round(fold.scores.acc_presence * fold.scores.n) for fold in own.chosen.folds)
    assert int(found[2].replace(",", "")) == len(own.chosen.truth) and int(found[1]) <= hits


def test_one_file_without_the_other_is_refused(files: dict[str, str]) -> None:
    for name in files:
        with pytest.raises(InputError, match="features and metadata: go together"):
            one_encoder.gather("mine", **{name: files[name]})


def test_report_says_how_its_features_were_trained(own: Subject) -> None:
    assert own.chosen is not None
    said = f"here: real features of {len(own.chosen.truth)} clips, 2 epochs, learning rate 0.001"
    assert said in text(encoder_report.validation(own))


def test_features_of_a_file_are_trained_as_the_results_page_trains_them(files: dict[str, str], own: Subject) -> None:
    clips, _ = lookup.clips(metadata=files["metadata"])
    held, _ = lookup.features("mine", clips, path=files["features"])
    row = trained_tables.own(held, clips, folder=None, jobs=1)
    for model, one in own.validation.items():
        assert one.settings == row.validation["mine", model].settings
        assert one.mean("acc_presence") == row.validation["mine", model].mean("acc_presence")


@pytest.mark.parametrize("wrong", ["names", "text", "folder"])
def test_file_that_cannot_be_used_is_refused_before_anything_is_trained(
    wrong: str, files: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trained: list[object] = []
    monkeypatch.setattr(ranking, "trained", lambda *_, **__: trained.append(0))
    monkeypatch.setattr(protocols, "sweep", lambda *_, **__: trained.append(0))
    path = tmp_path / "mine.npz"
    if wrong == "names":
        np.savez(path, X=np.ones((4, 2)), filenames=["A1_ang_int1_ver1"] * 4)
    elif wrong == "text":
        path.write_text("version https://git-lfs.github.com/spec/v1")
    else:
        path.mkdir()
    with pytest.raises(InputError, match="mine"):
        one_encoder.gather("mine", features=str(path), metadata=files["metadata"])
    assert not trained


def test_folder_of_features_is_reported_on_as_a_file_is(files: dict[str, str], own: Subject, tmp_path: Path) -> None:
    with np.load(files["features"]) as held:
        for name, row in zip(held["filenames"], held["X"], strict=True):
            np.save(tmp_path / f"{name}.npy", row)
    subject = one_encoder.gather("mine", features=str(tmp_path), metadata=files["metadata"])
    assert subject.chosen is not None and own.chosen is not None
    assert subject.chosen.mean("acc_presence") == own.chosen.mean("acc_presence")


# What is not trained here


@pytest.mark.parametrize(("name", "drawn"), [("egemaps", 6), ("hicmae", 3)])
def test_encoder_without_features_shows_what_is_recorded_and_says_what_it_takes(name: str, drawn: int) -> None:
    subject = one_encoder.gather(name)
    shown = [part(subject) for part in PARTS]
    assert sum(isinstance(one, Fragment) for one in shown) == drawn
    assert all('label-stand-in"' not in one.html for one in shown[:-1] if isinstance(one, Fragment))
    assert f"-p encoder {name} -p features mine.npz" in text(shown[0])
    assert f"{vocabulary.name_of(name)} (recorded): presence" in text(shown[-1])
    assert subject.origin == "" and not subject.validation
    assert {one.name for one in encoder_report.shown_inputs(subject)} >= {f"recorded/{name}_{'protocols' if name == 'egemaps' else 'folds'}"}  # fmt: skip


def test_row_that_a_release_lacks_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    def absent(*_: object, **__: object) -> None:
        raise SourceError("the release has no features of clip")

    monkeypatch.setattr(lookup, "features", absent)
    subject = one_encoder.gather("clip")
    assert "the release has no features of clip" in text(encoder_report.facts(subject))
    assert isinstance(encoder_report.confusion(subject), Prose)


# Add your encoder


def test_encoder_that_a_package_adds_is_everywhere(added: Encoder, monkeypatch: pytest.MonkeyPatch) -> None:
    listed = json.loads(CliRunner().invoke(main, ["encoders", "--json"]).stdout)["encoders"]
    assert (listed[-1]["name"], listed[-1]["available"]) == ("mine", True)
    assert "My Encoder" in text(encoder_tables.overview()) and "My Encoder" in text(encoder_tables.at_hand())
    with monkeypatch.context() as patch:
        patch.chdir(ROOT)
        assert contents.pages()["encoder-mine"].values == {"encoder": "mine"}
    parameters.check(encoder="mine", features="")
    parameters.check(encoder="mine+wavlm", features="")
    subject = one_encoder.gather("mine")
    assert "My Encoder only  | – | 1 per frame | 2 | – | – | 14" in text(encoder_report.variants(subject))
    assert "nothing to train on" in text(encoder_report.facts(subject))
    assert "My Encoder has no score here" in text(encoder_report.standing(subject))


@pytest.mark.parametrize("other", ["egemaps", "hicmae"])
def test_comparison_of_every_other_encoder_names_the_one_that_was_added(other: str, added: Encoder) -> None:
    shown = encoder_report.standing(one_encoder.gather(other))
    assert isinstance(shown, Fragment) and ">My Encoder<" in shown.html.replace("<!-- My Encoder -->", "")


def test_encoder_that_was_added_is_measured_on_its_features(added: Encoder, files: dict[str, str]) -> None:
    subject = one_encoder.gather("mine", **files)
    assert subject.title == vocabulary.name_of("mine") == "My Encoder" and subject.entries == (added,)
    assert vocabulary.name_of("mine+wavlm") == "My Encoder + WavLM"
    assert "My Encoder (measured): presence" in text(encoder_report.standing(subject))


def test_what_has_no_score_comes_last_in_the_figure(added: Encoder) -> None:
    table = one_encoder.gather("egemaps").everyone.table
    assert pd.isna(table.set_index("id").at["mine", "acc_presence_mean"])
    assert "My Encoder has no score here" in figures.standings(table, "mine", "mlp-512").text
