"""Shared by the tests: real files beside the checkout where there are some, and a plain baseline."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

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


def invented_release(folder: Path, encoders: tuple[str, ...], actors: int = 4) -> None:
    """Write a folder in the release's layout: some invented clips of every fold, with features that tell actors apart."""
    import numpy as np

    from blemore.clips import standin

    train = standin().of("train").table
    few = train[train["actor"].isin(train["actor"].drop_duplicates().iloc[:: 47 // actors])]
    few[["filename", "fold"]].to_csv(folder / "train_metadata.csv", index=False)
    random = np.random.default_rng(0)
    for encoder in encoders:
        where = folder / "pre_extracted_train_data" / f"{encoder}_train"
        where.mkdir(parents=True)
        people = {actor: random.normal(0, 5, 6) for actor in few["actor"].unique()}
        for name, actor in zip(few["filename"], few["actor"], strict=True):
            np.save(where / f"{name}.npy", (people[actor] + random.normal(size=(4, 6))).astype(np.float32))


def barely_trained(patch: pytest.MonkeyPatch, folder: Path) -> None:
    """Let rows train for two epochs, runs lie in a folder, and the other rows' scores be the paper's, as if simulated."""
    from blemore import paper, rows, standings
    from blemore.released import Result
    from blemore.training import paper_settings

    def settings(row: str, model: str = "mlp-512", profile: str = "quick", *, simulated: bool = True) -> object:
        return paper_settings(
            subsampled=row.endswith(":sub"), model=model, mode="stacked", epochs=2, learning_rate=1e-3
        )

    def trained(clips: object, source: str, model: str, **how: object) -> Result:
        return Result(paper.table(2).query("not id.str.startswith('trivial')").assign(model=model), "stand-in", ())

    patch.chdir(folder)
    patch.setattr(rows, "settings", settings)
    patch.setattr(standings, "trained", trained)


@pytest.fixture(scope="module")
def scheduler() -> Iterator[str]:
    """Address of a local Dask cluster of two one-threaded workers over TCP."""
    distributed = pytest.importorskip("distributed")
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None, protocol="tcp://"
    ) as cluster:
        yield cluster.scheduler_address
