"""One clip through every encoder: shapes are the encoder's, failures stay theirs."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from blemore import encoders
from blemore.encoders import Encoder, Variant, synthetic_clips, trial_run
from blemore.encoders.trial_run import Take

SECONDS = 0.8


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return synthetic_clips.write_clips(tmp_path_factory.mktemp("film"), 1, seconds=SECONDS, size=64)[0]


@pytest.fixture(autouse=True)
def _no_weights(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setenv("BLEMORE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))


@pytest.mark.parametrize("name", sorted({*trial_run.SHALLOW} - {"videoswin"}))  # that one is in test_encoders_videoswin
def test_small_network_gives_the_width_and_the_rate_of_the_encoder(name: str, film: Path) -> None:
    rows = trial_run.shallow(name)(film)
    one = encoders.get(name)
    expected = {"frame": 20, "window": 2}.get(one.level)
    assert rows.shape[1] == one.dim
    assert len(rows) == expected if expected else abs(len(rows) - 50 * SECONDS) <= 3
    assert np.array_equal(rows, trial_run.shallow(name)(film)), "random weights are the same each time"


def test_every_encoder_has_a_take_or_a_reason(film: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(path: Path) -> None:
        raise RuntimeError("not\ntoday")

    theirs = {
        name: Encoder(name, name.title(), "video", "clip", "MIT", "nowhere", (Variant("only", 2, "frame", "1 per frame"),),
                      load=lambda opening, load=load: load)
        for name, load in (("works", lambda path: np.eye(3, 2, dtype=np.float32)), ("fails", fails))
    }  # fmt: skip
    theirs["absent"] = replace(theirs["works"], name="absent", title="Absent", here=lambda variant: False)
    monkeypatch.setitem(sys.modules, "torchvision", None)  # importing it fails
    registry = {name: encoders.REGISTRY[name] for name in ("openface", "videoswin", "hicmae")} | theirs
    monkeypatch.setattr(encoders, "known", lambda: registry)
    takes = {one.name: one for one in trial_run.takes(film)}
    assert "reads OpenFace's CSV" in takes["OpenFace"].how and takes["OpenFace"].rows is None
    assert takes["VideoSwin"].how.startswith("not tried: torchvision does not fit this torch")
    assert "weights are not here" in takes["Absent"].how and takes["Absent"].rows is None
    assert "ready features" in takes["HiCMAE"].how
    assert takes["Works"].how == "as it is" and takes["Works"].rows.shape == (3, 2)
    assert takes["Fails"].how == "failed: RuntimeError: not today"


def test_openface_reads_the_csv_that_is_given(film: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from blemore.encoders.openface import COLUMNS

    header = ",".join(["success", "confidence", *COLUMNS])
    row = ",".join(["1", "0.9", *map(str, range(len(COLUMNS)))])
    (tmp_path / "film.csv").write_text("\n".join([header, row, row, row]))
    monkeypatch.setattr(encoders, "known", lambda: {"openface": encoders.REGISTRY["openface"]})
    (take,) = trial_run.takes(film, tmp_path / "film.csv")
    assert take.rows is not None and take.rows.shape == (3, 31)


def test_similarity_is_a_cosine_between_centred_moments() -> None:
    rows = np.random.default_rng(0).normal(size=(6, 4)).astype(np.float32)
    found = Take("x", "as it is", rows).similarity()
    assert np.allclose(np.diag(found), 1) and np.allclose(found, found.T) and np.abs(found).max() <= 1
    scaled = (rows * np.array([1, 10, 100, 0.1]) + 5).astype(np.float32)
    assert np.allclose(Take("x", "as it is", scaled).similarity(), found, atol=1e-4), "units do not matter"
    still = Take("x", "as it is", np.ones((3, 4), np.float32)).similarity()
    assert np.isfinite(still).all()
    assert Take("x", "not tried", None).similarity().shape == (0, 0)
