"""Shared by the tests: real files beside the checkout where there are some, and a plain baseline."""

from __future__ import annotations

import ast
import functools
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import settings

if TYPE_CHECKING:
    from blemore.features.feature_table import Features

ROOT = Path(__file__).resolve().parents[1]
ORACLES = ROOT / "tests" / "oracles"
SHARED = Path(os.environ.get("BLEMORE_SHARED", ROOT.parent / "shared"))


settings.register_profile("unhurried", deadline=None)  # a loaded machine is no defect
settings.load_profile("unhurried")


def _beside(path: Path) -> Path:
    if not path.exists():
        pytest.skip(f"needs {path.relative_to(SHARED)} beside the checkout (set BLEMORE_SHARED)")
    return path


def oracle(name: str) -> Path:
    """Path of a recorded answer of a public program; skips where the file is too large for the repository and absent."""
    here = ORACLES / name
    return here if here.exists() else _beside(SHARED / "oracles" / name)


def real(name: str) -> Path:
    """Path of a real public file of the data set; skips where there is none."""
    return _beside(SHARED / "data" / name)


def name_of_a_part_of_a_dead_process(name: str) -> str:
    """Name of the part of a file, or of a working folder, that a process which has ended since made for itself."""
    code = "import sys; from blemore.system import files; print(files.passing(sys.argv[1]))"
    return subprocess.check_output([sys.executable, "-c", code, name], cwd=ROOT, text=True).strip()


def invented_release(folder: Path, encoders: tuple[str, ...], actors: int = 4) -> None:
    """Write a folder in the release's layout: some invented clips of every fold, with features that tell actors apart."""
    import numpy as np

    from blemore.challenge.clips import standin

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
    from blemore.experiments.protocols import settings_for
    from blemore.paper import printed_numbers
    from blemore.results import ranking, trained_tables
    from blemore.sources.released import Result

    def settings(features: Features, profile: str = "quick", **changes: Any) -> object:
        return settings_for(features, profile, **{"mode": "stacked", "epochs": 2, "learning_rate": 1e-3, **changes})

    def trained(clips: object, source: str, model: str, **how: object) -> Result:
        return Result(
            printed_numbers.table(2).query("not id.str.startswith('trivial')").assign(model=model), "stand-in", ()
        )

    patch.chdir(folder)
    patch.setattr(trained_tables, "settings_for", settings)
    patch.setattr(ranking, "trained", trained)


def page(name: str, **values: object) -> list[object]:
    """Run a notebook's cells; return what each ends with."""
    import jupytext

    shown = []
    names: dict[str, object] = {}
    for cell in jupytext.read(ROOT / "notebooks" / f"{name}.py").cells:
        if cell.cell_type != "code":
            continue
        tree = ast.parse(cell.source)
        last = tree.body.pop() if isinstance(tree.body[-1], ast.Expr) else None
        exec(compile(tree, name, "exec"), names)
        if last:
            shown.append(eval(compile(ast.Expression(last.value), name, "eval"), names))
        if "parameters" in cell.metadata.get("tags", []):
            assert set(values) <= set(names)
            names |= values
    return shown


class ShownPage(list[object]):
    """What the cells of a page end with, the claims that it compares with the paper, and all claims of the ledger there."""

    claimed: tuple[Any, ...] = ()
    ledger: tuple[Any, ...] = ()


def runs_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder where the pages of all tests keep their trainings: what one did, the next finds."""
    (folder := tmp_path_factory.getbasetemp() / "pages").mkdir(exist_ok=True)
    return folder


@pytest.fixture(scope="session")
def shown_by(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str, str], ShownPage]:
    """What a committed page shows, by its name and what is on the machine; each is run once for all tests."""
    from blemore.results.claims import ledger
    from blemore.show import page_tables

    @functools.cache
    def shown(name: str, machine: str) -> ShownPage:
        with pytest.MonkeyPatch.context() as patch:
            patch.delenv("BLEMORE_DATA", raising=False)
            patch.delenv("BLEMORE_MIRROR", raising=False)
            patch.setenv("BLEMORE_CACHE", str(tmp_path_factory.mktemp("cache")))
            patch.setenv("BLEMORE_OFFLINE", "1")
            if machine == "mirror":
                patch.setenv("BLEMORE_MIRROR", str(real("mirror")))
            given: dict[str, object] = {"epochs": 1} if name == "results" else {}
            if machine in ("metadata", "durations", "egemaps"):
                given |= {"metadata": str(real("train_metadata.csv"))}
            if machine == "durations":
                given |= {"durations": str(real("durations_train.csv"))}
            if machine == "egemaps":
                given |= {"encoder": "egemaps", "features": str(real("egemaps_static_features.npz"))}
            if machine == "openface":
                given |= {"openface": str(real("openface"))}
            patch.chdir(runs_once(tmp_path_factory))
            if name in ("encoder", "standin"):
                barely_trained(patch, runs_once(tmp_path_factory))
            if machine == "release":
                folder = tmp_path_factory.mktemp("release")
                invented_release(folder, ("WavLM_large", "VideoMAEv2", "HuBERT_large"))
                patch.setenv("BLEMORE_DATA", str(folder))
            claimed: list[Any] = []
            for function in ("comparisons", "scores"):
                patch.setattr(page_tables, function, _noting(getattr(page_tables, function), claimed))
            done = ShownPage(page(name, **given))
            done.claimed, done.ledger = tuple(claimed), tuple(ledger.all_claims()[0]) if claimed else ()
            return done

    return shown


def _noting(show: Callable[..., Any], claimed: list[Any]) -> Callable[..., Any]:
    """Show comparisons and note them."""

    def shown(rows: Any, *args: object, **kwargs: object) -> Any:
        claimed.extend(rows)
        return show(rows, *args, **kwargs)

    return shown


@pytest.fixture(scope="module")
def scheduler() -> Iterator[str]:
    """Address of a local Dask cluster of two one-threaded workers over TCP."""
    distributed = pytest.importorskip("distributed")
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None, protocol="tcp://"
    ) as cluster:
        yield cluster.scheduler_address
