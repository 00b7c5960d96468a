"""Trained classifiers from disk predict what they predicted when they were trained."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from blemore.errors import InputError
from blemore.experiments import stored_runs, test_set
from blemore.features import feature_table
from blemore.training.loop import Settings
from tests.experiments.test_stored_runs import small_clips, small_features


def table(names: list[str], counts: list[int]) -> feature_table.Features:
    x = np.random.default_rng(3).normal(size=(sum(counts), 4)) * [1, 20, 0.1, 3] + 5
    return feature_table.table("there", names, x, np.array(counts), encoder="mine")


@pytest.mark.parametrize("subsampled", [False, True])
@pytest.mark.parametrize("mode", ["fast", "stacked"])
@pytest.mark.parametrize("model", ["linear", "mlp-256"])
def test_a_saved_head_predicts_the_test_clips_again(tmp_path: Path, model: str, mode: str, subsampled: bool) -> None:
    clips = small_clips()
    test = table(["test_0001", "test_0002", "test_0003"], [1, 2, 3] if subsampled else [1, 1, 1])
    data = stored_runs.gather(clips, small_features(clips, subsampled=subsampled), test)
    settings = Settings(model=model, mode=mode, learning_rate=1e-2, epochs=2)
    answer = test_set.predict_test(data, settings, epochs=3, folder=tmp_path, jobs=1)
    (path,) = tmp_path.rglob("*-test-*.json")
    head = stored_runs.read(path).head
    assert head is not None
    np.testing.assert_allclose(head.predict(test), answer.probabilities, rtol=1e-5, atol=1e-6)
    with pytest.raises(InputError, match="width; expected 4; got 3"):
        head.predict(replace(test, x=test.x[:, :3]))
    (fold,) = tmp_path.rglob("*-val0-*.json")
    assert stored_runs.read(fold).head is None
