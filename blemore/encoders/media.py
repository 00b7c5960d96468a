"""Clips as encoders see them: frames one at a time, 16 kHz mono sound (paper, section 3.1).

mp4 and mov, H.264 and HEVC, and other containers and codecs that PyAV decodes; sound is resampled by soxr. Both come
with the extra ``encoders`` and are imported when the first clip is opened.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from blemore.errors import InputError, MediaError
from blemore.system import files

if TYPE_CHECKING:
    from av.container import InputContainer

SAMPLE_RATE = 16_000
"""Samples a second of :func:`audio`, as every audio encoder of the paper expects."""

VIDEO = (".mp4", ".mov", ".mkv", ".webm", ".avi")
"""Suffixes of the clips of a folder: video, with or without sound."""

SOUND = (".wav", ".flac", ".m4a", ".mp3", ".ogg")
"""Suffixes of the clips of a folder that hold sound alone."""

_CONTAINERS = ("mov", "matroska", "avi", "wav", "flac", "mp3", "ogg", "aac", "aiff", "asf", "flv", "mpeg", "mpegts")
# FFmpeg's names of formats whose files hold all that they play: a playlist could name any other file of the machine

_STEADY = {
    "libx264": {"x264-params": "mbtree=0"},
    "libx265": {"x265-params": "log-level=none:pools=none:frame-threads=1"},
}
# the same bytes on any number of cores (one thread), whatever lies in memory (x264's mbtree reads beyond narrow frames)

_BOXES = {b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip"}  # what an mp4 or mov file begins with


def frames(path: str | Path) -> Iterator[NDArray[np.uint8]]:
    """Decode a clip's frames one after the other, upright.

    Memory does not grow with the clip's length. Nothing is opened, and nothing is found wrong, before the first
    frame is asked for.

    Yields
    ------
    array (H, W, 3) uint8
        Red, green and blue; quarter turns and mirroring that the file asks for are applied.

    Raises
    ------
    MediaError
        If the file is missing, empty, truncated or damaged, holds no video, or asks for another transformation.
    """
    with _open(path, "video") as (container, stream):
        from av.video.reformatter import VideoReformatter

        stream.thread_type = "AUTO"
        convert = VideoReformatter()  # one for all frames: it keeps its tables
        count = 0
        for frame in container.decode(stream):
            if frame.is_corrupt:
                raise MediaError(path, f"frame {count + 1} is damaged", fix="copy the clip again")
            matrix = frame.side_data.get("DISPLAYMATRIX")
            rgb: NDArray[Any] = convert.reformat(frame, format="rgb24").to_ndarray()
            yield rgb if matrix is None else _upright(path, rgb, np.frombuffer(matrix, dtype=np.int32))
            count += 1
        if not count:
            raise MediaError(path, "the video stream holds no frame", fix="copy the clip again")


def _upright(path: str | Path, rgb: NDArray[np.uint8], matrix: NDArray[np.int32]) -> NDArray[np.uint8]:
    """Turn and mirror a frame (H, W, 3) as a display matrix of nine numbers asks; its scale is left out.

    The matrix ``a b u, c d v, x y w`` shows the pixel of column p and row q at column ``a p + c q`` and row
    ``b p + d q``, but for a shift that moves the whole frame.
    """
    (a, b, u), (c, d, v), _ = matrix.reshape(3, 3).tolist()
    plain, turned = a and d and not (b or c), b and c and not (a or d)
    if u or v or not (plain or turned):
        shown = " ".join(f"{value / (1 << 16):.2f}" for value in (a, b, c, d))
        expected = "quarter turns, mirrored or not"
        raise MediaError(path, "display matrix", expected=expected, got=shown, fix="convert it to an upright clip")
    across, down = (a, d) if plain else (c, b)
    upright = rgb if plain else rgb.swapaxes(0, 1)
    return np.ascontiguousarray(upright[:: -1 if down < 0 else 1, :: -1 if across < 0 else 1])


def audio(path: str | Path) -> NDArray[np.float32]:
    """Decode a clip's sound.

    Channels are averaged, so that a signal of 0.5 on both stays 0.5, then resampled.

    Returns
    -------
    array (n,) float32
        Samples at 16 kHz in [-1, 1]. AAC pads: a clip of 5 s may give a few milliseconds more.

    Raises
    ------
    MediaError
        If the file is missing, empty, truncated or damaged, or holds no sound.
    """
    with _open(path, "audio") as (container, stream):
        import av
        import soxr

        planar = av.AudioResampler(format="fltp")  # PyAV's own mix to mono is 3 dB too loud
        resampler = soxr.ResampleStream(stream.rate, SAMPLE_RATE, 1, dtype="float32")
        parts = [np.zeros(0, dtype=np.float32)]
        for frame in container.decode(stream):
            mono = [chunk.to_ndarray().mean(axis=0, dtype=np.float32) for chunk in planar.resample(frame)]
            parts += [resampler.resample_chunk(samples) for samples in mono]
        parts.append(resampler.resample_chunk(parts[0], last=True))
    sound = np.concatenate(parts)
    if not len(sound):
        raise MediaError(path, "the audio stream holds no sample", fix="copy the clip again")
    return np.clip(sound, -1, 1, out=sound)


def frame_rate(path: str | Path) -> float:
    """Return a clip's frames a second; MediaError as :func:`frames`."""
    with _open(path, "video") as (_, stream):
        rate = stream.average_rate or stream.guessed_rate
        if not rate:
            raise MediaError(path, "the video stream has no frame rate", fix="copy the clip again")
        return float(rate)


def write(
    path: str | Path,
    pictures: Iterable[NDArray[np.uint8]] = (),
    sound: NDArray[np.float32] | None = None,
    *,
    rate: int = 25,
    sample_rate: int = 48_000,
    codec: Literal["libx264", "libx265"] = "libx264",
) -> None:
    """Encode a clip as mp4 or mov, by the suffix: H.264 (or HEVC) and AAC. The same input gives the same bytes.

    Parameters
    ----------
    path : path
        Appears only when it is whole.
    pictures : iterable of arrays (H, W, 3) uint8
        Even height and width; none for a clip without video.
    sound : array (n,) or (n, channels) float32, optional
        In [-1, 1], with one or two channels.
    rate, sample_rate : int
        Frames and samples a second.
    codec : {'libx264', 'libx265'}
    """
    with files.replacing(path) as part:
        container = _library().open(str(part), "w", format=Path(path).suffix.removeprefix("."))
        _encode(container, iter(pictures), sound, rate, sample_rate, codec)


def _encode(
    container: Any, pictures: Iterator[NDArray[np.uint8]], sound: NDArray[np.float32] | None,
    rate: int, sample_rate: int, codec: str,
) -> None:  # fmt: skip
    import av

    with container:
        first = next(pictures, None)
        video = speech = None
        if first is not None:
            video = container.add_stream(
                codec, rate=rate, options={"preset": "veryfast", "threads": "1", **_STEADY[codec]}
            )
            video.height, video.width = first.shape[:2]
            video.pix_fmt = "yuv420p"
        if sound is not None:
            planes = np.ascontiguousarray(np.atleast_2d(sound.T), dtype=np.float32)
            layout = "mono" if len(planes) == 1 else "stereo"
            speech = container.add_stream("aac", rate=sample_rate, layout=layout)
            whole = av.AudioFrame.from_ndarray(planes, format="fltp", layout=layout)
            whole.sample_rate = sample_rate
        while video and first is not None:
            container.mux(video.encode(av.VideoFrame.from_ndarray(first, format="rgb24")))
            first = next(pictures, None)
        if video:
            container.mux(video.encode())
        if speech:
            container.mux(speech.encode(whole))
            container.mux(speech.encode())


@contextmanager
def _open(path: str | Path, kind: Literal["video", "audio"]) -> Iterator[tuple[InputContainer, Any]]:
    """Open a clip and its best stream of a kind; whatever goes wrong with it becomes one line."""
    av = _library()
    try:
        _check(Path(path))
        with _opened(path) as container:
            stream = container.streams.best(kind)
            if stream is None:
                held = ", ".join(sorted({one.type for one in container.streams})) or "none"
                raise MediaError(path, f"no {kind} stream", got=f"streams of type {held}")
            yield container, stream
    except (av.FFmpegError, EOFError) as error:
        problem = "cannot be decoded" if isinstance(error, av.FFmpegError) else "ends too early"
        got = getattr(error, "strerror", "") or str(error)
        raise MediaError(path, problem, got=got, fix="copy the clip again") from None
    except OSError as error:
        raise MediaError(
            path, "cannot be read", got=error.strerror or str(error), fix="check its permissions"
        ) from None


def _opened(path: str | Path) -> InputContainer:
    """Open a file by its path, whatever its name looks like, if it is of a format that holds all that it plays."""
    av = _library()
    only = {"format_whitelist": ",".join(_CONTAINERS), "protocol_whitelist": "file"}
    try:
        opened: InputContainer = av.open(f"file:{path}", metadata_errors="replace", container_options=only)
    except av.ArgumentError:
        known = f"one of {', '.join(_CONTAINERS)}"
        raise MediaError(path, "has a format that cannot be read", expected=known, fix="convert it to mp4") from None
    return opened


def _check(path: Path) -> None:
    """Refuse what decoders would take for a short clip, or report in their own words."""
    files.check_readable(path)
    if not path.is_file():
        problem = "is a folder, not a clip" if path.is_dir() else "no such file"
        raise MediaError(path, problem, fix="check the path")
    size, position = path.stat().st_size, 0
    if not size:
        raise MediaError(path, "is empty", fix="copy the clip again")
    with path.open("rb") as file:
        files.refuse_pointer(path, file)
        while size - position >= 8:  # fewer bytes are no box: padding of some writers, which no reader misses
            file.seek(position)
            head = file.read(16)
            if position == 0 and head[4:8] not in _BOXES:
                return  # another container, or none: decoding will say
            length = int.from_bytes(head[8:16]) if head[:4] == b"\0\0\0\1" else int.from_bytes(head[:4])
            length = length or size - position  # 0: up to the end
            position += max(length, 8)
    if position > size:
        raise MediaError(path, "is truncated", expected=f"at least {position:,} bytes", got=f"{size:,}",
                         fix="copy the clip again")  # fmt: skip


def _library() -> Any:
    try:
        import av
    except ImportError:
        raise InputError("clips", "PyAV is not installed", fix="pip install 'blemore[encoders]'") from None
    return av
