"""Simulated features that were made before: found by content, and never trusted blindly."""

from __future__ import annotations

from pathlib import Path

import pytest

from blemore.challenge.clips import standin as invented
from blemore.simulation import generator, kept_features

CLIPS = invented().of("test")


@pytest.fixture
def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with simulated subsamples; to simulate more fails."""
    kept_features.features("videoswin:sub", CLIPS, tmp_path, seed=0, profile="quick")
    monkeypatch.setattr(generator, "features", lambda *a, **k: pytest.fail("simulated again"))
    return tmp_path


def test_same_features_are_read_not_simulated(kept: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = kept_features.features("videoswin:sub", CLIPS, kept, seed=0, profile="quick")
    monkeypatch.undo()
    made = generator.features("videoswin:sub", CLIPS, seed=0)
    assert (found.digest, found.origin, found.encoder) == (made.digest, "stand-in", "videoswin:sub")


@pytest.mark.parametrize(("encoder", "seed", "profile"), [("videoswin", 0, "quick"), ("videoswin:sub", 1, "quick"), ("videoswin:sub", 0, "paper")])  # fmt: skip
def test_others_are_simulated(kept: Path, encoder: str, seed: int, profile: str) -> None:
    with pytest.raises(pytest.fail.Exception, match="simulated again"):
        kept_features.features(encoder, CLIPS, kept, seed=seed, profile=profile)


def test_other_parameters_of_the_world_are_simulated(kept: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    other = generator.World(signal=generator.world().signal, drift=0.5)
    monkeypatch.setattr(generator, "world", lambda: other)
    with pytest.raises(pytest.fail.Exception, match="simulated again"):
        kept_features.features("videoswin:sub", CLIPS, kept, seed=0, profile="quick")


def test_features_of_other_code_are_simulated_again(kept: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept_features, "CODE", "another")
    with pytest.raises(pytest.fail.Exception, match="simulated again"):
        kept_features.features("videoswin:sub", CLIPS, kept, seed=0, profile="quick")


def test_spoilt_file_is_simulated_again(kept: Path) -> None:
    (file,) = kept.iterdir()
    file.write_bytes(b"spoilt")
    with pytest.raises(pytest.fail.Exception, match="simulated again"):
        kept_features.features("videoswin:sub", CLIPS, kept, seed=0, profile="quick")


def test_where_nothing_can_be_kept_features_are_made_all_the_same(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    assert kept_features.features("openface", CLIPS, tmp_path / "file", seed=0, profile="quick").names == tuple(
        CLIPS.names
    )
