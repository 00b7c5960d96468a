"""The command line: answers as documents, and one clear line with exit code 2 for whatever cannot be read."""

from __future__ import annotations

import functools
import io
import json
import os
import pickle
import re
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import click
import numpy as np
import pytest
from click.testing import CliRunner, Result

from blemore.challenge import thresholds
from blemore.challenge.labels import EMOTIONS, saliences_of_names
from blemore.challenge.predictions import read_table
from blemore.cli import main
from blemore.paper.comparison import VERDICTS, known_differences
from blemore.results import trained_tables
from tests.conftest import ROOT, real

SINGLE, OTHER, BLEND = "A102_ang_int1_ver1", "A303_neu_sit2_ver1", "A411_mix_ang_hap_30_70_ver1"
ANG = [{"emotion": "ang", "salience": 100}]
NEU = [{"emotion": "neu", "salience": 100}]
PAIR = [{"emotion": "ang", "salience": 30}, {"emotion": "hap", "salience": 70}]
MIRROR = "mirror/TS1349/HiCMA_BlEmoRe/f1cadb786e877d137e0627c2405dbe50aedd8d45/saved/model/finetuning/blemore"

Content = str | bytes
Write = Callable[[Content, str], str]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def write(content: Content, name: str) -> str:
        (tmp_path / name).write_bytes(content if isinstance(content, bytes) else content.encode())
        return str(tmp_path / name)

    return write


def blemore(*arguments: str) -> Result:
    """Run a command in this process; what it raises on purpose has become a line and a code."""
    result = CliRunner().invoke(main, arguments, prog_name="blemore")
    if result.exception and not isinstance(result.exception, SystemExit):
        raise AssertionError(f"blemore {' '.join(arguments)} ended in a traceback") from result.exception
    return result


def document(*arguments: str) -> dict:
    result = blemore(*arguments, "--json")
    assert (result.exit_code, result.stderr) == (0, "")
    return json.loads(result.stdout)  # refuses anything before or behind one document


def refused(*arguments: str) -> str:
    """Return the one line that says what is wrong with the input."""
    result = blemore(*arguments, "--json")
    assert result.exit_code == 2
    assert result.stdout == ""
    assert result.stderr.endswith("\n")
    (line,) = result.stderr.splitlines()
    assert line.startswith("error: ")
    assert "Traceback" not in line
    return line


def short(value: object) -> str:
    """Name a case by how its content begins and ends."""
    text = repr(value)
    return text if len(text) < 60 else f"{text[:25]}...{text[-30:]}"


def decided(clip: str = SINGLE, salience: str = "100", emotion: str = '"ang"') -> str:
    return f'{{"{clip}": [{{"emotion": {emotion}, "salience": {salience}}}]}}'


# score


def test_score_answers_with_the_four_names_of_the_design(write: Write) -> None:
    path = write(json.dumps({SINGLE: ANG, OTHER: ANG, BLEND: PAIR}), "d.json")
    assert document("score", path) == {"acc_presence": 2 / 3, "acc_salience": 1.0, "n": 3, "n_blends": 1}


def test_score_prints_the_same_numbers_as_text(write: Write) -> None:
    result = blemore("score", write(json.dumps({SINGLE: ANG, OTHER: ANG}), "d.json"))
    assert result.exit_code == 0
    assert [line.split() for line in result.stdout.splitlines()] == [
        ["acc_presence", "0.5"],
        ["acc_salience", "–"],
        ["n", "2"],
        ["n_blends", "0"],
    ]


@pytest.mark.parametrize(
    "given",
    [
        {SINGLE: ANG, BLEND: PAIR},
        {"predictions": {SINGLE: ANG, BLEND: PAIR}},
        {"team": "us", "predictions": {BLEND: PAIR, SINGLE: ANG}},
        {BLEND: PAIR[::-1], SINGLE: ANG},
        {BLEND + ".mov": PAIR, SINGLE + ".MOV": ANG},
        {"/clips/ü/" + BLEND + ".mov": PAIR, "C:\\clips\\" + SINGLE: ANG},
        {BLEND: [{"salience": 30.0, "emotion": "ang", "p": 1}, {"emotion": "hap", "salience": 70.0}], SINGLE: ANG},
    ],
    ids=["bare", "outer", "beside others", "turned", "mov", "folders", "floats"],
)
@pytest.mark.parametrize("style", [{}, {"indent": 1}, {"ensure_ascii": False}], ids=["tight", "wide", "unicode"])
def test_score_reads_decisions_however_they_are_written(write: Write, given: dict, style: dict) -> None:
    text = json.dumps(given, **style)
    for content in (text, text.replace("\n", "\r\n"), f" {text}\n\n"):
        answer = document("score", write(content, "d.json"))
        assert answer == {"acc_presence": 1.0, "acc_salience": 1.0, "n": 2, "n_blends": 1}


def test_score_reads_past_a_byte_order_mark(write: Write) -> None:
    assert document("score", write("\ufeff" + decided(), "d.json"))["n"] == 1


def test_score_of_single_emotions_has_no_salience(write: Write) -> None:
    answer = document("score", write(json.dumps({SINGLE: ANG, OTHER: NEU}), "d.json"))
    assert answer == {"acc_presence": 1.0, "acc_salience": None, "n": 2, "n_blends": 0}


@pytest.mark.parametrize(
    ("first", "second", "salience"),
    [(30, 70, 1.0), (30.0, 70.0, 1.0), (70, 30, 0.0), (50, 50, 0.0), (40, 60, 0.0), (1, 99, 0.0), (33.5, 66.5, 0.0)],
)
def test_salience_needs_the_exact_ratio_and_presence_does_not(write: Write, first, second, salience) -> None:
    pair = [{"emotion": "ang", "salience": first}, {"emotion": "hap", "salience": second}]
    answer = document("score", write(json.dumps({BLEND: pair}), "d.json"))
    assert (answer["acc_presence"], answer["acc_salience"]) == (1.0, salience)


def test_truth_comes_from_metadata_where_they_are_given(write: Write) -> None:
    decisions = write(json.dumps({"test_0001.mov": NEU, "test_0002": PAIR, "test_0003": PAIR}), "d.json")
    metadata = write(
        "fold,emotion_2_salience,filename,emotion_2,emotion_1,emotion_1_salience\n"
        ",,test_0001,,neu,\n,30,test_0002.mov,ang,hap,70.0\n,50,test_0003,hap,ang,50\n",
        "m.csv",
    )
    answer = document("score", decisions, "--metadata", metadata)
    assert answer == {"acc_presence": 1.0, "acc_salience": 0.5, "n": 3, "n_blends": 2}


def test_clips_of_any_name_are_scored_where_the_metadata_say_the_truth(write: Write) -> None:
    decisions = write(json.dumps({"clip_1.mov": ANG, "A102_my_own": PAIR}), "d.json")
    metadata = write(
        "filename,emotion_1,emotion_2,emotion_1_salience,emotion_2_salience\n"
        "clip_1,ang,,,\nA102_my_own,ang,hap,30,70\n",
        "m.csv",
    )
    answer = document("score", decisions, "--metadata", metadata)
    assert answer == {"acc_presence": 1.0, "acc_salience": 1.0, "n": 2, "n_blends": 1}


@pytest.mark.parametrize("change", [str, lambda t: "\ufeff" + t, lambda t: t.replace("\n", "\r\n")])
@pytest.mark.parametrize(
    "metadata",
    [
        "filename,emotion_1\ntest_0001,ang\n",
        '"filename","emotion_1"\n"test_0001.mov","ang"\n',
        "filename , emotion_1\n test_0001.mov , ang \n",
        "emotion_1,gender,filename\nang,f,/x/test_0001.mov\n",
        "filename,emotion_1,emotion_2,emotion_1_salience,emotion_2_salience\ntest_0001,ang,,100.0,\n",
    ],
)
def test_metadata_are_read_however_they_are_written(write: Write, metadata: str, change) -> None:
    decisions = write(decided("test_0001"), "d.json")
    assert document("score", decisions, "--metadata", write(change(metadata), "m.csv"))["acc_presence"] == 1


def test_clips_beyond_the_truth_do_not_count_and_are_mentioned(write: Write) -> None:
    decisions = write(json.dumps({SINGLE: ANG, BLEND: PAIR, "test_0009": ANG}), "d.json")
    result = blemore("score", decisions, "--metadata", write(f"filename\n{BLEND}\n", "m.csv"), "--json")
    assert result.exit_code == 0
    assert json.loads(result.stdout) == {"acc_presence": 1.0, "acc_salience": 1.0, "n": 1, "n_blends": 1}
    (note,) = result.stderr.splitlines()
    assert "2 clips" in note


def test_a_constant_decision_scores_the_papers_trivial_baselines(write: Write) -> None:
    metadata = real("train_metadata.csv")
    names = [line.split(",")[0] for line in metadata.read_text().splitlines()[1:]]
    for name, expected in (("single", (7.82, 0.0)), ("blend", (5.70, 3.54))):
        entry = [{"emotion": e, "salience": s} for e, s in most_frequent(name, names)]
        path = write(json.dumps({"predictions": {clip + ".mov": entry for clip in names}}), "d.json")
        for more in ((), ("--metadata", str(metadata))):
            answer = document("score", path, *more)
            found = (round(100 * answer["acc_presence"], 2), round(100 * answer["acc_salience"], 2))
            assert found == expected, name
            assert (answer["n"], answer["n_blends"]) == (2456, 1326)


def most_frequent(kind: str, names: list[str]) -> list[tuple[str, int]]:
    """Count from the names' parts alone; the first of equals in alphabetical order."""
    if kind == "single":
        singles = sorted(name.split("_")[1] for name in names if "_mix_" not in name)
        return [(max(dict.fromkeys(singles), key=singles.count), 100)]
    blends = sorted(tuple(name.split("_")[2:6]) for name in names if "_mix_" in name)
    pairs = [blend[:2] for blend in blends]
    pair = max(dict.fromkeys(pairs), key=pairs.count)
    ratios = [blend[2:] for blend in blends if blend[:2] == pair]
    ratio = max(dict.fromkeys(ratios), key=ratios.count)
    return [(emotion, int(share)) for emotion, share in zip(pair, ratio, strict=True)]


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("", "cannot be read as JSON"),
        (" \n", "cannot be read as JSON"),
        (bytes(range(256)), "cannot be read as JSON"),
        (json.dumps({SINGLE: ANG}).encode("utf-16"), "cannot be read as JSON"),
        (b"\x00" * 64, "cannot be read as JSON"),
        (pickle.dumps({SINGLE: ANG}), "cannot be read as JSON"),
        (json.dumps({SINGLE: ANG})[:-2], "cannot be read as JSON"),
        (json.dumps({SINGLE: ANG}) * 2, "cannot be read as JSON"),
        ("{\n'a':\n[]}", "cannot be read as JSON"),
        ("[" * 100_000 + "]" * 100_000, "cannot be read as JSON"),
        ('{"a":' * 100_000 + "1" + "}" * 100_000, "cannot be read as JSON"),
        ("[1, 2]", "not an object of clips"),
        ("null", "not an object of clips"),
        ('"text"', "not an object of clips"),
        ("17", "not an object of clips"),
        ("{}", "not an object of clips"),
        ('{"predictions": {}}', "not an object of clips"),
        ('{"predictions": []}', ""),
        ('{"predictions": null}', ""),
        ('{"predictions": 3}', ""),
        (f'{{"{SINGLE}": [], "{SINGLE}": []}}', "occurs twice"),
        (f'{{"{SINGLE}": [{{"emotion": "ang", "emotion": "sad", "salience": 100}}]}}', "occurs twice"),
        ('{"predictions": {"a": 1}, "predictions": {"b": 1}}', "occurs twice"),
        (json.dumps({SINGLE: ANG, SINGLE + ".mov": ANG}), "a clip occurs twice"),
        (json.dumps({SINGLE: ANG, "x/" + SINGLE: ANG}), "a clip occurs twice"),
        (json.dumps({SINGLE: None}), "expected a list"),
        (json.dumps({SINGLE: "ang"}), "expected a list"),
        (json.dumps({SINGLE: ["ang"]}), "expected a list"),
        (json.dumps({SINGLE: ANG[0]}), "expected a list"),
        (json.dumps({SINGLE: [ANG]}), "expected a list"),
        (json.dumps({SINGLE: [{"emotion": "ang"}]}), "expected a list"),
        (json.dumps({SINGLE: [{"salience": 100}]}), "expected a list"),
        (json.dumps({SINGLE: [None]}), "expected a list"),
        (json.dumps({SINGLE: []}), "one emotion or two"),
        (json.dumps({BLEND: PAIR + ANG}), "one emotion or two"),
        (json.dumps({BLEND: ANG * 2}), "one emotion or two"),
        (decided(emotion='"angr"'), "did you mean 'ang'"),
        (decided(emotion='"ANG"'), "unknown emotion"),
        (decided(emotion='""'), "unknown emotion"),
        (decided(emotion='" ang"'), "unknown emotion"),
        (decided(emotion='"a\\nb"'), "unknown emotion"),
        (decided(emotion='"\\ud800"'), "unknown emotion"),
        (decided(emotion="null"), "emotion"),
        (decided(emotion="3"), "emotion"),
        (decided(emotion='["ang"]'), "emotion"),
        (decided(emotion='{"ang": 1}'), "emotion"),
        *(
            (decided(salience=salience), "salience")
            for salience in ["null", "true", "false", "[]", "{}", "NaN", "Infinity", "-Infinity", "1e400", "-1e400", "1e308", "1e-400", "0", "-0.0", "-100", "50", "99", "101", "99.4", "100.6"]
        ),
        (decided(salience='"100"'), "salience"),
        (decided(salience="1" + "0" * 400), "salience"),
        (decided(salience="1" + "0" * 5000), ""),
        *(
            (f'{{"{BLEND}": [{{"emotion": "ang", "salience": {a}}}, {{"emotion": "hap", "salience": {b}}}]}}', "salience")
            for a, b in [
                (50, 49), (70, 40), (0, 0), (0, 100), (-30, 130), (100, 100), ("NaN", 50), ("1e400", "-1e400"),
                ("true", 99), ("null", 100), ("1" + "0" * 400, 1.5),
            ]
        ),
    ],
    ids=short,
)  # fmt: skip
def test_score_refuses_what_is_no_decision(write: Write, content: Content, says: str) -> None:
    line = refused("score", write(content, "d.json"))
    assert "d.json" in line
    assert says in line
    assert len(line) < 1000


@pytest.mark.parametrize(
    "clip", ["test_0001", "", "foo", "A102_joy_int1_ver1", "A411_mix_hap_ang_30_70_ver1", "A١٠٢_ang_int1_ver1", "a\\nb"]
)
def test_score_without_metadata_needs_names_that_say_the_truth(write: Write, clip: str) -> None:
    line = refused("score", write(decided(clip), "d.json"))
    assert "d.json" in line
    assert "metadata" in line


@pytest.mark.parametrize(
    "content",
    [
        decided("A" * 10**6),
        decided(f"A102_ang_int1_ver{'1' * 5000}"),
        decided(salience="1" + "0" * 4000),
        decided(emotion=f'"{"x" * 10**6}"'),
        json.dumps({SINGLE: ["x" * 10**6]}),
        json.dumps({SINGLE: [{"emotion": "ang", "salience": "1" * 10**6}]}),
    ],
    ids=short,
)
def test_long_values_of_decisions_make_no_long_lines(write: Write, content: str) -> None:
    line = refused("score", write(content, "d.json"))
    assert "d.json" in line and len(line) < 1500


@pytest.mark.parametrize("command", ["score", "tune"])
def test_devices_that_never_end_are_refused(command: str) -> None:
    assert "a device, a pipe or a socket" in refused(command, "/dev/zero")


@pytest.mark.parametrize("entries", ["null", '"x"', "[]", '[{"emotion": "a\\nb", "salience": 1}]'])
def test_a_line_break_in_a_clips_name_stays_in_the_line(write: Write, entries: str) -> None:
    for mark in ("\\n", "\\r\\n", "\\u2028"):
        refused("score", write(f'{{"a{mark}b": {entries}}}', "d.json"))


HEAD = "filename,emotion_1,emotion_2,emotion_1_salience,emotion_2_salience\n"


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("", "cannot be read as CSV"),
        ("\n\n\n", "cannot be read as CSV"),
        (HEAD, "has no rows"),
        (bytes(range(256)), "is not UTF-8"),
        (f"filename\n{BLEND}\n".encode("utf-16"), "is not UTF-8"),
        ("filename,emotion_1\nÄ,ang\n".encode("latin-1"), "is not UTF-8"),
        ('filename,emotion_1\n"test_0002,ang\n', "cannot be read as CSV"),
        ("filename,a\ntest_0002,y\ntest_0001,y,z,w\n", "cannot be read as CSV"),
        ("file\ntest_0002\n", "missing column filename"),
        ('"file\nname",b\nx,y\n', "missing column filename"),
        (HEAD.replace(",", ";") + "test_0002;hap;ang;70;30\n", "separated by semicolons"),
        (HEAD.replace(",", "\t") + "test_0002\thap\tang\t70\t30\n", "separated by tabs"),
        (HEAD.replace(",", ";") + "test_0002;hap;ang;70,0;30,0\n", "separated by semicolons"),
        (HEAD.upper() + "test_0002,hap,ang,70,30\n", "lower case"),
        (HEAD + "test_0002,hap,ang,7_0,30\n", "test_0002"),
        (HEAD + "test_0002,hap,ang,٧٠,30\n", "test_0002"),
        (HEAD + "test_0001,sad,,99.9,\n", "test_0001"),
        (HEAD + "test_0001,sad,,,\ntest_0001.mov,sad,,,\n", "a clip occurs twice"),
        (HEAD + "test_0002,hap,ang,70,40\n", "test_0002"),
        (HEAD + "test_0002,hap,ang,nan,30\n", "test_0002"),
        (HEAD + "test_0002,hap,ang,inf,30\n", "test_0002"),
        (HEAD + "test_0002,hap,ang,1e400,30\n", "test_0002"),
        (HEAD + "test_0002,hap,ang,70,\n", "test_0002"),
        (HEAD + "test_0002,hap,ang,seventy,thirty\n", "test_0002"),
        (HEAD + "test_0002,hap,ang,70%,30%\n", "test_0002"),
        (HEAD + "test_0002,hap,ang,100,0\n", "test_0002"),
        (HEAD + "test_0002,hap,hap,50,50\n", "test_0002"),
        (HEAD + "test_0002,happy,ang,70,30\n", "test_0002"),
        (HEAD + "test_0002,HAP,ang,70,30\n", "unknown emotion 'HAP'"),
        (HEAD + "test_0002,hap,none,100,\n", "unknown emotion 'none'"),
        (HEAD + "test_0002,hap,,70,\n", "test_0002"),
        (HEAD + "test_0002,hap,,most,\n", "test_0002"),
        (HEAD + "test_0002,,hap,,100\n", "test_0002"),
        ("filename,emotion_1,emotion_2\ntest_0002,hap,ang\n", "test_0002"),
        ("filename\ntest_0002\n", "test_0002"),
        ("filename\nA102_joy_int1_ver1\n", "unknown emotion 'joy'"),
        (f"filename,emotion_1\n{SINGLE},sad\n", SINGLE),
        (HEAD + f"{BLEND},ang,hap,70,30\n", BLEND),
        ("filename,filename\ntest_0001,test_0002\n", "twice"),
        ("filename,emotion_1,emotion_1\ntest_0001,sad,ang\n", "twice"),
        ("filename,emotion_1,emotion_1 \ntest_0001,sad,ang\n", "twice"),
        ("filename,emotion_1\ntest_0001,sad,x\n", ""),
        ("filename,emotion_1\nx,test_0001,sad\n", ""),
        ("filename,emotion_1\ntest_0009,sad\ntest_0002,sad\n", "test_0009"),
        ('filename,emotion_1\n"test\n0009",sad\n', ""),
        ("filename,emotion_1\n,sad\n", ""),
    ],
    ids=short,
)
def test_score_refuses_metadata_that_do_not_say_the_truth(write: Write, content: Content, says: str) -> None:
    decisions = write(json.dumps({"test_0001": ANG, "test_0002": PAIR, SINGLE: ANG, BLEND: PAIR}), "d.json")
    line = refused("score", decisions, "--metadata", write(content, "m.csv"))
    assert says in line


def test_an_empty_cell_is_not_a_clip_called_nan(write: Write) -> None:
    metadata = write("filename,emotion_1\ntest_0001,ang\n,ang\n", "m.csv")
    line = refused("score", write(decided("test_0001"), "d.json"), "--metadata", metadata)
    assert "nan" not in line
    assert "m.csv" in line


# tune

VALUES = [[0.9, 0.02, 0.02, 0.02, 0.02, 0.02], [0.3, 0, 0, 0.7, 0, 0]]
TABLE = "filename,ang,disg,fea,hap,sad,neu\n"
FULL = TABLE + "".join(f"{n},{','.join(map(str, row))}\n" for n, row in zip((SINGLE, BLEND), VALUES, strict=True))
TUNED = {"alpha", "beta", "acc_presence", "acc_salience", "presence_only", "salience_only", "taken_for"}


def npz(**arrays: np.ndarray) -> bytes:
    file = io.BytesIO()
    np.savez(file, **arrays)
    return file.getvalue()


NAMES = np.array([SINGLE, BLEND])
GOOD_NPZ = npz(filenames=NAMES, probabilities=np.array(VALUES))


@pytest.mark.parametrize(
    ("content", "name", "more"),
    [
        (FULL, "t.csv", ()),
        (FULL, "t.CSV", ()),
        (FULL, "table", ()),
        ("\ufeff" + FULL, "t.csv", ()),
        (FULL.replace("\n", "\r\n"), "t.csv", ()),
        (FULL.replace("_ver1,", "_ver1.mov,"), "t.csv", ()),
        (FULL.replace("A", "/a/ü/A"), "t.csv", ()),
        (FULL.replace(",", " , "), "t.csv", ()),
        ("".join(f'"{line}"\n'.replace(",", '","') for line in FULL.splitlines()), "t.csv", ()),
        (FULL.replace("ang,disg,fea,hap,sad,neu", "a,b,c,d,e,f"), "t.csv", ()),
        (FULL.replace("ang,disg,fea,hap,sad,neu", "a,b,c,d,e,f"), "t.csv", ("--order", "ang, disg ,fea,hap,sad,neu")),
        (FULL, "t.csv", ("--order", "ang,disg,fea,hap,sad,neu")),
        (GOOD_NPZ, "t.npz", ()),
        (GOOD_NPZ, "T.NPZ", ()),
        (npz(probabilities=np.array(VALUES, "f4"), filenames=NAMES, note=np.arange(3)), "t.npz", ()),
        (npz(filenames=NAMES, logits=np.log(np.array(VALUES) + 1e-9)), "t.npz", ()),
        (npz(filenames=NAMES, logits=np.log(np.array(VALUES, "f4") + 1e-9)), "t.npz", ("--logits",)),
    ],
    ids=short,
)
def test_tune_reads_tables_however_they_are_written(write: Write, content: Content, name: str, more) -> None:
    answer = document("tune", write(content, name), *more)
    assert set(answer) == TUNED
    assert answer["alpha"] == pytest.approx(0.05)
    assert [answer[key] for key in ("acc_presence", "acc_salience", "presence_only", "salience_only")] == [1, 1, 1, 1]


def test_tune_prints_the_same_numbers_as_text(write: Write) -> None:
    result = blemore("tune", write(FULL, "t.csv"))
    assert result.exit_code == 0
    *numbers, taken_for = result.stdout.splitlines()
    answer = document("tune", write(FULL, "t.csv"))
    assert taken_for.split(maxsplit=2) == ["read", "as", answer.pop("taken_for")]
    assert {line.split()[0]: float(line.split()[1]) for line in numbers} == pytest.approx(answer)


def test_logits_of_a_table_are_said_to_be_logits(write: Write) -> None:
    path = write(TABLE + f"{SINGLE},5,1,-3,0,0,2\n{BLEND},1,0,0,2,0,-1e30\n", "t.csv")
    assert document("tune", path, "--logits")["acc_presence"] == 1
    assert "--logits" in refused("tune", path)


def test_tune_takes_released_logits_as_they_are(write: Write) -> None:
    paths = sorted(real(MIRROR).rglob("*split0[15]*epoch_100*/pred.csv"))
    assert len(paths) == 4
    for path in paths:
        answer = document("tune", str(path))
        read = read_table(path)
        grid = thresholds.grid(read.probabilities, saliences_of_names(read.names))
        composite = (grid.acc_presence + grid.acc_salience) / 2
        i, j = np.argwhere(composite == composite.max())[0]
        assert answer["alpha"] == thresholds.GRID[i]
        assert answer["beta"] == thresholds.GRID[j]
        assert answer["acc_presence"] == grid.acc_presence[i, j]
        assert answer["presence_only"] == grid.acc_presence.max()
        assert document("tune", str(path), "--logits") == answer
        assert document("tune", str(path), "--order", "neu,ang,disg,fea,hap,sad") == answer
        assert document("tune", str(path), "--order", ",".join(EMOTIONS)) != answer


@pytest.mark.parametrize(
    ("loss", "expected"), [("kl_div", (0.275, 0.022, 0.153, 0.026)), ("ce", (0.253, 0.023, 0.163, 0.025))]
)
def test_tune_meets_the_published_means_of_released_logits(loss: str, expected) -> None:
    paths = sorted(real(MIRROR).rglob(f"*epoch_100*loss_{loss}/pred.csv"))
    assert len(paths) == 5
    found = np.array(
        [[answer["acc_presence"], answer["acc_salience"]] for answer in (document("tune", str(p)) for p in paths)]
    )
    mean, spread = found.mean(axis=0), found.std(axis=0, ddof=1)
    assert (round(mean[0], 3), round(spread[0], 3), round(mean[1], 3), round(spread[1], 3)) == expected


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("", "cannot be read as CSV"),
        (TABLE, "has no rows"),
        (bytes(range(256)), "is not UTF-8"),
        (b"\x00" * 99, ""),
        (FULL.encode("utf-16"), "is not UTF-8"),
        (FULL.replace(",", "\t"), "columns are separated by tabs"),
        (FULL.replace(",", ";"), "columns are separated by semicolons"),
        (FULL.replace(",", ";").replace(".", ","), "columns are separated by semicolons"),
        (FULL.replace(",", "|"), "columns are separated by vertical bars"),
        ("filename,ang,disg\nx,1,0\n", "columns"),
        ("filename,ang,disg,fea,hap,sad,neu,joy\n" + f"{SINGLE},1,0,0,0,0,0,0\n", "columns"),
        ("ang,disg,fea,hap,sad,neu,filename\n" + f"1,0,0,0,0,0,{SINGLE}\n", ""),
        ("id,label\nx,y\n", "columns"),
        *((TABLE + f"{SINGLE},{value},0,0,0,0,0\n", says) for value, says in [
            ("nan", "NaN"), ("", "NaN"), ("inf", "infinite"), ("-inf", "infinite"), ("1e400", "infinite"),
            ("one", "not a number"), ("True", "not a number"), ("0x1", "not a number"), ('"1,0"', "not a number"),
            ("1j", "not a number"), ("0_1", "not a number"), ("1_0e-1", "not a number"), ("١", "not a number"), (".5", "sum"), ("1.002", "sum"), ("-1", "non-negative"), ("1e308", "sum"),
        ]),
        (TABLE + f"{SINGLE},1.5,-.5,0,0,0,0\n", "non-negative"),
        (FULL + FULL.split("\n", 1)[1], "a clip occurs twice"),
        (TABLE + f"{SINGLE},1,0,0,0,0,0\n{SINGLE}.mov,1,0,0,0,0,0\n", "a clip occurs twice"),
        (TABLE + f"{SINGLE},1,0\n", ""),
        (TABLE + f"{SINGLE},1,0,0,0,0,0,0\n", ""),
        (FULL + f"{OTHER},1,0,0,0,0,0,0,0\n", "cannot be read as CSV"),
        (TABLE + ",1,0,0,0,0,0\n", ""),
        ("filename,ang,disg,fea,hap,sad,sad\n" + f"{SINGLE},1,0,0,0,0,0\n", "sad"),
        (f"id,label,pred\n{SINGLE},[0],[1 2 3 4 5]\n", "six numbers"),
        (f"id,label,pred\n{SINGLE},[0],[1 2 3 4 5 inf]\n", "infinite"),
        (f"id,label,pred\n{SINGLE},[0],[1 2 3 4 5 1_0]\n", "not a number"),
    ],
    ids=short,
)  # fmt: skip
def test_tune_refuses_what_is_no_table(write: Write, content: Content, says: str) -> None:
    line = refused("tune", write(content, "t.csv"))
    assert "t.csv" in line
    assert says in line


@pytest.mark.parametrize("value", ["inf", "-inf", "nan", "1e400", "x", ""])
def test_tune_refuses_logits_that_are_not_finite(write: Write, value: str) -> None:
    refused("tune", write(TABLE + f"{SINGLE},{value},0,0,0,0,0\n", "t.csv"), "--logits")


@pytest.mark.parametrize("clip", ["test_0001", "foo", "A102_joy_int1_ver1", "A411_mix_ang_neu_30_70_ver1", '"a\nb"'])
def test_tune_names_the_file_whose_clip_names_do_not_say_the_truth(write: Write, clip: str) -> None:
    assert "t.csv" in refused("tune", write(TABLE + f"{clip},1,0,0,0,0,0\n", "t.csv"))


def zipped(**members: str) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name, text in members.items():
            archive.writestr(f"{name}.npy", text)
    return file.getvalue()


def saved(array: np.ndarray) -> bytes:
    file = io.BytesIO()
    np.save(file, array, allow_pickle=True)
    return file.getvalue()


def damaged(content: bytes, at: int) -> bytes:
    changed = bytearray(content)
    changed[at] ^= 0xFF
    return bytes(changed)


P = np.array(VALUES)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", ""),
        (b"garbage" * 9, ""),
        (bytes(range(256)), ""),
        (b"PK\x03\x04" + b"x" * 99, ""),
        (b"\x93NUMPY" + b"x" * 99, ""),
        (pickle.dumps({"filenames": [SINGLE]}), ""),
        (FULL.encode(), ""),
        (GOOD_NPZ[: len(GOOD_NPZ) // 2], ""),
        (GOOD_NPZ[:-10], ""),
        (damaged(GOOD_NPZ, GOOD_NPZ.find(b"NUMPY") + 200), ""),
        (saved(P), ""),
        (saved(np.array([{"a": 1}], dtype=object)), ""),
        (zipped(filenames="junk", probabilities="junk"), ""),
        (zipped(), ""),
        (npz(), "filenames"),
        (npz(filenames=NAMES), "probabilities"),
        (npz(probabilities=P), "filenames"),
        (npz(filenames=NAMES, X=P), "probabilities"),
        (npz(filenames=NAMES, probabilities=P, logits=P), "one of probabilities, logits"),
        (npz(filenames=NAMES.astype(object), probabilities=P), "Python objects"),
        (npz(filenames=NAMES, probabilities=P.astype(object)), "Python objects"),
        (npz(filenames=NAMES, probabilities=P.astype(str)), "not numbers"),
        (npz(filenames=NAMES, probabilities=P > 0.5), "not numbers"),
        (npz(filenames=NAMES, probabilities=P.astype(complex)), "not numbers"),
        (npz(filenames=NAMES, probabilities=P.astype("m8[s]")), "not numbers"),
        (npz(filenames=NAMES, probabilities=np.zeros(2, [("a", "f8")])), "not numbers"),
        (npz(filenames=NAMES, probabilities=P[:, :5]), "expected (2, 6); got (2, 5)"),
        (npz(filenames=NAMES, probabilities=P[:1]), "expected (2, 6); got (1, 6)"),
        (npz(filenames=NAMES, probabilities=P.T), "expected (2, 6); got (6, 2)"),
        (npz(filenames=NAMES, probabilities=P[0]), "expected (2, 6); got (6,)"),
        (npz(filenames=NAMES, probabilities=P[None]), "expected (2, 6); got (1, 2, 6)"),
        (npz(filenames=NAMES, probabilities=np.float64(1)), "expected (2, 6); got ()"),
        (npz(filenames=NAMES[:0], probabilities=P[:0]), ""),
        (npz(filenames=NAMES[:, None], probabilities=P), "filenames"),
        (npz(filenames=np.array(SINGLE), probabilities=P[:1]), "filenames"),
        (npz(filenames=np.arange(2), probabilities=P), ""),
        (npz(filenames=np.array([SINGLE, SINGLE + ".mov"]), probabilities=P), "a clip occurs twice"),
        (npz(filenames=NAMES, probabilities=P * np.nan), "NaN"),
        (npz(filenames=NAMES, logits=np.where(P == 0, -np.inf, P)), "infinite"),
        (npz(filenames=NAMES, logits=np.longdouble("1e4000") * P), ""),
        (npz(filenames=NAMES, probabilities=P * 0.99), "sum"),
        (npz(filenames=NAMES, probabilities=P - 1e-3), "sum"),
    ],
    ids=lambda value: "" if isinstance(value, bytes) else None,  # archives hold the time at which they were made
)
def test_tune_refuses_what_is_no_archive(write: Write, content: bytes, says: str) -> None:
    line = refused("tune", write(content, "t.npz"))
    assert "t.npz" in line
    assert says in line
    assert "unsafely" not in line, "never advise to load pickles"


def pred_csv(rows: list[list[float]]) -> str:
    """A table as the released ones, index column and all."""
    lines = [
        f"{i},/x/{name},[0. 0.],[{' '.join(map(repr, row))}]"
        for i, (name, row) in enumerate(zip(NAMES, rows, strict=True))
    ]
    return "\n".join([",id,label,pred", *lines])


def test_tune_never_takes_the_softmax_of_probabilities(write: Write) -> None:
    turned = [[row[5], *row[:5]] for row in VALUES]  # as released tables turn their columns
    plain = document("tune", write(FULL, "t.csv"))
    for more in ((), ("--probabilities",), ("--order", "neu,ang,disg,fea,hap,sad")):
        answer = document("tune", write(pred_csv(turned), "pred.csv"), *more)
        assert answer == {**plain, "taken_for": "probabilities, columns neu,ang,disg,fea,hap,sad"}, more
    logits = document("tune", write(pred_csv(np.log(np.array(turned) + 1e-3).tolist()), "pred.csv"))
    assert logits["taken_for"] == "logits, columns neu,ang,disg,fea,hap,sad"
    ordered = document("tune", write(pred_csv(VALUES), "pred.csv"), "--order", ",".join(EMOTIONS))
    assert ordered == {**plain, "taken_for": f"probabilities, columns {','.join(EMOTIONS)}"}


def test_an_option_settles_what_a_table_holds(write: Write) -> None:
    path = write(pred_csv(VALUES), "pred.csv")
    assert document("tune", path, "--logits")["taken_for"].startswith("logits")
    assert "sum 1 within 1e-3" in refused(
        "tune", write(pred_csv([[5, 1, -3, 0, 0, 2]] * 2), "p.csv"), "--probabilities"
    )
    assert "--logits contradicts --probabilities" in blemore("tune", path, "--logits", "--probabilities").stderr


@pytest.mark.parametrize("factor", [0.5, 100], ids=["shares that do not sum to 1", "percent"])
def test_what_is_neither_probability_nor_logit_is_refused(write: Write, factor: float) -> None:
    scaled = (factor * np.array(VALUES)).tolist()
    assert "if these are logits, give --logits; else divide" in refused("tune", write(pred_csv(scaled), "pred.csv"))
    spoilt = pred_csv([VALUES[0], [-0.1, 1.1, 0, 0, 0, 0]]).replace(BLEND, "A1_ang_int1_ver1")
    more = [f"{i},A{i}_ang_int1_ver1,[0.],[1 0 0 0 0 0]" for i in range(2, 5)]
    assert "probabilities of A1_ang_int1_ver1" in refused("tune", write("\n".join([spoilt, *more]), "pred.csv"))


def test_names_of_arrays_must_agree_with_options_and_content(write: Write) -> None:
    assert "leave --logits out" in refused("tune", write(GOOD_NPZ, "t.npz"), "--logits")
    logits = npz(filenames=NAMES, logits=np.log(np.array(VALUES) + 1e-3))
    assert "leave --probabilities out" in refused("tune", write(logits, "t.npz"), "--probabilities")
    doubtful = write(npz(filenames=NAMES, logits=np.array(VALUES)), "t.npz")
    assert "name the array probabilities, or give --logits" in refused("tune", doubtful)
    assert document("tune", doubtful, "--logits")["taken_for"] == f"logits, columns {','.join(EMOTIONS)}"


def test_advice_about_sums_can_be_followed(write: Write) -> None:
    halves = 0.5 * np.array(VALUES)
    line = refused("tune", write(npz(filenames=NAMES, probabilities=halves), "t.npz"))
    assert "name the array logits; else divide each row by its sum" in line
    sums = halves.sum(axis=1, keepdims=True)
    document("tune", write(npz(filenames=NAMES, probabilities=halves / sums), "t.npz"))
    line = refused("tune", write(npz(filenames=NAMES, probabilities=np.array(VALUES) - 0.1), "t.npz"))
    assert line.endswith("name the array logits")
    document("tune", write(npz(filenames=NAMES, logits=np.array(VALUES) - 0.1), "t.npz"))


@pytest.mark.parametrize(
    "order",
    [
        "neu,ang,disg,fea,hap",
        "neu,ang,disg,fea,hap,hap",
        "neu,ang,disg,fea,hap,sad,ang",
        "neu,ang,disg,fea,hap,joy",
        "neu,ang,disg,fea,hap,sad,",
        "neu ang disg fea hap sad",
        "NEU,ANG,DISG,FEA,HAP,SAD",
        "neu;ang;disg;fea;hap;sad",
        ",",
        " ",
        "",
    ],
)
@pytest.mark.parametrize(("content", "name"), [(FULL, "t.csv"), (GOOD_NPZ, "t.npz")])
def test_order_must_be_the_six_emotions_once_each(write: Write, content: Content, name: str, order: str) -> None:
    assert "emotion" in refused("tune", write(content, name), "--order", order)


def test_a_bad_order_is_told_to_be_one_even_where_the_file_is_missing_too(tmp_path: Path) -> None:
    assert "'joy'" in refused("tune", str(tmp_path / "no.csv"), "--order", "joy")


# both, and the rest

COMMANDS = [("score", "d.json"), ("tune", "t.csv"), ("tune", "t.npz"), ("score", "d.json", "--metadata", "m.csv")]


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
@pytest.mark.parametrize("kind", ["absent", "a folder", "below a file", "too long", "unreadable", "line break", "loop"])
def test_what_is_no_file_is_refused(write: Write, tmp_path: Path, command: tuple[str, ...], kind: str) -> None:
    *before, name = command
    if "--metadata" in before:
        before[1] = write(decided("test_0001"), "d.json")
    path = tmp_path / name
    if kind == "a folder":
        path.mkdir()
    elif kind == "below a file":
        path = Path(write("x", "file")) / name
    elif kind == "too long":
        path = tmp_path / ("n" * 300 + name)
    elif kind == "line break":
        path = tmp_path / f"a\nb{name}"
    elif kind == "loop":
        path.symlink_to(path)
    elif kind == "unreadable":
        write(FULL, name)
        path.chmod(0)
        if os.access(path, os.R_OK):
            pytest.skip("this user may read everything")
    line = refused(*before, str(path))
    assert name in line


@pytest.mark.parametrize(
    "arguments",
    [
        ("--foo",),
        ("scor",),
        ("score",),
        ("tune",),
        ("score", "a", "b"),
        ("score", "--foo"),
        ("score", "a", "--metadata"),
        ("tune", "a", "--order"),
        ("data", "--foo"),
        ("data", "foo"),
        ("data", "fetch"),
        ("data", "fetch", "everything"),
        ("table",),
        ("table", "4"),
        ("table", "2", "--trained", "--epochs", "0"),
        ("table", "2", "--trained", "--profile", "quik"),
        ("table", "2", "--trained", "--source", "zenod"),
        ("train", "--features", "a", "--metadata", "b", "--folds", "²"),
        ("run", "a.ipynb"),
        ("run", "a.ipynb", "b.ipynb", "-p", "seed"),
    ],
    ids=" ".join,
)
def test_a_command_that_is_misspelt_ends_in_one_line(arguments: tuple[str, ...]) -> None:
    result = blemore(*arguments)
    assert result.exit_code == 2
    assert result.stdout == ""
    assert len(result.stderr.splitlines()) == 1
    assert re.fullmatch(r"error: .*\n", result.stderr)


def commands(group: click.Group = main, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    """Walk all commands, those of groups included."""
    yield path, group
    for name, command in group.commands.items():
        if isinstance(command, click.Group):
            yield from commands(command, (*path, name))
        else:
            yield (*path, name), command


def options(command: click.Command) -> list[click.Option]:
    return [option for option in command.params if isinstance(option, click.Option)]


@pytest.mark.parametrize(("path", "option"), [(p, o) for p, command in commands() for o in options(command)], ids=str)
def test_no_command_takes_an_option_twice_unless_it_may_be_repeated(
    path: tuple[str, ...], option: click.Option
) -> None:
    once = [option.opts[-1], *(["1"] * (0 if option.is_flag else option.nargs))]
    result = blemore(*path, *once, *once)
    refusal = f"error: {option.opts[-1]} is given twice; give it once (see blemore {' '.join(path)}".strip()
    assert result.stderr.startswith(refusal) is not (option.multiple or option.is_eager), result.output
    assert (result.exit_code == 2) or option.multiple or option.is_eager


def test_features_named_twice_are_not_the_last_alone(write: Write) -> None:
    line = refused("train", "--features", "a.npz", "--metadata", "m.csv", "--features=b.npz")
    assert "--features is given twice" in line


NUMERIC = [
    (path, option.opts[-1])
    for path, command in commands()
    for option in options(command)
    if isinstance(option.type, click.types.IntParamType | click.types.FloatParamType)
]


@pytest.mark.parametrize("value", ["1_0", "٣", "²", "1" * 5000, "1e", "0x1", ""])
@pytest.mark.parametrize(("path", "option"), [*NUMERIC, (("train",), "--folds")], ids=str)
def test_numbers_of_options_are_plain(path: tuple[str, ...], option: str, value: str) -> None:
    files = ("--features", "a", "--metadata", "b") if path == ("train",) else ()
    result = blemore(*path, *files, option, value)
    assert result.exit_code == 2
    (line,) = result.stderr.splitlines()
    assert option in line and len(line) < 1000


@pytest.mark.parametrize("arguments", [(), ("-h",), ("--help",)], ids=str)
def test_commands_are_listed_one_a_line(arguments: tuple[str, ...]) -> None:
    result = blemore(*arguments)
    assert result.exit_code == (0 if arguments else 2)
    listed = [line.split()[0] for line in result.output.splitlines() if line.startswith("  ") and line.strip()]
    assert {"score", "tune", "data", "check", "run"} <= set(listed)


def test_table_trained_here_is_labelled_and_by_construction(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("BLEMORE_DATA", raising=False)
    monkeypatch.setattr(
        "blemore.results.trained_tables.train", functools.partial(trained_tables.train, rows=["openface"], jobs=1)
    )
    keys = ["id", "encoder", "method", "label", "paper", "ours", "badge"]
    for number in ("2", "3"):
        plain = document("table", number)["rows"]
        result = blemore("table", number, "--trained", "--epochs", "1", "--runs", str(tmp_path), "--json")
        trained = json.loads(result.stdout)["rows"]
        assert [list(row) for row in trained] == [keys] * 13
        assert [row["id"] for row in trained] == [row["id"] for row in plain if not row["id"].startswith("trivial")]
        mine = {row["id"]: row for row in trained}.pop("openface")
        assert (mine["label"], mine["badge"]) == ("stand-in", "by construction")
        assert list(mine["ours"]) == list(mine["paper"])
        assert {row["badge"] for row in trained} == {"by construction", "unchecked"}
        assert "stand-in" not in {row["label"] for row in plain}


def test_table_trained_here_says_on_how_many_clips_and_how_long(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("BLEMORE_DATA", raising=False)
    monkeypatch.setattr(
        "blemore.results.trained_tables.train", functools.partial(trained_tables.train, rows=["openface"], jobs=1)
    )
    notes = blemore("table", "2", "--trained", "--epochs", "1", "--runs", str(tmp_path), "--json").stderr.splitlines()
    assert notes == [
        "note: trained on simulated features of 2,456 clips, 1 epoch, learning rate 2e-05; the data set has 2,456 training clips"
    ]


def test_usage_of_a_command_is_where_the_error_says(write: Write) -> None:
    assert "(see blemore score --help)" in blemore("score").stderr


@pytest.mark.parametrize("more", [(), ("--json",)])
def test_data_lists_every_source_and_whether_it_is_here(more, monkeypatch, tmp_path: Path) -> None:
    for name in ("BLEMORE_DATA", "BLEMORE_MIRROR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setenv("BLEMORE_OFFLINE", "1")
    result = blemore("data", *more)
    assert (result.exit_code, result.stderr) == (0, "")
    if more:
        rows = {row["name"]: row["here"] for row in json.loads(result.stdout)["sources"]}
        assert rows.pop("standin") is True
        assert not any(rows.values())
    else:
        assert re.search(r"^here +standin ", result.stdout, re.MULTILINE)
        assert re.search(r"^absent +zenodo ", result.stdout, re.MULTILINE)


def test_run_refuses_what_cannot_be_right_before_anything_starts(tmp_path: Path, write: Write) -> None:
    page, out = str(ROOT / "notebooks" / "dataset.ipynb"), tmp_path / "out.ipynb"
    assert "did you mean 'source'" in refused("run", page, str(out), "-p", "sorce", "auto")
    assert "known: auto, standin, zenodo" in refused("run", page, str(out), "-p", "source", "zenod0")
    assert "no such file" in refused("run", page, str(out), "-p", "metadata", str(tmp_path / "absent.csv"))
    assert "no such file" in refused("run", page, str(out), "-p", "metadata", str(tmp_path / "a\nb.csv"))
    assert "no such notebook" in refused("run", str(tmp_path / "absent.ipynb"), str(out))
    assert "cannot be read as a notebook" in refused("run", write("{", "broken.ipynb"), str(out))
    assert "cannot be read as a notebook" in refused("run", write("", "empty.ipynb"), str(out))
    assert "not an .ipynb" in refused("run", page.replace(".ipynb", ".py"), str(out))
    assert not out.exists()


def process(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "blemore.cli", *arguments],
        capture_output=True,
        encoding="utf-8",
        env=os.environ | environment,
        cwd=ROOT,
        timeout=120,
    )


def test_a_real_process_prints_one_document_and_nothing_else(write: Write) -> None:
    ended = process("score", write(json.dumps({BLEND: PAIR}), "d.json"), "--json")
    assert (ended.returncode, ended.stderr) == (0, "")
    assert json.loads(ended.stdout) == {"acc_presence": 1.0, "acc_salience": 1.0, "n": 1, "n_blends": 1}


@pytest.mark.parametrize(
    ("command", "content", "name"),
    [
        ("score", decided(salience="1" + "0" * 400), "d.json"),
        ("tune", GOOD_NPZ[:-10], "t.npz"),
        ("tune", b"garbage", "t.npz"),
    ],
)
def test_a_real_process_that_refuses_prints_one_line(write: Write, command: str, content: Content, name: str) -> None:
    ended = process(command, write(content, name), "--json")
    assert (ended.returncode, ended.stdout) == (2, "")
    assert len(ended.stderr.splitlines()) == 1, ended.stderr


def test_huge_logits_print_no_warning(write: Write) -> None:
    path = write(TABLE + f"{SINGLE},1.7e308,-1.7e308,0,0,0,0\n", "t.csv")
    ended = process("tune", path, "--logits", "--json", PYTHONWARNINGS="default")
    assert (ended.returncode, ended.stderr) == (0, "")
    assert json.loads(ended.stdout)["acc_presence"] == 1


def test_text_is_printed_where_the_terminal_knows_ascii_alone(write: Write) -> None:
    ended = process("score", write(decided(), "d.json"), PYTHONIOENCODING="ascii")
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout.startswith("acc_presence")


def test_check_counts_claims_by_verdict_and_names_their_evidence(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("BLEMORE_DATA", "BLEMORE_MIRROR"):
        monkeypatch.delenv(name, raising=False)
    answer = document("check")
    found = [claim["verdict"] for claim in answer["claims"]]
    assert answer["verdicts"] == {verdict: found.count(verdict) for verdict in VERDICTS}
    agreeing = {"data": "reproduced", "authors": "recomputed", "paper": "consistent"}
    for claim in answer["claims"]:
        assert claim["verdict"] in (agreeing[claim["evidence"]], "known difference", "unchecked")
        assert claim["what"] and "detail" in claim
        assert claim["reason"] == (known_differences()[claim["id"]] if claim["verdict"] == "known difference" else None)
    lines = blemore("check").output.splitlines()
    known = [claim for claim in answer["claims"] if claim["reason"]]
    assert known and {f"KNOWN {claim['id']}: {claim['reason']}" for claim in known} <= set(lines)
    said = next(line for line in lines if " claims: " in line)
    assert said.startswith(f"{len(found)} claims: ") and f"{found.count('recomputed')} recomputed" in said
