"""From frames to what networks take: stills, squashed squares, windows, batches."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import islice, repeat
from typing import TYPE_CHECKING, TypeVar

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import torch

T = TypeVar("T")

Prepare = Callable[[NDArray[np.uint8]], "torch.Tensor"]
"""One frame (H, W, 3) uint8, RGB, to what the network takes of it, (C, h, w) float32."""

SIDE = 224
"""Height and width of what every network of the paper sees."""


def clip_still() -> Prepare:
    """Return CLIP's preprocessing: short side 224 (bicubic), centre crop, CLIP's mean and deviation.

    ImageBind's is the same.
    """
    import torch
    from transformers.models.clip.image_processing_pil_clip import CLIPImageProcessorPil

    process = CLIPImageProcessorPil()  # the defaults are those of ViT-B/32

    def prepare(frame: NDArray[np.uint8]) -> torch.Tensor:
        return torch.from_numpy(process(frame, return_tensors="np")["pixel_values"][0])

    return prepare


def squashed(frame: NDArray[np.uint8], *, bgr: bool) -> torch.Tensor:
    """Squash a frame to (3, 224, 224) in [0, 1], without mean and deviation: what VideoMAE V2 was given.

    Parameters
    ----------
    bgr : bool
        Blue first, as OpenCV reads frames and the authors left them.
    """
    import torch
    from torch.nn.functional import interpolate

    pixels = torch.from_numpy(np.ascontiguousarray(frame[..., ::-1] if bgr else frame))
    small = interpolate(pixels.permute(2, 0, 1)[None].float(), size=(SIDE, SIDE), mode="bilinear", align_corners=False)
    return small[0].round().div(255)


def windows(items: Iterable[T], length: int, step: int, blank: Callable[[T], T]) -> Iterator[list[T]]:
    """Cut a sequence into windows that begin every `step` items, until every item is in one.

    Parameters
    ----------
    blank : function
        Given an item, what a window that reaches beyond the end is filled with.

    Examples
    --------
    >>> list(windows([1, 2, 3, 4, 5], 3, 3, lambda item: 0))
    [[1, 2, 3], [4, 5, 0]]
    >>> list(windows([1, 2, 3, 4, 5, 6], 4, 2, lambda item: 0))
    [[1, 2, 3, 4], [3, 4, 5, 6]]
    """
    held: list[T] = []
    fresh = 0  # items that no window has had yet
    for item in items:
        held.append(item)
        fresh += 1
        if len(held) == length:
            yield list(held)
            del held[:step]
            fresh = 0
    if fresh:
        yield held + [blank(held[0])] * (length - len(held))


def lengthened(items: Iterable[T], least: int, blank: Callable[[T], T]) -> Iterator[T]:
    """Yield the items, and blanks until there are at least `least`.

    >>> list(lengthened([7, 8], 4, lambda item: 0))
    [7, 8, 0, 0]
    """
    count = 0
    for item in items:
        yield item
        count += 1
    if 0 < count < least:
        yield from repeat(blank(item), least - count)


def batches(items: Iterable[T], size: int) -> Iterator[list[T]]:
    """Yield lists of up to `size` items.

    >>> list(batches("abcde", 2))
    [['a', 'b'], ['c', 'd'], ['e']]
    """
    rest = iter(items)
    while batch := list(islice(rest, size)):
        yield batch


def stacks(items: Iterable[torch.Tensor], size: int) -> Iterator[torch.Tensor]:
    """Yield batches of up to `size` items, each as one tensor, in two places of memory by turns.

    A batch holds until the next but one is asked for. Fresh memory for each, taken by one thread and returned by
    another, would be torn to pieces, and a long clip take more than a short one.
    """
    import torch

    places: list[torch.Tensor] = []
    for number, batch in enumerate(batches(items, size)):
        if number < 2:
            places.append(batch[0].new_empty((size, *batch[0].shape)))
        yield torch.stack(batch, out=places[number % 2][: len(batch)])


def ahead(items: Iterable[T], depth: int = 1) -> Iterator[T]:
    """Yield the items, while a thread makes the next `depth` of them: a clip is decoded as the network computes.

    >>> list(ahead("abc"))
    ['a', 'b', 'c']
    """
    rest, end = iter(items), object()
    with ThreadPoolExecutor(1) as pool:
        coming = deque(pool.submit(next, rest, end) for _ in range(depth))
        while (item := coming.popleft().result()) is not end:
            coming.append(pool.submit(next, rest, end))
            yield item  # type: ignore[misc]  # it is no end
