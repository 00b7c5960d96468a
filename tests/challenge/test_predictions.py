"""Tables of probabilities, decisions and truths from files: what is read is what was written."""

from __future__ import annotations

import contextlib
import json
import math
from csv import reader
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from blemore.challenge import ground_truth as truth_module
from blemore.challenge import labels, predictions
from blemore.challenge.clips import read_metadata
from blemore.errors import InputError, UnknownNameError
from tests.conftest import real

unhurried = settings(deadline=None, max_examples=50)

SINGLE, BLEND = "A102_ang_int1_ver1", "A411_mix_ang_hap_30_70_ver1"
MIRROR = "mirror/TS1349/HiCMA_BlEmoRe/f1cadb786e877d137e0627c2405dbe50aedd8d45/saved/model/finetuning/blemore"
NAMED = "filename,ang,disg,fea,hap,sad,neu"
ROWS = [labels.saliences([e], [100]) for e in labels.EMOTIONS]
ROWS += [labels.saliences(pair, ratio) for pair in labels.PAIRS for ratio in labels.RATIOS]


@pytest.fixture
def write(tmp_path: Path):
    def write(content: str | bytes, name: str) -> Path:
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return write


@pytest.fixture
def csv(write):
    return lambda content: write(content, "table.csv")


@pytest.fixture
def npz(tmp_path: Path):
    def save(**arrays: np.ndarray) -> Path:
        np.savez(tmp_path / "table.npz", **arrays)
        return tmp_path / "table.npz"

    return save


@unhurried
@given(hnp.arrays(np.float64, (3, 6), elements=st.floats(-700, 700)))
def test_softmax_is_its_formula(logits) -> None:
    for row, found in zip(logits.tolist(), predictions.softmax(logits).tolist(), strict=True):
        powers = [math.exp(x - max(row)) for x in row]
        assert found == pytest.approx([p / math.fsum(powers) for p in powers], rel=1e-12, abs=1e-300)


@unhurried
@given(hnp.arrays(np.float32, (2, 6), elements=st.floats(-50, 50, width=32)), st.floats(-50, 50))
def test_softmax_is_computed_in_float64_and_ignores_a_common_shift(logits, shift) -> None:
    found = predictions.softmax(logits)
    assert found.dtype == np.float64
    np.testing.assert_allclose(found, predictions.softmax(logits.astype(np.float64) + shift), rtol=1e-9)
    np.testing.assert_array_equal(found, predictions.softmax(logits.astype(np.float64)))


@pytest.mark.parametrize("scale", [1e4, 1e300, 1.7e308])
def test_huge_logits_leave_one_emotion_and_no_warning(scale: float) -> None:
    assert predictions.softmax(np.array([[scale, -scale, 0, 0, 0, 0]])).tolist() == [[1, 0, 0, 0, 0, 0]]


@unhurried
@given(st.permutations(labels.EMOTIONS), st.integers(0, 2**32 - 1))
def test_named_columns_may_come_in_any_order(tmp_path_factory, order: list[str], seed: int) -> None:
    rows = np.random.default_rng(seed).dirichlet(np.ones(6), 2)
    by_name = [dict(zip(labels.EMOTIONS, row, strict=True)) for row in rows.tolist()]
    lines = [
        f"{name}," + ",".join(repr(row[e]) for e in order) for name, row in zip((SINGLE, BLEND), by_name, strict=True)
    ]
    path = tmp_path_factory.mktemp("named") / "table.csv"
    path.write_text("\n".join([f"filename,{','.join(order)}", *lines]))
    read = predictions.read_table(path)
    assert read.names == [SINGLE, BLEND]
    np.testing.assert_array_equal(read.probabilities, rows)


@pytest.mark.parametrize(
    "header", ["filename,ang,disg,fea,hap,sad,neu", "x,ANG, Disg ,fea,hap,sad,neu", "\ufeffx,ang,disg,fea,hap,sad,neu"]
)
@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("quote", ["", '"'])
@pytest.mark.parametrize("space", ["", " "])
def test_how_a_table_is_written_does_not_matter(csv, header: str, end: str, quote: str, space: str) -> None:
    cells = f"{quote},{space}{quote}".join([f"/clips/{BLEND}.mov", "0.3", "0", "0", ".7", "0e0", "0.0"])
    read = predictions.read_table(csv(f"{header}{end}{quote}{cells}{quote}{end}"))
    assert read.names == [BLEND]
    assert read.probabilities.tolist() == [[0.3, 0, 0, 0.7, 0, 0]]


def test_order_says_what_unnamed_columns_are(csv) -> None:
    path = csv(f"clip,p0,p1,p2,p3,p4,p5\n{SINGLE},.1,.2,.3,.15,.05,.2\n")
    assert predictions.read_table(path).probabilities.tolist() == [[0.1, 0.2, 0.3, 0.15, 0.05, 0.2]]
    turned = predictions.read_table(path, order=("neu", "ang", "disg", "fea", "hap", "sad"))
    assert turned.probabilities.tolist() == [[0.2, 0.3, 0.15, 0.05, 0.2, 0.1]]


@pytest.mark.parametrize(
    ("header", "says"),
    [
        ("clip,neu,ang,disg,fea,hap,sadd", "column names; expected .* got neu, ang, disg, fea, hap, sadd"),
        ("clip,ang,ang,fea,hap,sad,neu", "column ang occurs twice"),
        ("clip,neu,ang,disg,fea,hap,", "column names; expected"),
        ("A102_neu_sit1_ver1,0,1,0,0,0,0", ""),
    ],
    ids=["one misspelt", "one twice", "one blank", "no header at all"],
)
def test_columns_that_half_say_what_they_are_are_refused(csv, header: str, says: str) -> None:
    path = csv(f"{header}\n{SINGLE},0,1,0,0,0,0\n")
    with pytest.raises(InputError, match=f"{path.name}.*{says}"):
        predictions.read_table(path)


def test_columns_may_have_the_emotions_full_names(csv) -> None:
    path = csv(f"clip,neutral,anger,disgust,fear,happiness,sadness\n{SINGLE},0,1,0,0,0,0\n")
    assert predictions.read_table(path).probabilities.tolist() == [[1, 0, 0, 0, 0, 0]]


@pytest.mark.parametrize("kind", ["probabilities", "logits"])
@pytest.mark.parametrize("dtype", ["f2", "f4", "f8", "i4", "u1", ">f8"])
def test_numbers_of_any_width_become_float64(npz, kind: str, dtype: str) -> None:
    values = (np.eye(6) if kind == "probabilities" else 3 * np.eye(6)).astype(dtype)
    read = predictions.read_table(npz(filenames=np.array([f"{n}_ver1" for n in "abcdef"]), **{kind: values}))
    assert read.probabilities.dtype == np.float64
    assert read.probabilities.dtype.isnative
    expected = np.eye(6) if kind == "probabilities" else predictions.softmax(3 * np.eye(6))
    np.testing.assert_array_equal(read.probabilities, expected)


def test_archive_and_table_of_the_same_numbers_are_the_same(npz, csv) -> None:
    values = np.random.default_rng(0).normal(size=(2, 6))
    one = predictions.read_table(npz(filenames=np.array([SINGLE, BLEND]), logits=values))
    lines = [",".join([name, *map(repr, row)]) for name, row in zip((SINGLE, BLEND), values.tolist(), strict=True)]
    other = predictions.read_table(csv("\n".join([NAMED, *lines])), logits=True)
    assert one.names == other.names
    np.testing.assert_array_equal(one.probabilities, other.probabilities)


def test_archive_is_told_by_its_content_or_its_suffix_in_any_case(tmp_path: Path, npz) -> None:
    path = npz(filenames=np.array([SINGLE]), probabilities=np.eye(6)[:1])
    upper = path.rename(tmp_path / "TABLE.NPZ")
    assert predictions.read_table(upper).names == [SINGLE]


@pytest.mark.parametrize(
    ("sum_", "fine"), [(0.9991, True), (1.0009, True), (0.9989, False), (1.0011, False), (0, False)]
)
def test_rows_sum_to_1_within_a_thousandth(csv, sum_: float, fine: bool) -> None:
    path = csv(f"{NAMED}\n{BLEND},1,0,0,0,0,0\n{SINGLE},{sum_},0,0,0,0,0\n")
    if fine:
        assert predictions.read_table(path).probabilities[1, 0] == sum_
    else:
        with pytest.raises(InputError, match=f"probabilities of {SINGLE}.*sum 1 within 1e-3"):
            predictions.read_table(path)


def test_released_logits_are_read_in_the_packages_order() -> None:
    path = next(iter(sorted(real(MIRROR).rglob("*split01*epoch_100*kl_div/pred.csv"))))
    read = predictions.read_table(path)
    assert len(read.names) == 522
    with path.open(newline="") as file:
        rows = list(reader(file))[1:]
    for name, row, (clip, _, logits) in zip(read.names, read.probabilities, rows, strict=True):
        assert clip.endswith(f"/{name}")
        neu, ang, disg, fea, hap, sad = (float(x) for x in logits.strip("[]").split())
        powers = np.exp(np.array([ang, disg, fea, hap, sad, neu]))
        np.testing.assert_allclose(row, powers / powers.sum(), rtol=1e-12)


def test_released_logits_of_the_five_folds_are_the_training_clips() -> None:
    clips = read_metadata(real("train_metadata.csv"))
    for fold in range(5):
        path = next(iter(sorted(real(MIRROR).rglob(f"*split0{fold + 1}*epoch_50*_ce/pred.csv"))))
        names = predictions.read_table(path).names
        assert sorted(names) == sorted(
            name for name, here in zip(clips.names, clips.in_fold(fold), strict=True) if here
        )


def test_released_table_may_span_lines_use_commas_or_turn_its_columns(csv) -> None:
    rows = [
        f'id,label,pred\n/x/{SINGLE},[0 1],"[1. 2. 3.\n 4. 5. 6.]"\n',
        f'id,label,pred\n/x/{SINGLE},[0 1],"[1, 2, 3, 4, 5, 6]"\n',
        f"pred,id\n[1 2 3 4 5 6],{SINGLE}.mov\n",
        f"id,label,pred\r\n{SINGLE},[0 1],[ 1.  2.  3.  4.  5.  6. ]\r\n",
    ]
    expected = predictions.softmax(np.array([[2.0, 3, 4, 5, 6, 1]])).tolist()
    for text in rows:
        read = predictions.read_table(csv(text))
        assert (read.names, read.probabilities.tolist()) == ([SINGLE], expected), text


@pytest.mark.parametrize(
    "text", ["1 2 3 4 5", "1 2 3 4 5 6 7", "", "nan", "[1 2 3 4 5 x]", "[1 2 3 ... 6]", "[1 2 3 4 5 nan]"]
)
def test_released_table_needs_six_numbers_a_row(csv, text: str) -> None:
    with pytest.raises(InputError):
        predictions.read_table(csv(f"id,label,pred\n{BLEND},[0 1],[1 2 3 4 5 6]\n{SINGLE},[0 1],{text}\n"))


@pytest.mark.parametrize(
    "order",
    [
        ("ang", "disg", "fea", "hap", "sad"),
        ("ang", "disg", "fea", "hap", "sad", "sad"),
        (*labels.EMOTIONS, "ang"),
        ("ang", "disg", "fea", "hap", "sad", "joy"),
        ("ANG", "disg", "fea", "hap", "sad", "neu"),
        (),
    ],
)
def test_order_is_the_six_emotions_once_each(csv, order) -> None:
    with pytest.raises((InputError, UnknownNameError)):
        predictions.read_table(csv(f"c,a,b,c,d,e,f\n{SINGLE},1,0,0,0,0,0\n"), order=order)


def test_clips_that_occur_twice_are_named_in_the_files_order(csv) -> None:
    names = [f"A{n}_ang_int1_ver1" for n in (7, 3, 9, 1, 8, 2)]
    with pytest.raises(InputError) as caught:
        predictions.read_table(csv("\n".join([NAMED, *(f"{name},1,0,0,0,0,0" for name in names * 2)])))
    assert f"got {', '.join(names[:3])} and 3 more" in str(caught.value)


@pytest.mark.parametrize("name", ["", " ", "NA", "null"])
def test_a_row_without_a_clip_is_refused(csv, name: str) -> None:
    with pytest.raises(InputError):
        predictions.read_table(csv(f"{NAMED}\n{SINGLE},1,0,0,0,0,0\n{name},1,0,0,0,0,0\n"))


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_a_damaged_archive_is_refused_or_read_as_it_was_wherever_the_damage_lies(tmp_path: Path, save) -> None:
    path, names = tmp_path / "table.npz", np.array([SINGLE, BLEND])
    save(path, filenames=names, probabilities=np.eye(6)[:2])
    whole = path.read_bytes()
    for at in range(0, len(whole), 3):
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 0x55]) + whole[at + 1 :])
        with contextlib.suppress(InputError):
            read = predictions.read_table(path)
            assert (read.names, read.probabilities.tolist()) == (names.tolist(), np.eye(6)[:2].tolist()), at
    for end in range(0, len(whole), 9):
        path.write_bytes(whole[:end])
        with pytest.raises(InputError):
            predictions.read_table(path)


@pytest.mark.parametrize("names", [np.array([[SINGLE]]), np.array(SINGLE), np.array([7]), np.array([1.5])])
def test_names_that_are_no_list_of_texts_are_refused_as_such(npz, names) -> None:
    with pytest.raises(InputError, match="filenames"):
        predictions.read_table(npz(filenames=names, probabilities=np.eye(6)[:1]))


SHARES = st.sampled_from([int, float])


@unhurried
@given(
    st.dictionaries(st.from_regex(r"test_[0-9]{4}", fullmatch=True), st.sampled_from(ROWS), min_size=1, max_size=6),
    st.booleans(),
    st.sampled_from(["", ".mov", ".MOV"]),
    SHARES,
    st.randoms(use_true_random=False),
)
def test_decisions_are_read_however_they_are_written(tmp_path_factory, rows, outer, suffix, number, random) -> None:
    def entries(row: list[int]) -> list[dict[str, object]]:
        found = [{"emotion": e, "salience": number(s)} for e, s in zip(labels.EMOTIONS, row, strict=True) if s]
        random.shuffle(found)
        return found

    document: dict[str, object] = {name + suffix: entries(row) for name, row in rows.items()}
    path = tmp_path_factory.mktemp("decisions") / "decisions.json"
    path.write_text(json.dumps({"predictions": document} if outer else document))
    assert predictions.read_decisions(path) == rows


def test_the_challenges_own_template_is_read() -> None:
    path = real("mirror/BlEmoRe/blemore-common/98e6236d55311643ce48a3e57fe29abd1d7810f6/data/submission_template.json")
    given = json.loads(path.read_text())["predictions"]
    read = predictions.read_decisions(path)
    assert list(read) == [name.removesuffix(".mov") for name in given]
    for row, entries in zip(read.values(), given.values(), strict=True):
        expected = {entry["emotion"]: entry["salience"] for entry in entries}
        assert {e: s for e, s in zip(labels.EMOTIONS, row, strict=True) if s} == expected


def test_truth_comes_from_the_label_columns_or_from_the_name(write) -> None:
    head = "filename,emotion_1,emotion_2,emotion_1_salience,emotion_2_salience"
    path = write(f"{head}\ntest_0001.mov,sad,,,\ntest_0002.mov,hap,ang,70.0,30\n{BLEND},,,,\n", "truth.csv")
    assert truth_module.read_truth(path) == {
        "test_0001": [0, 0, 0, 0, 100, 0],
        "test_0002": [30, 0, 0, 70, 0, 0],
        BLEND: [30, 0, 0, 70, 0, 0],
    }


def test_truth_of_the_released_metadata_is_that_of_the_clip_table() -> None:
    path = real("train_metadata.csv")
    clips = read_metadata(path)
    assert truth_module.read_truth(path) == dict(zip(clips.names, clips.truth.tolist(), strict=True))


@unhurried
@given(st.permutations(range(5)), st.integers(0, 3))
def test_decisions_are_matched_by_name_and_not_by_place(order, extra) -> None:
    truth = {f"test_{i}": ROWS[i] for i in range(5)}
    decisions = {f"test_{i}": ROWS[-i] for i in order} | {f"more_{i}": ROWS[0] for i in range(extra)}
    decided, true, left = truth_module.match(decisions, truth)
    assert true.tolist() == [ROWS[i] for i in range(5)]
    assert decided.tolist() == [ROWS[-i] for i in range(5)]
    assert left == [f"more_{i}" for i in range(extra)]


def test_clips_of_the_truth_that_are_missing_are_counted_and_named() -> None:
    truth = {f"test_{i}": ROWS[0] for i in range(9)}
    with pytest.raises(InputError, match=r"6 of 9 clips are missing.*test_3, test_4, test_5 and 3 more"):
        truth_module.match({f"test_{i}": ROWS[0] for i in range(3)}, truth)


def released_table(rows: list[list[float]]) -> str:
    lines = [f'A{i + 102}_ang_int1_ver1,0,"[{" ".join(map(str, row))}]"' for i, row in enumerate(rows)]
    return "\n".join(["id,label,pred", *lines]) + "\n"


@pytest.mark.parametrize("below", [-1e-9, -1e-4])
def test_probabilities_below_0_by_a_rounding_error_are_no_logits_and_are_set_to_0(csv, below: float) -> None:
    read = predictions.read_table(csv(released_table([[0, 0.5, 0.5, below, 0, 0]] * 3)))
    assert read.probabilities.min() == 0 and read.probabilities.max() == 0.5
    assert read.taken_for.startswith("probabilities,")
    assert read.taken_for.endswith("; values below 0 by a rounding error, set to 0: 3")


def test_values_well_below_0_are_logits(csv) -> None:
    read = predictions.read_table(csv(released_table([[0, 0.5, 0.5, -0.1, 0.1, 0]] * 3)))
    assert read.taken_for.startswith("logits,")


def test_clip_names_may_be_bytes(npz) -> None:
    read = predictions.read_table(npz(filenames=np.array([SINGLE.encode()]), probabilities=np.eye(6)[:1]))
    assert read.names == [labels.stem(SINGLE)]


@pytest.mark.parametrize("read", [predictions.read_table, predictions.read_decisions])
def test_a_git_lfs_pointer_is_named_as_one(write, read) -> None:
    path = write("version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n", "p.json")
    if read is predictions.read_table:
        path = path.rename(path.with_suffix(".npz"))
    with pytest.raises(InputError, match="is a Git LFS pointer, not the file itself; run git lfs pull"):
        read(path)


def test_an_archive_that_is_cut_short_is_to_be_copied_again(npz) -> None:
    path = npz(filenames=np.array([SINGLE]), probabilities=np.eye(6)[:1])
    path.write_bytes(path.read_bytes()[:200])
    with pytest.raises(InputError, match=r"it is cut short or damaged; .*copy or extract it again"):
        predictions.read_table(path)
