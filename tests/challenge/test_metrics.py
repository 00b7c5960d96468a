"""The metrics against a re-implementation with sets, clip by clip, from the paper's words in section 3.2."""

from __future__ import annotations

import json
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, event, example, given, settings
from hypothesis import strategies as st

from blemore.challenge import ground_truth, labels, metrics, predictions
from blemore.challenge.clips import read_metadata, standin
from blemore.errors import InputError
from tests.conftest import real

unhurried = settings(deadline=None, max_examples=50)

TRUE = [labels.saliences([e], [100]) for e in labels.EMOTIONS]
TRUE += [labels.saliences(pair, ratio) for pair in labels.PAIRS for ratio in labels.RATIOS]
DECIDED = [*TRUE, labels.saliences(["ang", "hap"], [40, 60]), labels.saliences(["neu", "sad"], [70, 30])]
TWO_OF_EACH = st.lists(st.tuples(st.sampled_from(DECIDED), st.sampled_from(TRUE)), min_size=1, max_size=25)


def arrays(pairs: list[tuple[list[int], list[int]]]) -> tuple[np.ndarray, np.ndarray]:
    decided, true = zip(*pairs, strict=True)
    return np.array(decided), np.array(true)


def by_the_words(pairs: list[tuple[list[int], list[int]]]) -> tuple[Fraction, Fraction | None]:
    """All present emotions and no other; for blends, in the ratio that was shown as well."""

    def shown(row: list[int]) -> dict[str, int]:
        return {emotion: share for emotion, share in zip(labels.EMOTIONS, row, strict=True) if share}

    presence = salience = blends = 0
    for decided, true in pairs:
        right = shown(decided).keys() == shown(true).keys()
        presence += right
        if len(shown(true)) == 2:
            blends += 1
            salience += right and all(shown(decided)[e] == s for e, s in shown(true).items())
    return Fraction(presence, len(pairs)), Fraction(salience, blends) if blends else None


@unhurried
@given(TWO_OF_EACH)
def test_both_accuracies_are_those_of_the_papers_words(pairs) -> None:
    scores = metrics.score(*arrays(pairs))
    presence, salience = by_the_words(pairs)
    assert scores.acc_presence == pytest.approx(float(presence), abs=1e-12)
    assert scores.acc_salience == (None if salience is None else pytest.approx(float(salience), abs=1e-12))
    assert (scores.n, scores.n_blends) == (len(pairs), sum(max(true) < 100 for _, true in pairs))


@unhurried
@given(TWO_OF_EACH)
def test_right_ranking_and_exact_ratio_agree_on_the_three_ratios(pairs) -> None:
    pairs = [(decided, true) for decided, true in pairs if decided in TRUE and max(true) < 100]
    assume(pairs)
    decided, true = arrays(pairs)
    ranked = [
        all((d[i] > 0) == (t[i] > 0) for i in range(6))
        and all(np.sign(d[i] - d[j]) == np.sign(t[i] - t[j]) for i in range(6) for j in range(6))
        for d, t in pairs
    ]
    assert metrics.salience_hits(decided, true).tolist() == ranked


@unhurried
@given(TWO_OF_EACH, st.randoms(use_true_random=False))
def test_order_of_clips_does_not_matter(pairs, random) -> None:
    turned = list(pairs)
    random.shuffle(turned)
    assert metrics.score(*arrays(turned)) == metrics.score(*arrays(pairs))


@unhurried
@given(TWO_OF_EACH)
def test_salience_needs_presence(pairs) -> None:
    decided, true = arrays(pairs)
    blends = (true > 0).sum(axis=1) == 2
    assert (metrics.salience_hits(decided, true) <= metrics.presence_hits(decided, true)[blends]).all()


@unhurried
@given(st.lists(st.sampled_from(TRUE), min_size=1, max_size=9))
def test_the_truth_scores_1(rows) -> None:
    scores = metrics.score(np.array(rows), np.array(rows))
    assert scores.acc_presence == 1
    assert scores.acc_salience == (1 if any(max(row) < 100 for row in rows) else None)


def test_salience_is_not_known_where_no_clip_is_a_blend() -> None:
    scores = metrics.score(np.array([TRUE[0]]), np.array([TRUE[0]]))
    assert scores.acc_salience is None
    assert scores.composite == 0.5


def test_a_pair_decided_for_a_single_emotion_is_wrong_and_the_other_way_round() -> None:
    pair, one = labels.saliences(["ang", "hap"], [70, 30]), TRUE[0]
    assert metrics.score(np.array([pair]), np.array([one])).acc_presence == 0
    assert metrics.score(np.array([one]), np.array([pair])).acc_presence == 0


def test_scores_are_plain_numbers() -> None:
    scores = metrics.score(*arrays([(TRUE[9], TRUE[9])]))
    assert [type(value) for value in vars(scores).values()] == [float, float, int, int]


@pytest.mark.parametrize(
    ("decided", "true"), [((2, 6), (3, 6)), ((2, 5), (2, 5)), ((6,), (6,)), ((0, 6), (0, 6)), ((2, 6), (2, 16))]
)
def test_arrays_that_do_not_fit_are_refused(decided, true) -> None:
    with pytest.raises(InputError):
        metrics.score(np.zeros(decided, int), np.zeros(true, int))


@pytest.mark.parametrize(
    ("partition", "single", "pair"), [("train", (192, 2456), (140, 47, 1326)), ("test", (44, 594), (35, 12, 334))]
)
def test_trivial_baselines_hit_as_many_clips_as_published(partition, single, pair) -> None:
    scores = metrics.trivial_baselines(standin().of(partition).truth)
    assert scores["single"].acc_presence == single[0] / single[1]
    assert scores["single"].acc_salience == 0
    assert scores["blend"].acc_presence == pair[0] / single[1]
    assert scores["blend"].acc_salience == pair[1] / pair[2]


def test_trivial_baselines_of_the_released_clips_are_the_papers() -> None:
    scores = metrics.trivial_baselines(read_metadata(real("train_metadata.csv")).truth)
    assert round(100 * scores["single"].acc_presence, 2) == 7.82
    assert round(100 * scores["blend"].acc_presence, 2) == 5.70
    assert round(100 * scores["blend"].acc_salience, 2) == 3.54


@unhurried
@given(st.lists(st.sampled_from(TRUE), min_size=1, max_size=30), st.randoms(use_true_random=False))
def test_most_frequent_class_is_counted_over_clips_and_ties_go_in_label_order(rows, random) -> None:
    truth = np.array(rows)
    singles = [sum(row[i] == 100 for row in rows) for i in range(6)]
    assert metrics.most_frequent_single(truth)[singles.index(max(singles))] == 100
    of_pair = {p: [row for row in rows if all(row[labels.EMOTIONS.index(e)] for e in p)] for p in labels.PAIRS}
    pair = max(labels.PAIRS, key=lambda p: len(of_pair[p]))  # max keeps the first of equals
    ratio = max(labels.RATIOS, key=lambda r: sum(row == labels.saliences(pair, r) for row in of_pair[pair]))
    assert metrics.most_frequent_blend(truth) == labels.saliences(pair, ratio)
    random.shuffle(rows)
    assert metrics.most_frequent_blend(np.array(rows)) == metrics.most_frequent_blend(truth)


def test_a_pair_is_most_frequent_by_its_clips_and_not_by_its_best_ratio() -> None:
    spread = [labels.saliences(["ang", "hap"], ratio) for ratio in labels.RATIOS]
    piled = [labels.saliences(["hap", "sad"], [70, 30])] * 2
    assert metrics.most_frequent_blend(np.array(piled + spread)) == labels.saliences(["ang", "hap"], [30, 70])


def test_class_learnt_elsewhere_is_the_one_predicted() -> None:
    truth, elsewhere = np.array([TRUE[0], TRUE[6]]), np.array([TRUE[3], TRUE[3], TRUE[0], TRUE[-1], TRUE[6], TRUE[-1]])
    scores = metrics.trivial_baselines(truth, elsewhere)
    assert scores["single"].acc_presence == 0  # hap is most frequent elsewhere
    assert scores["blend"].acc_presence == 0
    assert metrics.trivial_baselines(truth)["single"].acc_presence == 0.5


def test_baselines_by_fold_never_learn_on_the_fold_they_score() -> None:
    folds = np.array([0, 0, 0, 4, 4])
    truth = np.array([TRUE[0], TRUE[0], TRUE[6], TRUE[1], TRUE[-1]])
    scores = metrics.baselines_by_fold(truth, folds)
    assert [s.n for s in scores["single"]] == [3, 2]
    assert [s.acc_presence for s in scores["single"]] == [0, 0], "each fold's own favourite would score"
    assert [s.acc_presence for s in scores["blend"]] == [0, 0]


@unhurried
@given(TWO_OF_EACH)
def test_confusion_counts_every_clip_once_and_its_diagonal_is_presence(pairs) -> None:
    pairs = [pair for pair in pairs if pair[0] in TRUE] or [(TRUE[0], TRUE[0])]
    decided, true = arrays(pairs)
    matrix = metrics.confusion(decided, true)
    by_hand = np.zeros((16, 16), int)
    for one, other in pairs:
        names = ["-".join(e for e, s in zip(labels.EMOTIONS, row, strict=True) if s) for row in (other, one)]
        by_hand[labels.CLASSES.index(names[0]), labels.CLASSES.index(names[1])] += 1
    np.testing.assert_array_equal(matrix, by_hand)
    assert np.trace(matrix) == metrics.presence_hits(decided, true).sum()


def test_confusion_refuses_what_has_no_place_in_it() -> None:
    with pytest.raises(InputError, match="sad\\+neu"):
        metrics.confusion(np.array([labels.saliences(["neu", "sad"], [70, 30])]), np.array([TRUE[0]]))


@unhurried
@given(st.integers(1, 400).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_ends_of_the_wilson_interval_are_196_standard_errors_away(case) -> None:
    hits, n = case
    low, high = metrics.wilson_interval(hits, n)
    assert 0 <= low < high <= 1
    for p, at_the_end in ((low, hits == 0), (high, hits == n)):
        if at_the_end:
            assert p == pytest.approx(hits / n, abs=1e-12)
        else:
            assert abs(hits / n - p) == pytest.approx(1.959963984540054 * (p * (1 - p) / n) ** 0.5, rel=1e-6)


@unhurried
@given(st.integers(1, 300).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_wilson_interval_is_symmetric_in_hits_and_misses(case) -> None:
    hits, n = case
    low, high = metrics.wilson_interval(hits, n)
    assert metrics.wilson_interval(n - hits, n) == pytest.approx((1 - high, 1 - low), abs=1e-12)


def test_a_wider_level_gives_a_wider_interval() -> None:
    low, high = metrics.wilson_interval(20, 100, level=0.99)
    narrow = metrics.wilson_interval(20, 100, level=0.8)
    assert low < narrow[0] < 0.2 < narrow[1] < high


@pytest.mark.parametrize(("hits", "n"), [(0, 0), (-1, 5), (6, 5), (1, -1)])
def test_an_accuracy_that_cannot_be_has_no_interval(hits, n) -> None:
    with pytest.raises(InputError):
        metrics.wilson_interval(hits, n)


def test_clips_of_groups_that_are_all_right_or_all_wrong_count_as_one() -> None:
    hits, groups = np.repeat([True, False] * 10, 6), np.repeat(np.arange(20).astype(str), 6)
    assert metrics.design_effect(hits, groups) == pytest.approx(6 * 20 / 19)


def test_clips_without_groups_have_a_design_effect_of_one() -> None:
    hits = np.arange(200) % 3 == 0
    assert metrics.design_effect(hits, np.arange(200).astype(str)) == pytest.approx(200 / 199)


def test_design_effect_is_that_of_resampled_groups() -> None:
    rng = np.random.default_rng(0)
    groups = np.repeat(np.arange(300), rng.integers(5, 15, size=300))
    hits = rng.random(len(groups)) < rng.beta(2, 4, size=300)[groups]
    counts = [(hits[groups == group].sum(), (groups == group).sum()) for group in range(300)]
    drawn = np.array(counts)[rng.integers(0, 300, size=(4000, 300))].sum(axis=1)
    p = hits.mean()
    resampled = (drawn[:, 0] / drawn[:, 1]).var() / (p * (1 - p) / len(hits))
    assert metrics.design_effect(hits, groups.astype(str)) == pytest.approx(resampled, rel=0.1)


@pytest.mark.parametrize(
    ("hits", "groups"), [([True, False], ["a", "a"]), ([True, True], ["a", "b"]), ([False, False], ["a", "b"])]
)
def test_a_design_effect_that_cannot_be_is_refused(hits, groups) -> None:
    with pytest.raises(InputError, match="two groups"):
        metrics.design_effect(np.array(hits), np.array(groups))


# The challenge's public scorer, written anew from its description: it reads decisions and the truth that names carry.

Entries = list[dict[str, Any]]
CLIPS = ["A9001_ang_int1_ver1", "A9002_neu_sit1_ver1", "A9003_hap_int4_ver2"]
CLIPS += [f"A90{i}_mix_{a}_{b}_{p}_{q}_ver1" for i, (a, b) in enumerate(labels.PAIRS, 10) for p, q in labels.RATIOS]
NUMBERS = st.sampled_from([float, float, np.float32, round])
NOISE = st.sampled_from([0, 0.1, -0.1, 0.2, -0.3, 0.4, -0.4, 0.5, -0.5, 0.6, 1, -1, 7.6e-6, -7.6e-6])
OTHERS = [
    [("neu", 30), ("sad", 70)],
    [("hap", 70), ("ang", 30)],
    [("sad", 99.9), ("hap", 0.1)],
    [("ang", 100)],
    [("neu", 100)],
]
ODD = [[("fea", 30), ("joy", 70)], [("sad", 100), ("hap", 0)], [("ang", 30), ("hap", 40), ("sad", 30)], [("ang", 50), ("ang", 50)],
       [("sad", 0.7), ("hap", 0.3)], [("sad", 1)], []]  # fmt: skip


def publicly_scored(decisions: dict[str, Entries]) -> tuple[Fraction, Fraction | None]:
    """Score by name: the set of emotions, and for true blends each emotion with its share in whole percents."""
    presence, salience = [], []
    for name, entries in decisions.items():
        _, *parts = name.removesuffix(".mov").split("_")
        true = {parts[0]: "100"} if parts[0] != "mix" else dict(zip(parts[1:3], parts[3:5], strict=True))
        presence.append({entry["emotion"] for entry in entries} == set(true))
        if len(true) == 2:
            shares = {entry["emotion"]: round(float(entry["salience"])) for entry in entries}
            salience.append(len(entries) == 2 and shares == {emotion: int(share) for emotion, share in true.items()})
    mean = Fraction(sum(salience), len(salience)) if salience else None
    return Fraction(sum(presence), len(presence)), mean


def scored_by_it_alone(decisions: dict[str, Entries]) -> bool:
    """Tell whether the public scorer scores what this package refuses in one line; see the test below."""
    for entries in decisions.values():
        emotions, shares = [entry["emotion"] for entry in entries], [entry["salience"] for entry in entries]
        if len(entries) not in (1, 2) or len(set(emotions)) < len(entries) or not set(emotions) <= {*labels.EMOTIONS}:
            return True
        if any(isinstance(share, str) or share <= 0 for share in shares) or abs(sum(shares) - 100) > 0.5:
            return True
    return len({name.removesuffix(".mov") for name in decisions}) < len(decisions)


@st.composite
def entries_of(draw: st.DrawFn, name: str, careful: bool) -> Entries:
    """Decide a clip: rightly, nearly so, or, where the program is not careful, in ways that nobody should."""
    _, *parts = name.removesuffix(".mov").split("_")
    true = [(parts[0], 100)] if parts[0] != "mix" else [(parts[1], int(parts[3])), (parts[2], int(parts[4]))]
    decided = draw(st.sampled_from([true, true, true, *OTHERS, *([] if careful else ODD)]))
    kind, noise = draw(NUMBERS if careful else st.one_of(NUMBERS, st.just(str))), draw(NOISE)
    if careful and len(decided) == 1:
        noise = noise / 10
    signs = (1, -1 if careful else draw(st.sampled_from([-1, 1])), 1)
    shares = [kind(share + sign * noise) for (_, share), sign in zip(decided, signs, strict=False)]
    entries = [
        {"emotion": emotion, "salience": float(share) if isinstance(share, np.floating) else share}
        for (emotion, _), share in zip(decided, shares, strict=True)
    ]
    return entries[:: draw(st.sampled_from([1, -1]))]


@st.composite
def decision_files(draw: st.DrawFn) -> dict[str, Entries]:
    chosen = draw(st.lists(st.sampled_from(CLIPS), min_size=1, max_size=6, unique=True))
    careful = draw(st.booleans())
    names = [name + draw(st.sampled_from(["", ".mov"])) for name in chosen]
    names += [chosen[0] + ".mov"] if draw(st.integers(0, 15)) == 0 else []
    return {name: draw(entries_of(name, careful)) for name in names}


@settings(deadline=None, max_examples=500)
@given(decision_files(), st.booleans())
@example({CLIPS[3]: [{"emotion": "ang", "salience": 30.1}, {"emotion": "hap", "salience": 69.9}]}, False)
@example(
    {
        CLIPS[3]: [
            {"emotion": "disg", "salience": 70.00000762939453},
            {"emotion": "ang", "salience": 30.000003814697266},
        ]
    },
    True,
)
@example({CLIPS[0]: [{"emotion": "ang", "salience": 100.00000762939453}]}, False)
def test_decisions_score_as_the_challenges_public_scorer_scores_them(tmp_path_factory, decisions, outer: bool) -> None:
    """Where both score, the numbers are the same; without a blend the public scorer says 0 for salience, this package None.

    This package refuses, and the public scorer scores: no emotion, three, one twice, or one that is unknown; saliences
    that are texts, are not above 0, or whose sum is more than half a percent from 100 (0.7 and 0.3; 50 for a single
    emotion); a clip both with and without ``.mov``.
    """
    sums = [sum(float(entry["salience"]) for entry in entries) for entries in decisions.values()]
    assume(all(abs(abs(total - 100) - 0.5) > 1e-9 for total in sums))  # on the very edge the last bit decides
    path: Path = tmp_path_factory.getbasetemp() / "decisions.json"
    path.write_text(json.dumps({"predictions": decisions} if outer else decisions))
    refused = scored_by_it_alone(decisions)
    event("refused" if refused else "scored")
    if refused:
        with pytest.raises(InputError, match=r"decisions\.json"):
            predictions.read_decisions(path)
        return
    read = predictions.read_decisions(path)
    scores = metrics.score(*ground_truth.match(read, ground_truth.truth_of_names(path, read))[:2])
    presence, salience = publicly_scored(decisions)
    assert (scores.acc_presence, scores.acc_salience) == (
        float(presence),
        None if salience is None else float(salience),
    )
