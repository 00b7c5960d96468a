"""Networks of transformers: one description gives their configuration, random weights, or a checkpoint's."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from blemore.encoders import checkpoints
from blemore.encoders.checkpoints import State
from blemore.encoders.registry import Opening, Variant


@dataclass(frozen=True)
class Network:
    """An architecture, whatever its sizes.

    Attributes
    ----------
    model, configuration : str
        Names of its classes in transformers, which is imported when one is needed.
    fixed : mapping
        What is the same whatever the sizes.
    """

    model: str
    configuration: str
    fixed: Mapping[str, Any] = field(default_factory=dict)

    @property
    def kind(self) -> type[Any]:
        """The model's class."""
        return _class(self.model)

    def config(self, **sizes: Any) -> Any:
        """Return its configuration at some sizes."""
        return _class(self.configuration)(**self.fixed, **sizes)

    def build(self, **sizes: Any) -> Any:
        """Return it at some sizes with random weights, or with none below ``torch.device("meta")``."""
        return self.kind(self.config(**sizes))

    def opened(self, name: str, variant: Variant, sizes: Mapping[str, Any], opening: Opening,
               convert: Callable[[State], State] = dict) -> Any:  # fmt: skip
        """Find a variant's weights, read and convert them, and return the model that they fill.

        Parameters
        ----------
        name : str
            Id of the encoder, which errors name.
        convert : function
            From the names of the checkpoint to those of transformers.
        """
        path = checkpoints.locate(name, variant, opening.weights)
        return checkpoints.pretrained(self.kind, self.config(**sizes), convert(checkpoints.read(path)), path, opening)


def _class(name: str) -> type[Any]:
    import transformers

    found: type[Any] = getattr(transformers, name)
    return found
