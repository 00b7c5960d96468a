"""Shared by the tests: real files beside the checkout where there are some, and a plain baseline."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import settings

if TYPE_CHECKING:
    from blemore.features import Features

ROOT = Path(__file__).resolve().parents[1]
SHARED = Path(os.environ.get("BLEMORE_SHARED", ROOT.parent / "shared"))


settings.register_profile("unhurried", deadline=None)  # a loaded machine is no defect
settings.load_profile("unhurried")


def _beside(path: Path) -> Path:
    if not path.exists():
        pytest.skip(f"needs {path.relative_to(SHARED)} beside the checkout (set BLEMORE_SHARED)")
    return path


def oracle(name: str) -> Path:
    """Path of a recorded answer of the public baseline; skips where there is none."""
    return _beside(SHARED / "oracles" / name)


def real(name: str) -> Path:
    """Path of a real public file of the data set; skips where there is none."""
    return _beside(SHARED / "data" / name)


def barely_trained(patch: pytest.MonkeyPatch, folder: Path) -> None:
    """Let rows train for two epochs, runs lie in a folder, and the other rows' scores be the paper's, as if simulated."""
    from blemore import paper, rows, standings
    from blemore.experiments import settings_for
    from blemore.released import Result

    def settings(features: Features, profile: str = "quick", **changes: Any) -> object:
        return settings_for(features, profile, **{"mode": "stacked", "epochs": 2, "learning_rate": 1e-3, **changes})

    def trained(clips: object, source: str, model: str, **how: object) -> Result:
        return Result(paper.table(2).query("not id.str.startswith('trivial')").assign(model=model), "stand-in", ())

    patch.chdir(folder)
    patch.setattr(rows, "settings_for", settings)
    patch.setattr(standings, "trained", trained)


@pytest.fixture(scope="module")
def scheduler() -> Iterator[str]:
    """Address of a local Dask cluster of two one-threaded workers over TCP."""
    distributed = pytest.importorskip("distributed")
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None, protocol="tcp://"
    ) as cluster:
        yield cluster.scheduler_address
