"""The file-name grammar, saliences, soft labels and classes: as properties, and on the released names."""

from __future__ import annotations

import contextlib
import csv
import re
from itertools import permutations

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from blemore.challenge import labels
from blemore.challenge.labels import ClipName, parse_clip_name, saliences, saliences_of_names, stem
from blemore.errors import BlemoreError, ClipNameError, InputError, UnknownNameError
from blemore.paper import printed_numbers
from tests.conftest import real

unhurried = settings(deadline=None)  # a loaded core is no reason to fail

ACTORS = st.integers(1, 9999).map("A{}".format)
NUMBERS = st.integers(1, 99)
NEUTRAL = st.builds(ClipName, ACTORS, st.just(("neu",)), st.just((100,)), NUMBERS, st.none(), NUMBERS)
SINGLE = st.builds(
    ClipName,
    ACTORS,
    st.sampled_from(labels.BLENDABLE).map(lambda e: (e,)),
    st.just((100,)),
    NUMBERS,
    NUMBERS,
    st.none(),
)
BLEND = st.builds(ClipName, ACTORS, st.sampled_from(labels.PAIRS), st.sampled_from(labels.RATIOS), NUMBERS)
CLIPS = st.one_of(NEUTRAL, SINGLE, BLEND)
ROWS = [saliences([e], [100]) for e in labels.EMOTIONS] + [saliences(p, r) for p in labels.PAIRS for r in labels.RATIOS]


def written(clip: ClipName) -> str:
    """Spell a clip's name, the grammar read backwards."""
    if len(clip.emotions) == 2:
        parts = [clip.actor, "mix", *clip.emotions, *clip.saliences]
    else:
        parts = [clip.actor, *clip.emotions, f"int{clip.intensity}" if clip.intensity else f"sit{clip.situation}"]
    return "_".join(map(str, [*parts, f"ver{clip.version}"]))


@unhurried
@given(CLIPS)
def test_a_name_that_is_written_is_read_back(clip: ClipName) -> None:
    assert parse_clip_name(written(clip)) == clip


@unhurried
@given(
    CLIPS,
    st.sampled_from(["", "/data/clips/", "a b/", "../", "C:\\clips\\", "ü/"]),
    st.sampled_from(["", ".mov", ".MOV", ".mp4", ".wav", ".npy", ".csv"]),
)
def test_folder_and_media_suffix_do_not_matter(clip: ClipName, folder: str, suffix: str) -> None:
    assert parse_clip_name(f"{folder}{written(clip)}{suffix}") == clip
    assert stem(f"{folder}{written(clip)}{suffix}") == written(clip)


def test_every_released_name_is_read_and_written_back() -> None:
    with real("train_metadata.csv").open(newline="") as file:
        names = [row["filename"] for row in csv.DictReader(file)]
    assert len(names) == 2456
    assert [written(parse_clip_name(name)) for name in names] == names


@unhurried
@given(st.one_of(st.text(), st.from_regex(r"A[0-9]{1,3}_[a-z_0-9]*ver[0-9]", fullmatch=True)))
@example("A102_ang_int1_ver1\n")
@example("\nA102_ang_int1_ver1")
@example("A102_ang_int1_ver1 ")
@example("A1_ang\nint1_ver1")
def test_any_other_text_is_refused_in_one_line(name: str) -> None:
    try:
        clip = parse_clip_name(name)
    except ClipNameError as error:
        assert len(str(error).splitlines()) == 1
    else:
        assert re.fullmatch(r"A[0-9]+_[a-z_]+([0-9]+_[0-9]+|(int|sit)[0-9]+)_ver[0-9]+", stem(name))
        assert sum(clip.saliences) == 100


@unhurried
@given(CLIPS, st.data())
def test_one_lost_character_never_goes_unnoticed(clip: ClipName, data: st.DataObject) -> None:
    name = written(clip)
    at = data.draw(st.integers(0, len(name) - 1))
    with contextlib.suppress(ClipNameError):
        assert parse_clip_name(name[:at] + name[at + 1 :]) != clip


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("", "does not begin with an actor"),
        ("test_0001", "does not begin with an actor"),
        ("a102_ang_int1_ver1", "does not begin with an actor"),
        ("102_ang_int1_ver1", "does not begin with an actor"),
        ("A102_ang_int1", "does not end with a version"),
        ("A102_ang_int1_ver", "does not end with a version"),
        ("A102_ang_int1_ver1.jpg", "does not end with a version"),
        ("A102_joy_int1_ver1", "unknown emotion 'joy'"),
        ("A102_neu_int1_ver1", "neutral clips have a situation"),
        ("A102_ang_sit1_ver1", "neutral clips have a situation"),
        ("A102_ang_ver1", "there must be an emotion and int1 or sit1"),
        ("A102_ang_intx_ver1", "there must be an emotion and int1 or sit1"),
        ("A411_mix_ang_hap_30_ver1", "two emotions and two saliences"),
        ("A411_mix_ang_30_70_ver1", "two emotions and two saliences"),
        ("A411_mix_ang_hap_sad_30_30_40_ver1", "two emotions and two saliences"),
        ("A411_mix_ang_neu_30_70_ver1", "'neu' does not occur in blends"),
        ("A411_mix_ang_joy_30_70_ver1", "'joy' does not occur in blends"),
        ("A411_mix_hap_ang_30_70_ver1", "in the order ang, disg, fea, hap, sad"),
        ("A411_mix_ang_ang_50_50_ver1", "two different emotions"),
        ("A411_mix_ang_hap_40_60_ver1", "40/60 is not one of"),
        ("A411_mix_ang_hap_70_70_ver1", "70/70 is not one of"),
    ],
)
def test_a_bad_name_is_told_what_is_wrong_with_it(name: str, says: str) -> None:
    with pytest.raises(ClipNameError, match=re.escape(says)) as caught:
        parse_clip_name(name)
    assert repr(name) in str(caught.value)
    assert len(str(caught.value).splitlines()) == 1


@pytest.mark.parametrize("name", ["A١٠٢_ang_int1_ver1", "A102_ang_int１_ver1", "A411_mix_ang_hap_３０_70_ver1"])
def test_only_ascii_digits_are_digits(name: str) -> None:
    with pytest.raises(ClipNameError):
        parse_clip_name(name)


def test_suffix_goes_once_and_only_at_the_end() -> None:
    assert stem("a.mov.npy") == "a.mov"
    assert stem("a.movie") == "a.movie"
    assert stem("x.mov/a") == "a"


@unhurried
@given(st.sampled_from(ROWS), st.booleans(), st.sampled_from([int, float, np.int64, np.float32]))
def test_order_of_entries_and_kind_of_number_do_not_matter(row: list[int], turned: bool, number: type) -> None:
    entries = [(e, number(s)) for e, s in zip(labels.EMOTIONS, row, strict=True) if s]
    names, shares = zip(*(entries[::-1] if turned else entries), strict=True)
    read = saliences(names, shares)
    assert read == row
    assert all(type(share) is int for share in read)


@pytest.mark.parametrize(
    ("emotions", "percent", "kind"),
    [
        (["joy"], [100], UnknownNameError),
        (["ANG"], [100], UnknownNameError),
        ([""], [100], UnknownNameError),
        ([], [], InputError),
        (["ang", "ang"], [50, 50], InputError),
        (["ang", "hap", "sad"], [30, 30, 40], InputError),
        (["ang"], [70], InputError),
        (["ang"], [0], InputError),
        (["ang"], [-100], InputError),
        (["ang"], [float("nan")], InputError),
        (["ang"], [float("inf")], InputError),
        (["ang", "hap"], [float("inf"), -float("inf")], InputError),
        (["ang", "hap"], [70, 40], InputError),
        (["ang", "hap"], [100, 0], InputError),
        (["ang", "hap"], [130, -30], InputError),
        (["ang"], [10**400], InputError),
        (["ang", "hap"], [10**400, 100 - 10**400], InputError),
    ],
)
def test_what_cannot_be_a_truth_is_refused(emotions: list[str], percent: list[float], kind: type[BlemoreError]) -> None:
    with pytest.raises(kind):
        saliences(emotions, percent)


@pytest.mark.parametrize("percent", [[100.0001], [99.9999]])
def test_a_share_that_is_almost_100_is_shown_as_it_is(percent: list[float]) -> None:
    with pytest.raises(InputError) as caught:
        saliences(["ang"], percent)
    assert str(percent[0]) in str(caught.value), "says that 100 is not 100"


@pytest.mark.parametrize(("share", "shown"), [(float("nan"), "nan"), (float("inf"), "inf"), (-1e9, "-1"), (10**7, "1")])
def test_a_share_far_from_100_is_shown_as_it_is(share: float, shown: str) -> None:
    with pytest.raises(InputError, match=rf"got ang {shown}"):
        saliences(["ang"], [share])


@pytest.mark.parametrize("row", ROWS)
def test_soft_label_is_the_share_of_each_emotion(row: list[int]) -> None:
    soft = labels.soft_labels(np.array([row]))
    assert soft.dtype == np.float32
    assert soft[0].tolist() == [np.float32(share / 100) for share in row]
    assert float(soft.sum()) == pytest.approx(1, abs=1e-6)


def test_truth_of_names_keeps_their_order() -> None:
    names = ["A1_neu_sit1_ver1", "A2_mix_ang_hap_30_70_ver1", "A3_sad_int4_ver2"]
    assert saliences_of_names(names).tolist() == [[0, 0, 0, 0, 0, 100], [30, 0, 0, 70, 0, 0], [0, 0, 0, 0, 100, 0]]


def test_no_names_give_no_rows() -> None:
    assert saliences_of_names([]).shape == (0, 6)
    assert labels.class_index(saliences_of_names([])).shape == (0,)


def test_classes_are_the_axes_of_figure_4() -> None:
    assert (
        list(labels.CLASSES) == printed_numbers.figure(4).columns.tolist() == printed_numbers.figure(4).index.tolist()
    )


@pytest.mark.parametrize("row", ROWS)
def test_class_names_the_emotions_present(row: list[int]) -> None:
    name = labels.CLASSES[labels.class_index(np.array([row]))[0]]
    assert name == "-".join(e for e, share in zip(labels.EMOTIONS, row, strict=True) if share)


@pytest.mark.parametrize("row", [[30, 0, 0, 0, 0, 70], [0] * 6, [30, 30, 40, 0, 0, 0]])
def test_what_is_none_of_the_16_classes_is_refused(row: list[int]) -> None:
    with pytest.raises(InputError, match="16 classes"):
        labels.class_index(np.array([ROWS[0], row]))


def test_pairs_are_all_pairs_but_those_with_neutral() -> None:
    assert set(labels.PAIRS) == {p for p in permutations(labels.EMOTIONS[:5], 2) if p[0] < p[1]}
    assert "neu" not in labels.BLENDABLE


@unhurried
@given(st.lists(st.sampled_from(ROWS), min_size=1, max_size=9), st.randoms())
def test_class_of_a_clip_does_not_depend_on_its_neighbours(rows: list[list[int]], random) -> None:
    order = list(range(len(rows)))
    random.shuffle(order)
    alone = np.array([labels.class_index(np.array([row]))[0] for row in rows])
    np.testing.assert_array_equal(labels.class_index(np.array(rows)[order]), alone[order])
