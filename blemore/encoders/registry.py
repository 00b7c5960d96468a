"""What an encoder is: one entry of the registry, its variants, and what opening it gives (paper, 4.1 and 4.2)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from blemore.errors import BlemoreError, InputError, UnknownNameError, first

PRECISIONS = ("float32", "float16", "bfloat16")
"""Number formats that a model can compute in."""

RATE = 25
"""Frames a second that costs are stated for."""


def usual_precision(device: str) -> str:
    """Return the number format for a device, as torch names it: float32 on a CPU, float16 elsewhere.

    >>> usual_precision("cpu:0"), usual_precision("cuda:1")
    ('float32', 'float16')
    """
    return "float32" if device.partition(":")[0] == "cpu" else "float16"


class LibraryError(BlemoreError):
    """A library that an encoder needs is not installed, or does not work here."""


class Extractor(Protocol):
    """An opened encoder: the model is in memory, and takes one file after the other.

    Attributes
    ----------
    flag : str
        What is remarkable about the last file, empty where nothing is; to be shown beside its name.
    """

    flag: str

    def __call__(self, path: Path) -> NDArray[np.float32]:
        """Return the features (T, dim) float32 of one file."""


@dataclass(frozen=True)
class Opening:
    """How an encoder is to be opened: `variant`, `weights` (a file), `device` and `precision`."""

    variant: str
    weights: Path | None
    device: str
    precision: str


@dataclass(frozen=True)
class Variant:
    """One of several models, or ways to use one, that an encoder's name covers.

    Attributes
    ----------
    name : str
        What ``variant`` is set to.
    dim : int
        Width of a row of features.
    level, rate : str
        What a row describes (``frame``, ``window``, ``20 ms``, ``clip``), and how many rows there are.
    n_parameters : int
        Parameters of the network that computes them, 0 where there is none.
    checkpoint, revision : str
        Where the weights come from: ``owner/name/file`` at a commit of huggingface.co; or an address, and the SHA-256
        (or its beginning) that the file is compared with when it is opened. Empty where there are none.
    used : str
        Who uses it: ``authors``, ``text`` (what the paper's text says) or empty; :attr:`note` says the rest.
    flops : int
        Floating-point operations for one second of a clip, :data:`RATE` frames of it, in the network alone; 0 where
        there is none.
    """

    name: str
    dim: int
    level: str
    rate: str
    n_parameters: int = 0
    checkpoint: str = ""
    revision: str = ""
    used: str = ""
    note: str = ""
    flops: int = 0


@dataclass(frozen=True)
class Encoder:
    """One encoder of the registry; importing it loads no model and no large library.

    Attributes
    ----------
    name, title : str
        Id, and the name that pages show.
    modality : {'video', 'audio', 'both'}
    reads : {'clip', 'csv', 'release'}
        What an extractor takes: a clip, OpenFace's CSV, or a ready feature file of the release.
    licence : str
        Of the weights, or of the program where there are none.
    reference : str
        Where it is described.
    choices : tuple of Variant
        First what the authors used, or what comes closest. ``dim``, ``level``, ``rate``, ``n_parameters``,
        ``checkpoint`` and ``revision`` of an encoder are those of its first variant.
    load : function (Opening) -> Extractor
    libraries, extra : what it imports, and the extra of this package that installs that
    here : function (Variant) -> bool
        Whether the weights or the data are on this machine.
    """

    name: str
    title: str
    modality: Literal["video", "audio", "both"]
    reads: Literal["clip", "csv", "release"]
    licence: str
    reference: str
    choices: tuple[Variant, ...]
    load: Callable[[Opening], Extractor] = field(repr=False)
    libraries: tuple[str, ...] = ()
    extra: str = "encoders"
    here: Callable[[Variant], bool] = field(repr=False, default=lambda variant: True)

    @property
    def variants(self) -> tuple[str, ...]:
        """Names of the variants, the default first."""
        return tuple(choice.name for choice in self.choices)

    @property
    def dim(self) -> int:
        """Width of a row of features."""
        return self.choices[0].dim

    @property
    def level(self) -> str:
        """What a row describes."""
        return self.choices[0].level

    @property
    def rate(self) -> str:
        """How many rows there are."""
        return self.choices[0].rate

    @property
    def n_parameters(self) -> int:
        """Parameters of the network."""
        return self.choices[0].n_parameters

    @property
    def checkpoint(self) -> str:
        """Where the weights come from."""
        return self.choices[0].checkpoint

    @property
    def revision(self) -> str:
        """What pins the weights, see :class:`Variant`."""
        return self.choices[0].revision

    @property
    def available(self) -> bool:
        """Whether it can be opened on this machine, without a download."""
        return self.at_hand(self.choices[0])

    def at_hand(self, choice: Variant) -> bool:
        """Tell whether a variant can be opened on this machine, without a download."""
        return not self.lacking() and self.here(choice)

    def variant(self, name: str = "") -> Variant:
        """Return a variant by name, the default for an empty one; UnknownNameError if there is none."""
        for choice in self.choices:
            if name in ("", choice.name):
                return choice
        raise UnknownNameError(f"variant of {self.name}", name, self.variants)

    def lacking(self) -> list[str]:
        """Return the libraries that are not installed."""
        return [name for name in self.libraries if find_spec(name) is None]

    def open(
        self, *, variant: str = "", weights: str | Path | None = None, device: str = "cpu", precision: str = ""
    ) -> Extractor:
        """Load the model once, to extract any number of files with it.

        Parameters
        ----------
        variant : str
            One of :attr:`variants`, by default the first.
        weights : path, optional
            A file of weights (``.safetensors``, ``.pth``, ``.bin``) to read instead of the checkpoint.
        device : str
            As torch names it: ``cpu``, ``cuda``, ``cuda:1``.
        precision : str
            One of :data:`PRECISIONS`, by default that of :func:`usual_precision`.

        Raises
        ------
        UnknownNameError, InputError, SourceError, LibraryError
            If a choice does not exist, the weights are not this network's or the device cannot be used, the
            weights are not here and may not be downloaded, or a library is missing.
        """
        chosen = self.variant(variant)
        precision = precision or usual_precision(device)
        if precision not in PRECISIONS:
            raise UnknownNameError("precision", precision, PRECISIONS)
        if lacking := self.lacking():
            names = ", ".join(lacking)
            raise LibraryError(f"{self.name}: needs {names}, not installed; pip install -e '.[{self.extra}]'")
        if weights is not None and not Path(weights).exists():
            raise InputError(weights, "no such file", fix="check --weights")
        _check_device(device)
        try:
            return self.load(Opening(chosen.name, None if weights is None else Path(weights), device, precision))
        except BlemoreError:
            raise
        except ImportError as error:
            why = first(str(error.__cause__ or error).splitlines(), 1)
            raise LibraryError(
                f"{self.name}: a library does not import here ({why}); {', '.join(self.libraries)} and torch must fit "
                "one another: install them anew with the versions of requirements.lock"
            ) from None
        except Exception as error:  # the device's memory is short, or others' encoders fail in their own ways
            got = f"{type(error).__name__} {first(str(error).splitlines(), 1)}".rstrip()
            fix = f"check --weights, and the memory of {device}"
            raise InputError(self.name, "cannot be opened", got=got, fix=fix) from None


def _check_device(device: str) -> None:
    if device == "cpu":
        return
    import torch

    try:
        torch.zeros(1, device=device)
    except Exception as error:  # each kind of device that is absent fails in its own way
        got = first(str(error).splitlines(), 1)
        raise InputError(
            "device", f"{device} cannot be used", got=got, fix="check --device; cpu is always there"
        ) from None
