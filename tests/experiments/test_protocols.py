"""Protocols: which clips each choice is made on; sharing of trainings; the test; trainings from files."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from blemore.challenge import clips, metrics, thresholds
from blemore.errors import InputError, UnknownNameError
from blemore.experiments import from_files, one_training, protocols, stored_runs, sweeps, test_set
from blemore.experiments.protocols import CrossValidation, cross_validate_all
from blemore.experiments.stored_runs import Task
from blemore.features import feature_files, feature_table
from blemore.sources import lookup
from blemore.training.loop import Settings, paper_settings
from tests.conftest import oracle, real
from tests.experiments.test_stored_runs import small_clips, small_data, small_features
from tests.training.test_loop import PRODUCT, exactly, product

SETTINGS = Settings(model="linear", learning_rate=3e-2, epochs=8)
CHANGES = {"model": "linear", "learning_rate": 3e-2, "epochs": 8, "jobs": 1}


def cross_validate(
    table: clips.Clips, held: feature_table.Features, protocol: str = "released-code", *, jobs: int = 1, **changes: Any
) -> CrossValidation:
    data, settings = stored_runs.gather(table, held), protocols.settings_for(held, **changes)
    return cross_validate_all({held.encoder: data}, [settings], [protocol], jobs=jobs)[0]


def test_released_code_scores_each_fold_at_its_own_best() -> None:
    got = cross_validate(small_clips(), small_features(small_clips()), **CHANGES)
    assert [fold.fold for fold in got.folds] == [0, 1, 2, 3, 4]
    for fold, run in zip(got.folds, got.runs, strict=True):
        best = run.epochs[run.best_epoch - 1]
        assert (fold.epoch, fold.alpha, fold.beta) == (run.best_epoch, best.alpha, best.beta)
        assert (fold.scores.acc_presence, fold.scores.acc_salience) == (best.acc_presence, best.acc_salience)
    values = [fold.scores.acc_presence for fold in got.folds]
    assert got.mean("acc_presence") == pytest.approx(np.mean(values))
    assert got.spread("acc_presence") == pytest.approx(np.sqrt(np.var(values) * 5 / 4))
    assert got.decided.shape == got.truth.shape == (60, 6)
    assert metrics.confusion(got.decided, got.truth).sum() == 60


def test_what_is_not_as_in_the_paper_is_named() -> None:
    data = small_data()
    (one,) = protocols.cross_validate_all({"mine": data}, [SETTINGS], ["released-code"], jobs=1)
    assert one.unlike == "other settings: 8 epochs, learning rate 0.03; 60 of 2,456 clips"
    as_printed = replace(one, settings=paper_settings(model="linear", mode="stacked", seed=7))
    assert as_printed.unlike == "60 of 2,456 clips"
    assert replace(as_printed, folds=one.folds[:3]).unlike == "36 of 2,456 clips; 3 folds"
    whole = (replace(one.folds[0], names=("clip",) * (2456 - 48)), *one.folds[1:])
    assert replace(as_printed, folds=whole).unlike == ""


def test_paper_text_takes_the_last_epoch_and_one_pair_of_thresholds() -> None:
    data = small_data()
    got = cross_validate_all({"mine": data}, [SETTINGS], ["paper-text"], jobs=1)[0]
    assert {fold.epoch for fold in got.folds} == {8}
    pooled = thresholds.tune(
        np.concatenate([run.last for run in got.runs]),
        np.concatenate([data.truth_of((fold,)) for fold in range(5)]),
    )
    assert {(fold.alpha, fold.beta) for fold in got.folds} == {(pooled.alpha, pooled.beta)}
    assert metrics.score(got.decided, got.truth).acc_presence == pooled.acc_presence


def test_nested_as_defined_step_by_step() -> None:
    data = small_data()
    got = cross_validate_all({"mine": data}, [SETTINGS], ["nested"], jobs=1)[0]
    k, others = 1, (0, 2, 3, 4)
    inner = sweeps.train(data, *(Task("mine", SETTINGS, tuple(f for f in others if f != j), (j,)) for j in others))
    epoch = int(np.floor(np.mean([run.best_epoch for run in inner]) + 0.5))
    tuned = thresholds.tune(
        np.concatenate([run.best for run in inner]), np.concatenate([data.truth_of((j,)) for j in others])
    )
    (refit,) = sweeps.train(data, Task("mine", replace(SETTINGS, epochs=epoch), others, (k,), blind=True))
    fold = got.folds[k]
    assert (fold.epoch, fold.alpha, fold.beta) == (epoch, tuned.alpha, tuned.beta)
    np.testing.assert_array_equal(fold.probabilities, refit.last)
    np.testing.assert_array_equal(fold.decided, thresholds.decide(refit.last, tuned.alpha, tuned.beta))


def test_a_nested_row_is_the_same_beside_another() -> None:
    data, longer = {"mine": small_data(seed=1)}, replace(SETTINGS, epochs=9)
    together = cross_validate_all(data, [SETTINGS, longer], ["nested"], jobs=1)
    epochs = [[fold.epoch for fold in row.folds] for row in together]
    assert any(a == b for a, b in zip(*epochs, strict=True))  # refits of both that are one training
    for row in together:
        (alone,) = cross_validate_all(data, [row.settings], ["nested"], jobs=1)
        for a, b in zip(alone.folds, row.folds, strict=True):
            assert (a.epoch, a.alpha, a.beta, a.scores) == (b.epoch, b.alpha, b.beta, b.scores)
            np.testing.assert_array_equal(a.probabilities, b.probabilities)


def test_nothing_nested_is_chosen_on_the_scored_fold() -> None:
    data = small_data()
    scored = data.fold == 2
    other_truth, other_x = data.truth.copy(), data.features.x.copy()
    other_truth[scored] = other_truth[scored][::-1]
    other_x[scored] += 5
    changed = replace(data, truth=other_truth, features=replace(data.features, x=other_x))
    one, other = (cross_validate_all({"mine": d}, [SETTINGS], ["nested"], jobs=1)[0].folds[2] for d in (data, changed))
    assert (one.epoch, one.alpha, one.beta) == (other.epoch, other.alpha, other.beta)
    assert not np.array_equal(one.probabilities, other.probabilities)


def test_trainings_in_common_happen_once(tmp_path: Path) -> None:
    table = small_clips()
    data = {name: stored_runs.gather(table, small_features(table, encoder=name, seed=i)) for i, name in enumerate("ab")}
    settings = [SETTINGS, replace(SETTINGS, model="mlp-256", epochs=3)]
    rows = cross_validate_all(data, settings, folder=tmp_path, jobs=1)
    assert [(row.encoder, row.settings.model, row.protocol) for row in rows] == [
        (encoder, model, protocol)
        for encoder in "ab"
        for model in ("linear", "mlp-256")
        for protocol in protocols.PROTOCOLS
    ]
    assert len(list(tmp_path.rglob("*.json"))) == 2 * 2 * (5 + 20 + 5)


def test_subsamples_and_fusions_are_cross_validated_too() -> None:
    table = small_clips()
    one, other = small_features(table, seed=1), small_features(table, encoder="b", width=3, seed=2)
    subsampled = small_features(table, encoder="mine:sub", subsampled=True)
    fused = cross_validate(table, feature_table.fuse(one, other), **CHANGES)
    assert (fused.encoder, fused.settings.batch_size, fused.origin) == ("mine+b", 32, "stand-in")
    got = cross_validate(table, subsampled, **CHANGES)
    assert got.settings.batch_size == 512 and len(got.decided) == 60


@pytest.mark.parametrize("mode", ["fast", "stacked"])
def test_nested_trains_each_three_folds_once(mode: str, monkeypatch) -> None:
    trained: list[int] = []
    one, many = one_training.fit_each, one_training.folds_together.fit_each
    monkeypatch.setattr(one_training, "fit_each", lambda splits, s: trained.append(len(splits)) or one(splits, s))
    monkeypatch.setattr(
        one_training.folds_together, "fit_each", lambda groups, s: trained.extend(map(len, groups)) or many(groups, s)
    )
    cross_validate_all({"mine": small_data()}, [replace(SETTINGS, mode=mode)], ["nested"], jobs=1)
    assert sorted(trained) == [1] * 5 + [2] * 10  # refits; three folds of five, each predicting the other two


def test_stacked_trainings_score_as_single_ones() -> None:
    data = {"mine": small_data()}
    plain = cross_validate_all(data, [SETTINGS], jobs=1)
    stacked = cross_validate_all(data, [replace(SETTINGS, mode="stacked")], jobs=1)
    for one, other in zip(plain, stacked, strict=True):
        for a, b in zip(one.folds, other.folds, strict=True):
            assert (a.epoch, a.alpha, a.beta, a.scores) == (b.epoch, b.alpha, b.beta, b.scores)
            np.testing.assert_allclose(a.probabilities, b.probabilities, atol=1e-5)


def test_wrong_requests_are_refused() -> None:
    table = small_clips()
    with pytest.raises(UnknownNameError, match="did you mean 'nested'"):
        cross_validate(table, small_features(table), protocol="neste")
    with pytest.raises(UnknownNameError, match="learning_rate"):
        cross_validate(table, small_features(table), learningrate=1.0)
    data = small_data()
    two = data.fold < 2
    few = replace(data, fold=data.fold[two], truth=data.truth[two], features=data.features.select(data.names((0, 1))))
    with pytest.raises(InputError, match="nested needs three folds"):
        cross_validate_all({"mine": few}, [SETTINGS], ["nested"])


def test_a_cluster_is_asked_for_the_trainings_that_would_be_done_here(tmp_path: Path, monkeypatch) -> None:
    asked: list[list[Task]] = []
    monkeypatch.setattr(protocols, "precision_here", lambda: "medium")
    monkeypatch.setattr(from_files, "sweep", lambda data, tasks, **how: asked.append(tasks) or [])
    feature_files.write(tmp_path / "mine.npz", small_features(small_clips()))
    small_clips().table[["filename", "fold"]].to_csv(tmp_path / "metadata.csv", index=False)
    for scheduler in (None, "tcp://a:8786"):
        from_files.train(tmp_path / "mine.npz", tmp_path / "metadata.csv", scheduler=scheduler)
    assert asked[0] == asked[1] and asked[0][0].settings.precision == "medium"


def test_only_mode_fast_takes_the_precision_that_pays_here(monkeypatch) -> None:
    monkeypatch.setattr(protocols, "precision_here", lambda: "medium")
    table = small_features(small_clips())
    assert protocols.settings_for(table).precision == "medium"
    assert protocols.settings_for(table, precision="highest").precision == "highest"
    for mode in ("exact", "stacked"):
        assert protocols.settings_for(table, mode=mode).precision == "highest"


def with_test(seed: int = 3) -> stored_runs.Data:
    table = small_clips()
    data = small_data()
    names = [f"test_{i:04d}" for i in range(1, 10)]
    x = np.random.default_rng(seed).normal(size=(9, 4))
    return stored_runs.gather(table, data.features, feature_table.table("there", names, x, encoder="mine"))


@pytest.mark.parametrize("protocol", protocols.PROTOCOLS)
def test_the_test_without_labels_is_a_submission(tmp_path: Path, protocol: str) -> None:
    data = with_test()
    got = test_set.predict_test(data, SETTINGS, protocol, folder=tmp_path, jobs=1)
    cv = cross_validate_all({"mine": data}, [SETTINGS], [protocol], folder=tmp_path, jobs=1)[0]
    if protocol == "released-code":
        best = max(cv.folds, key=lambda fold: fold.scores.composite)
        assert (got.alpha, got.beta, got.settings.epochs) == (best.alpha, best.beta, 100)
    if protocol == "paper-text":
        assert (got.alpha, got.beta, got.settings.epochs) == (cv.folds[0].alpha, cv.folds[0].beta, 8)
    assert got.scores is None and got.origin == "stand-in"
    predictions = json.loads(json.dumps(got.document()))["predictions"]
    assert list(predictions) == [f"test_{i:04d}.mov" for i in range(1, 10)]
    assert all(sum(entry["salience"] for entry in entries) == 100 for entries in predictions.values())


def test_the_test_with_the_users_labels_is_scored() -> None:
    data = with_test()
    assert data.test is not None
    labels = {name: [100, 0, 0, 0, 0, 0] for name in data.test.names}
    got = test_set.predict_test(data, SETTINGS, truth=labels, epochs=2, jobs=1)
    assert got.scores is not None and got.scores.n == 9 and got.scores.acc_salience is None
    with pytest.raises(InputError, match="1 test clips have no label; got test_0001"):
        test_set.predict_test(data, SETTINGS, truth={k: v for k, v in labels.items() if k != "test_0001"})
    with pytest.raises(InputError, match="give their features"):
        test_set.predict_test(small_data(), SETTINGS)
    with pytest.raises(UnknownNameError):
        test_set.predict_test(data, SETTINGS, "paper")


def test_trainings_from_files_are_the_public_baselines() -> None:
    recorded = json.loads(oracle("training.json").read_text())
    got = from_files.train(
        real("egemaps_static_features.npz"), real("train_metadata.csv"), [4], exact=True, learning_rate=5e-4,
        epochs=30, jobs=1,
    )  # fmt: skip
    assert "1205 of 2456 clips have no features (A" in got.note
    document = json.loads(json.dumps(got.document(), allow_nan=False))
    run, expected = document["runs"][0], recorded[1]
    assert list(run) == ["fold", "n_train", "n_val", "best", "epochs"]
    assert (run["fold"], run["n_train"], run["n_val"]) == (4, 1089, 162)
    fields = ["train_loss", "val_loss", "alpha", "beta", "acc_presence", "acc_salience"]
    assert list(run["best"]) == ["epoch", *fields] and list(run["epochs"][0]) == fields
    assert run["best"] == {"epoch": run["best"]["epoch"], **run["epochs"][run["best"]["epoch"] - 1]}
    every = expected["epochs"] if product() == PRODUCT else [asdict(epoch) for epoch in exactly(1).epochs]
    assert run["epochs"] == [{field: epoch[field] for field in fields} for epoch in every]


def test_folds_are_trained_in_the_order_asked(tmp_path: Path) -> None:
    table = small_clips()
    feature_files.write(tmp_path / "mine.npz", small_features(table))
    table.table[["filename", "fold"]].to_csv(tmp_path / "metadata.csv", index=False)
    files = tmp_path / "mine.npz", tmp_path / "metadata.csv"
    got = from_files.train(*files, [3, 0, 3], model="linear", epochs=2, jobs=1).document()
    assert [run["fold"] for run in got["runs"]] == [3, 0]
    alone = from_files.train(*files, [0], model="linear", epochs=2, jobs=1).document()
    assert alone["runs"][0] == got["runs"][1]
    assert len(from_files.train(*files, model="linear", epochs=1, jobs=1).runs) == 5
    for wrong in ([7], [], [0, -1]):
        with pytest.raises(InputError, match="not folds of these clips; expected some of"):
            from_files.train(*files, wrong)


def aggregated_and_subsampled(encoder: str = "mine") -> tuple[feature_table.Features, feature_table.Features]:
    table = small_clips(2)
    return small_features(table, encoder=encoder), small_features(table, encoder=encoder, subsampled=True)


def test_profile_paper_has_the_papers_settings() -> None:
    aggregated, subsampled = (protocols.settings_for(table) for table in aggregated_and_subsampled())
    assert (aggregated.learning_rate, aggregated.epochs, aggregated.batch_size) == (5e-6, 200, 32)
    assert (subsampled.learning_rate, subsampled.epochs, subsampled.batch_size) == (5e-6, 300, 512)


@pytest.mark.parametrize("encoder", ["clip", "videoswin:sub", "imagebind+wavlm"])
def test_profile_quick_travels_as_far_in_fewer_epochs_and_faster_where_features_are_narrower(encoder: str) -> None:
    few = clips.from_names(small_clips(1).names, origin="stand-in")
    simulated, _ = lookup.features(encoder, few, "standin")
    paper, quick = (protocols.settings_for(simulated, profile) for profile in ("paper", "quick"))
    real = protocols.settings_for(replace(simulated, origin="measured"), "quick")
    assert real.epochs * real.learning_rate == pytest.approx(paper.epochs * paper.learning_rate)
    assert quick.learning_rate == pytest.approx(real.learning_rate * 4)  # a sixteenth of the width
    whole, _ = lookup.features("openface", few, "standin")  # as wide as the paper's
    assert protocols.settings_for(whole, "quick").learning_rate == real.learning_rate


def test_what_is_given_counts_in_every_profile_and_an_unknown_profile_is_refused() -> None:
    table, _ = aggregated_and_subsampled()
    for profile in ("quick", "paper"):
        got = protocols.settings_for(table, profile, epochs=7, learning_rate=0.5, model="linear")
        assert (got.epochs, got.learning_rate, got.model) == (7, 0.5, "linear")
    with pytest.raises(UnknownNameError, match="did you mean 'quick'"):
        protocols.settings_for(table, "quik")


@pytest.mark.parametrize("batch_size", [32, 512])
@pytest.mark.parametrize("encoder", ["mine", "mine:sub"])
def test_epochs_of_the_test_follow_from_the_rows_of_a_clip_and_not_from_batch_or_name(
    batch_size: int, encoder: str, tmp_path: Path
) -> None:
    settings = replace(SETTINGS, batch_size=batch_size, epochs=1)
    for table, wanted in zip(aggregated_and_subsampled(encoder), (100, 300), strict=True):
        data = stored_runs.gather(small_clips(2), table)
        tasks = protocols.plain_tasks(data, encoder, settings)
        trained = sweeps.sweep({encoder: data}, tasks, folder=tmp_path, jobs=1)
        again = sweeps.sweep({encoder: data}, tasks, folder=tmp_path, jobs=1)  # read from disk
        for some in (trained, again):
            assert test_set.choose(some, protocols.truths_of(data, some), "released-code")[0] == wanted


def test_a_fold_without_blends_is_left_out_of_salience_and_said() -> None:
    data = small_data()
    without = data.fold == 2
    truth = data.truth.copy()
    truth[without] = [100, 0, 0, 0, 0, 0]
    (got,) = cross_validate_all({"mine": replace(data, truth=truth)}, [SETTINGS], ["released-code"], jobs=1)
    values = [fold.scores.acc_salience for fold in got.folds]
    assert values[2] is None
    kept = [value for value in values if value is not None]
    assert got.mean("acc_salience") == pytest.approx(sum(kept) / 4)
    assert got.spread("acc_salience") == pytest.approx(np.std(kept, ddof=1))
    assert got.mean("acc_presence") == pytest.approx(np.mean([fold.scores.acc_presence for fold in got.folds]))
    assert got.note == "mine: no blends in fold 2, left out of the mean salience"


def test_without_any_blend_there_is_no_salience() -> None:
    data = small_data()
    singles = replace(data, truth=np.tile([100, 0, 0, 0, 0, 0], (len(data.truth), 1)))
    (got,) = cross_validate_all({"mine": singles}, [replace(SETTINGS, epochs=1)], ["released-code"], jobs=1)
    assert np.isnan(got.mean("acc_salience")) and np.isnan(got.spread("acc_salience"))
    assert got.mean("acc_presence") > 0
