"""The clips of nobody: deterministic, in the name grammar, and different where their emotions differ."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from blemore.challenge.labels import EMOTIONS, parse_clip_name
from blemore.encoders import media, synthetic_clips
from blemore.errors import InputError

pytest.importorskip("av", reason="needs the extra 'encoders'")


def test_names_follow_the_grammar_cover_every_kind_and_name_invented_actors() -> None:
    parsed = [parse_clip_name(name) for name in synthetic_clips.names(72)]
    assert len(set(synthetic_clips.names(72))) == 72
    assert {clip.actor for clip in parsed} == {"A9001", "A9002"}
    assert len({(clip.emotions, clip.saliences) for clip in parsed[:36]}) == 36


@pytest.mark.parametrize("n", [0, 1, 20])
def test_a_shorter_list_of_names_begins_a_longer_one(n: int) -> None:
    assert synthetic_clips.names(n) == synthetic_clips.names(40)[:n]


def test_a_blend_mixes_the_controls_of_its_emotions() -> None:
    apex = synthetic_clips.controls("A9001_mix_ang_hap_30_70_ver1", 2.0, 25)[25]
    rows = dict(zip(EMOTIONS, synthetic_clips.EXPRESSIONS, strict=True))
    np.testing.assert_allclose(apex, 0.3 * rows["ang"] + 0.7 * rows["hap"])


def test_an_expression_begins_neutral() -> None:
    assert not synthetic_clips.controls("A9001_hap_int1_ver1", 2.0, 25)[0].any()


def test_the_same_call_writes_the_same_bytes(tmp_path: Path) -> None:
    one, two = (synthetic_clips.write_clips(tmp_path / folder, 2, seconds=0.4, size=64) for folder in "ab")
    assert [path.read_bytes() for path in one] == [path.read_bytes() for path in two]
    assert [path.stem for path in one] == synthetic_clips.names(2)


def test_a_clip_has_the_asked_length_in_picture_and_sound(tmp_path: Path) -> None:
    (path,) = synthetic_clips.write_clips(tmp_path, 1, seconds=1.2, size=64)
    assert [frame.shape for frame in media.frames(path)] == [(64, 64, 3)] * 30
    assert media.frame_rate(path) == 25
    assert 0 <= len(media.audio(path)) - 1.2 * 16_000 < 2 * 1024


def middle(name: str) -> np.ndarray:
    return list(synthetic_clips.pictures(name, seconds=0.4))[5].astype(float)


def test_a_face_shows_its_emotion_where_it_should() -> None:
    happy, sad = middle("A9001_hap_int1_ver1"), middle("A9001_sad_int1_ver1")
    difference = np.abs(happy - sad).mean(axis=2)
    assert difference[120:160, 60:132].mean() > 5 * difference[:20].mean() + 1  # the mouth, not the background


def test_a_blend_lies_between_its_emotions_in_sound() -> None:
    loud, quiet = (np.abs(synthetic_clips.voice(f"A9001_{e}_int1_ver1")).mean() for e in ("ang", "sad"))
    blend = np.abs(synthetic_clips.voice("A9001_mix_ang_sad_50_50_ver1")).mean()
    assert quiet < blend < loud


def test_a_voice_has_the_pitch_of_its_actor_and_stays_within_full_scale() -> None:
    for name in synthetic_clips.names(6):
        sound = synthetic_clips.voice(name)
        assert sound.dtype == np.float32 and len(sound) == 96_000
        assert 0.05 < np.abs(sound).max() < 1
    spectrum = np.abs(np.fft.rfft(synthetic_clips.voice("A9001_neu_sit1_ver1")))[
        : 2 * 400
    ]  # up to 400 Hz, half a hertz apart
    assert 85 < spectrum.argmax() / 2 < 400


@pytest.mark.parametrize(("seconds", "size"), [(2.0, 63), (2.0, 8), (0.0, 64)])
def test_a_size_that_cannot_be_encoded_is_refused(tmp_path: Path, seconds: float, size: int) -> None:
    with pytest.raises(InputError, match="fixture: size or length; expected an even size"):
        synthetic_clips.write_clips(tmp_path, 1, seconds=seconds, size=size)
