"""Media: frames upright and one at a time, sound at its level, and one line for every spoilt file."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from blemore.encoders import media
from blemore.errors import InputError, MediaError

pytest.importorskip("av", reason="needs the extra 'encoders'")

WHITE, BLUE = (255, 255, 255), (20, 40, 200)


def pictures(n: int = 25) -> Iterator[np.ndarray]:
    """Frames 96 wide and 64 high with one white quarter, top left; the red of the rest counts up."""
    for i in range(n):
        picture = np.full((64, 96, 3), BLUE, np.uint8)
        picture[:, :, 0] = 8 * i
        picture[:32, :48] = WHITE
        yield picture


def tone(seconds: float = 1.0, level: float = 0.5) -> np.ndarray:
    return (level * np.sin(2 * np.pi * 440 * np.arange(round(48_000 * seconds)) / 48_000)).astype(np.float32)


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("media") / "clip.mp4"
    media.write(path, pictures(), tone())
    return path


@pytest.mark.parametrize("suffix", ["mp4", "mov"])
@pytest.mark.parametrize("codec", ["libx264", "libx265"])
def test_containers_and_codecs_of_the_data_set_give_the_same_pictures_and_sound(tmp_path: Path, codec, suffix) -> None:
    path = tmp_path / f"clip.{suffix}"
    media.write(path, pictures(), tone(), codec=codec)
    decoded = list(media.frames(path))
    assert [frame.shape for frame in decoded] == [(64, 96, 3)] * 25
    assert all(frame.dtype == np.uint8 and frame.flags.c_contiguous for frame in decoded)
    for i, frame in enumerate(decoded):
        assert np.abs(frame[48, 80] - np.array([8 * i, 40, 200])).max() <= 8  # in order, and red is first
    assert media.frame_rate(path) == 25
    sound = media.audio(path)
    assert sound.dtype == np.float32 and 0 <= len(sound) - 16_000 < 2 * 1024
    spectrum = np.abs(np.fft.rfft(sound[:16_000]))
    assert spectrum.argmax() == 440


def test_frames_are_streamed(clip: Path) -> None:
    stream = media.frames(clip)
    assert next(stream) is not next(stream)
    stream.close()  # an unfinished stream leaves no open file


@pytest.mark.parametrize("channels", [1, 2])
def test_level_survives_the_mix_to_mono(tmp_path: Path, channels: int) -> None:
    media.write(tmp_path / "clip.mp4", (), np.repeat(tone()[:, None], channels, axis=1))
    middle = media.audio(tmp_path / "clip.mp4")[4_000:12_000]
    assert np.sqrt(2 * (middle**2).mean()) == pytest.approx(0.5, rel=0.01)


def test_channels_are_averaged(tmp_path: Path) -> None:
    media.write(tmp_path / "clip.mp4", (), np.stack([tone(), np.zeros(48_000, np.float32)], axis=1))
    middle = media.audio(tmp_path / "clip.mp4")[4_000:12_000]
    assert np.sqrt(2 * (middle**2).mean()) == pytest.approx(0.25, rel=0.02)


def test_sound_stays_within_full_scale(tmp_path: Path) -> None:
    media.write(tmp_path / "clip.mp4", (), np.sign(tone()))
    assert np.abs(media.audio(tmp_path / "clip.mp4")).max() == 1


@pytest.mark.parametrize(("degrees", "row", "column"), [(0, 0, 0), (90, 1, 0), (180, 1, 1), (-90, 0, 1)])
def test_rotation_of_the_file_is_applied(tmp_path: Path, degrees: int, row: int, column: int) -> None:
    rotated(tmp_path / "clip.mov", degrees)
    frame = next(media.frames(tmp_path / "clip.mov"))
    height, width = (96, 64) if degrees in (90, -90) else (64, 96)
    assert frame.shape == (height, width, 3)
    quarters = frame.reshape(2, height // 2, 2, width // 2, 3).mean(axis=(1, 3, 4))
    assert quarters[row, column] > 250 and np.sort(quarters, axis=None)[2] < 100


def rotated(path: Path, degrees: int) -> None:
    """Write a clip that asks its reader to turn it counter-clockwise."""
    import av

    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=25)
        stream.height, stream.width, stream.pix_fmt = 64, 96, "yuv420p"
        stream.set_display_rotation(degrees)
        for picture in pictures(3):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode())


def matrices(path: Path, *numbers: float) -> None:
    """Write a, b, c and d into the display matrix of the clip's first track."""
    whole = bytearray(path.read_bytes())
    at = whole.index(b"tkhd") + 44
    assert whole[at : at + 4] == b"\0\1\0\0", "the matrix begins with one, in 16.16"
    for place, number in zip((0, 4, 12, 16), numbers, strict=True):
        whole[at + place : at + place + 4] = round(number * 65536).to_bytes(4, signed=True)
    path.write_bytes(whole)


UPRIGHT: dict[tuple[int, int, int, int], Callable[[np.ndarray], np.ndarray]] = {
    (1, 0, 0, 1): lambda x: x,
    (0, -1, 1, 0): lambda x: np.rot90(x, 1),
    (-1, 0, 0, -1): lambda x: np.rot90(x, 2),
    (0, 1, -1, 0): lambda x: np.rot90(x, 3),
    (-1, 0, 0, 1): np.fliplr,
    (1, 0, 0, -1): np.flipud,
    (0, 1, 1, 0): lambda x: np.fliplr(np.rot90(x, 3)),
    (0, -1, -1, 0): lambda x: np.fliplr(np.rot90(x, 1)),
}


@pytest.mark.parametrize("scale", [1, 2])
@pytest.mark.parametrize("matrix", UPRIGHT)
def test_frames_of_all_eight_orientations_come_out_upright(clip: Path, tmp_path: Path, matrix, scale: int) -> None:
    turned = tmp_path / "turned.mp4"
    turned.write_bytes(clip.read_bytes())
    matrices(turned, *(scale * number for number in matrix))
    plain, upright = next(media.frames(clip)), next(media.frames(turned))
    np.testing.assert_array_equal(upright, UPRIGHT[matrix](plain))
    assert upright.flags.c_contiguous


@pytest.mark.parametrize("matrix", [(0.5, 0.5, -0.5, 0.5), (1, 0.25, 0, 1), (1, 1, 1, 1), (0, 0, 0, 1), (1, 0, 1, 0)])
def test_a_display_matrix_that_is_no_quarter_turn_is_refused(clip: Path, tmp_path: Path, matrix) -> None:
    (tmp_path / "clip.mov").write_bytes(clip.read_bytes())
    matrices(tmp_path / "clip.mov", *matrix)
    with pytest.raises(
        MediaError, match=r"display matrix; expected quarter turns, mirrored or not; got [-\d. ]+; conv"
    ):
        next(media.frames(tmp_path / "clip.mov"))


@pytest.mark.parametrize("name", ["a:b.mp4", "file:clip.mp4", "http:clip.mp4", "%03d.mp4", "concat:a|b.mp4", "-i.mp4"])
def test_a_name_is_a_name_whatever_it_looks_like(clip: Path, tmp_path: Path, monkeypatch, name: str) -> None:
    monkeypatch.chdir(tmp_path)
    Path(name).write_bytes(clip.read_bytes())
    assert len(list(media.frames(name))) == 25 and media.frame_rate(Path(name)) == 25


PLAYLISTS = {
    "ffconcat": "ffconcat version 1.0\nfile other.mp4\n",
    "HLS": "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nother.mp4\n#EXT-X-ENDLIST\n",
    "SDP": "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=video 5004 RTP/AVP 96\na=rtpmap:96 H264/90000\n",
    "DASH": '<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static"><Period/></MPD>',
}


@pytest.mark.parametrize("reader", ["frames", "audio", "frame_rate"])
@pytest.mark.parametrize("kind", PLAYLISTS)
def test_a_text_that_names_other_files_opens_none_of_them(
    clip: Path, tmp_path: Path, monkeypatch, kind, reader
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("other.mp4").write_bytes(clip.read_bytes())
    Path("list.mp4").write_text(PLAYLISTS[kind])
    with pytest.raises(
        MediaError, match=r"^list.mp4: (has a format that cannot be read; expected one of mov|cannot be)"
    ):
        list(np.atleast_1d(getattr(media, reader)("list.mp4"))) if reader != "frames" else read_all(Path("list.mp4"))


SAVED = {
    ".mkv": ("libx264", "aac"), ".webm": ("libvpx-vp9", "libopus"), ".avi": ("mpeg4", "mp2"), ".wav": ("", "pcm_s16le"),
    ".flac": ("", "flac"), ".m4a": ("", "aac"), ".mp3": ("", "libmp3lame"), ".ogg": ("", "libopus"),
}  # fmt: skip


@pytest.mark.parametrize("suffix", SAVED)
def test_other_containers_are_read_too(tmp_path: Path, suffix: str) -> None:
    saved(tmp_path / f"clip{suffix}", *SAVED[suffix])
    sound = media.audio(tmp_path / f"clip{suffix}")
    assert abs(len(sound) - 16_000) < 2_500
    assert np.abs(np.fft.rfft(sound[1_000:9_000], 16_000)).argmax() == pytest.approx(440, abs=4)
    if suffix in media.VIDEO:
        assert [frame.shape for frame in media.frames(tmp_path / f"clip{suffix}")] == [(64, 96, 3)] * 25
    assert suffix in media.VIDEO + media.SOUND


def saved(path: Path, video: str, audio: str) -> None:
    import av

    with av.open(str(path), "w") as container:
        if video:
            stream = container.add_stream(video, rate=25)
            stream.height, stream.width, stream.pix_fmt = 64, 96, "yuv420p"
        speech = container.add_stream(audio, rate=48_000, layout="mono")
        whole = av.AudioFrame.from_ndarray((tone()[None] * 32_767).astype(np.int16), format="s16", layout="mono")
        whole.sample_rate = 48_000
        for picture in pictures() if video else ():
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        for encoder, last in ((speech, whole), *([(stream, None)] if video else ())):
            container.mux(encoder.encode(last))
        container.mux(speech.encode())


def read_all(path: Path) -> None:
    for _ in media.frames(path):
        pass


SPOILT: dict[str, tuple[Callable[[bytes], bytes], str]] = {
    "truncated": (lambda whole: whole[: len(whole) // 2], "is truncated; expected at least .* bytes; got"),
    "one byte short": (lambda whole: whole[:-1], "is truncated"),
    "empty": (lambda whole: b"", "is empty; copy the clip again"),
    "another format": (lambda whole: b"not a clip " * 100, "cannot be decoded; got Invalid data"),
}


@pytest.mark.parametrize("reader", [read_all, media.audio, media.frame_rate])
@pytest.mark.parametrize("spoilt", SPOILT)
def test_a_spoilt_file_is_one_clear_line(clip: Path, tmp_path: Path, spoilt: str, reader) -> None:
    spoil, says = SPOILT[spoilt]
    path = tmp_path / "spoilt.mp4"
    path.write_bytes(spoil(clip.read_bytes()))
    with pytest.raises(MediaError, match=says) as caught:
        reader(path)
    assert str(caught.value).startswith(str(path)) and "\n" not in str(caught.value)


@pytest.mark.parametrize("extra", [1, 4, 7])
def test_a_few_bytes_after_the_last_box_spoil_no_clip(clip: Path, tmp_path: Path, extra: int) -> None:
    path = tmp_path / "padded.mp4"
    path.write_bytes(clip.read_bytes() + bytes(extra))
    assert len(list(media.frames(path))) == 25 and len(media.audio(path)) == len(media.audio(clip))


def test_a_truncated_file_whose_index_comes_first_is_refused_too(clip: Path, tmp_path: Path) -> None:
    """Decoders take it for a short clip."""
    import av

    path = tmp_path / "fast.mp4"
    with av.open(str(clip)) as given, av.open(str(path), "w", options={"movflags": "faststart"}) as copy:
        streams = {stream.index: copy.add_stream_from_template(stream) for stream in given.streams}
        for packet in given.demux():
            if packet.dts is not None:
                packet.stream = streams[packet.stream.index]
                copy.mux(packet)
    read_all(path)
    path.write_bytes(path.read_bytes()[:-2_000])
    with pytest.raises(MediaError, match="is truncated"):
        read_all(path)


def test_a_title_in_another_encoding_spoils_no_clip(tmp_path: Path) -> None:
    import av

    with av.open(str(tmp_path / "clip.mp4"), "w") as container:
        container.metadata["title"] = "Gemuese"
        stream = container.add_stream("libx264", rate=25)
        stream.height, stream.width, stream.pix_fmt = 64, 96, "yuv420p"
        for picture in pictures(3):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode())
    utf8 = (tmp_path / "clip.mp4").read_bytes()
    assert b"Gemuese" in utf8
    (tmp_path / "clip.mp4").write_bytes(utf8.replace(b"Gemuese", "Gem\xfcse!".encode("latin-1")))
    assert len(list(media.frames(tmp_path / "clip.mp4"))) == 3


def test_a_file_that_may_not_be_read_is_one_clear_line(clip: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def forbidden(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", forbidden)
    with pytest.raises(MediaError, match=r"clip\.mp4: cannot be read; got Permission denied"):
        read_all(clip)


def test_damaged_frames_are_named(clip: Path, tmp_path: Path) -> None:
    damaged = bytearray(clip.read_bytes())
    start = damaged.index(b"mdat") + 1_200
    damaged[start : start + 400] = bytes(255 - byte for byte in damaged[start : start + 400])
    (tmp_path / "damaged.mp4").write_bytes(bytes(damaged))
    with pytest.raises(MediaError, match=r"frame \d+ is damaged|cannot be decoded"):
        read_all(tmp_path / "damaged.mp4")


def test_what_is_missing_is_named(tmp_path: Path) -> None:
    media.write(tmp_path / "silent.mp4", pictures(2))
    media.write(tmp_path / "blind.mp4", (), tone())
    with pytest.raises(MediaError, match="no audio stream; got streams of type video"):
        media.audio(tmp_path / "silent.mp4")
    with pytest.raises(MediaError, match="no video stream; got streams of type audio"):
        read_all(tmp_path / "blind.mp4")
    with pytest.raises(MediaError, match="no such file; check the path"):
        read_all(tmp_path / "absent.mp4")
    with pytest.raises(MediaError, match="is a folder, not a clip"):
        media.audio(tmp_path)


def test_without_pyav_the_error_names_the_command_that_installs_it(clip: Path, monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, "av", None)
    with pytest.raises(InputError, match=r"PyAV is not installed; pip install 'blemore\[encoders\]'"):
        media.frame_rate(clip)


@pytest.mark.parametrize("codec", ["libx264", "libx265"])
def test_the_same_clip_is_encoded_to_the_same_bytes_whatever_lies_in_memory(tmp_path: Path, codec) -> None:
    rng, noise, found = np.random.default_rng(0), [], set()
    for _ in range(60 if codec == "libx264" else 5):
        noise.append(np.full(rng.integers(1, 300_000), rng.random(), np.float32))
        if len(noise) > 10:  # memory that the encoder is given next, and must not read before it writes
            noise.pop(rng.integers(10))
        media.write(tmp_path / "clip.mp4", pictures(), codec=codec)
        found.add((tmp_path / "clip.mp4").read_bytes())
    assert len(found) == 1


def test_a_clip_that_fails_to_encode_leaves_nothing(tmp_path: Path) -> None:
    def broken() -> Iterator[np.ndarray]:
        yield from pictures(2)
        raise RuntimeError("no third picture")

    with pytest.raises(RuntimeError, match="no third picture"):
        media.write(tmp_path / "clip.mp4", broken())
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("reader", [read_all, media.audio, media.frame_rate])
def test_a_git_lfs_pointer_is_named_as_one(tmp_path: Path, reader) -> None:
    (tmp_path / "clip.mov").write_text("version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n")
    with pytest.raises(InputError, match="is a Git LFS pointer, not the file itself; run git lfs pull"):
        reader(tmp_path / "clip.mov")


def test_a_pipe_is_refused_and_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "clip.mov")
    with pytest.raises(InputError, match="a device, a pipe or a socket"):
        media.audio(tmp_path / "clip.mov")
