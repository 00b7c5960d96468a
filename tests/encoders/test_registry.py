"""The registry of encoders: what it says, what it refuses, and how others are added."""

from __future__ import annotations

import hashlib
import json
import re
import subprocess
import sys
from importlib.metadata import EntryPoint
from pathlib import Path

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from safetensors.torch import save_file

from blemore import encoders
from blemore.book import parameters
from blemore.cli import main
from blemore.encoders import Encoder, LibraryError, Variant, checkpoints
from blemore.encoders.registry import Opening
from blemore.errors import InputError, SourceError, UnknownNameError
from blemore.features import release_folder
from blemore.paper import vocabulary
from blemore.paper.printed_numbers import ENCODERS
from blemore.show import encoder_tables
from tests.conftest import ROOT

NAMES = ["openface", "clip", "imagebind", "videomaev2", "videoswin", "hubert", "wavlm", "egemaps", "hicmae"]
CPU = Opening("", None, "cpu", "float32")
YOURS = Encoder("yours", "Yours", "audio", "clip", "MIT", "nowhere", (Variant("only", 2, "clip", "1 per clip"),), print)


@pytest.fixture(autouse=True)
def _no_network(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setenv("BLEMORE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))


@pytest.fixture
def mine(monkeypatch: pytest.MonkeyPatch) -> Encoder:
    """An encoder of another package: one file's brightness, once a frame of 2 numbers."""

    class Loader:
        flag = ""

        def __call__(self, path: Path) -> np.ndarray:
            return np.ones((3, 2), np.float32)

    encoder = Encoder("mine", "Mine", "video", "clip", "MIT", "nowhere", (Variant("only", 2, "frame", "1 per frame"),),
                      load=lambda opening: Loader())  # fmt: skip
    monkeypatch.setattr("tests.encoders.test_registry.MINE", encoder, raising=False)
    added(monkeypatch, EntryPoint("mine", "tests.encoders.test_registry:MINE", encoders.GROUP))
    return encoder


def added(monkeypatch: pytest.MonkeyPatch, *points: EntryPoint) -> None:
    for module in (encoders, vocabulary):
        monkeypatch.setattr(module, "entry_points", lambda group: [p for p in points if p.group == group])


def test_the_registry_holds_what_was_promised_the_papers_first() -> None:
    assert list(encoders.REGISTRY) == NAMES
    assert NAMES[: len(ENCODERS)] == list(ENCODERS)
    assert {name: encoders.get(name).title for name in ENCODERS} == ENCODERS


def test_whatever_can_be_trained_on_is_in_the_registry_or_in_the_release() -> None:
    assert set(vocabulary.FEATURE_ENCODERS) == {*encoders.REGISTRY, "openface3"}
    assert set(release_folder.RELEASE_FOLDERS) <= set(vocabulary.FEATURE_ENCODERS)


@pytest.mark.parametrize("name", NAMES)
def test_every_entry_is_complete(name: str) -> None:
    encoder = encoders.get(name)
    assert encoder.licence and encoder.reference and encoder.level and encoder.rate and encoder.dim > 0
    assert len(set(encoder.variants)) == len(encoder.choices)
    for choice in encoder.choices:
        assert bool(choice.checkpoint) == bool(choice.revision) == bool(choice.n_parameters)
        assert choice.used in ("authors", "text", "")
    if name in ENCODERS:
        assert encoder.choices[0].used == "authors"


CHOICES = [(name, one) for name in NAMES for one in encoders.get(name).choices if one.checkpoint]


@pytest.mark.parametrize(("name", "choice"), CHOICES, ids=lambda value: getattr(value, "name", value))
def test_what_a_page_says_of_weights_is_what_opening_holds_them_to(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str, choice: Variant
) -> None:
    """A commit is what is asked for; a digest is compared with the file's, wherever that comes from."""
    encoder, asked = encoders.get(name), []
    monkeypatch.setattr(Encoder, "lacking", lambda self: [])
    monkeypatch.setattr("huggingface_hub.hf_hub_download", lambda *file, revision, **how: asked.append(revision) or "")
    monkeypatch.setattr(checkpoints, "read", lambda path: pytest.fail("weights of another digest are read"))
    shown = re.search(r"(commit|SHA-256) ([0-9a-f]+)</small>", encoder_tables._weights(choice))
    assert shown and choice.revision.startswith(shown[2])
    if shown[1] == "commit":
        with pytest.raises(pytest.fail.Exception):
            encoder.open(variant=choice.name)
        assert asked == [choice.revision] and len(choice.revision) == 40
        return
    given = tmp_path / "cache" / "weights" / choice.checkpoint.rsplit("/", 1)[1]
    given.parent.mkdir(parents=True)
    given.write_bytes(b"other weights")
    with pytest.raises(
        InputError, match=rf"not the pinned weights; expected SHA-256 {choice.revision}; got [0-9a-f]+;"
    ):
        encoder.open(variant=choice.name, weights=given if name == "imagebind" else None)


def test_weights_of_the_pinned_digest_are_read(tmp_path: Path) -> None:
    (tmp_path / "weights.pth").write_bytes(b"weights")
    digest = hashlib.sha256(b"weights").hexdigest()
    for revision in (digest, digest[:8]):
        pinned = Variant("only", 2, "frame", "1 per frame", revision=revision)
        assert checkpoints.verified(tmp_path / "weights.pth", pinned, "again") == tmp_path / "weights.pth"


def test_weights_that_users_download_themselves_are_pinned_to_a_digest_that_they_are_told() -> None:
    encoder = encoders.get("imagebind")
    assert re.fullmatch(r"[0-9a-f]{64}", encoder.revision)
    with pytest.raises(SourceError, match=encoder.revision):
        encoder.open()


def test_the_choice_between_the_text_and_the_authors_is_offered() -> None:
    giant, base = encoders.get("videomaev2").variant(), encoders.get("videomaev2").variant("vit-b")
    assert (giant.used, giant.dim, base.used, base.dim) == ("authors", 1408, "text", 768)
    with pytest.raises(UnknownNameError, match="unknown variant of videomaev2 'vit-h'"):
        encoders.get("videomaev2").open(variant="vit-h")


def test_importing_the_registry_loads_no_large_library() -> None:
    code = "import sys, blemore.encoders; print([m for m in ('torch', 'transformers', 'av', 'opensmile') if m in sys.modules])"
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert shown.stdout.strip() == "[]"


def test_the_command_lists_every_encoder_as_one_document() -> None:
    result = CliRunner().invoke(main, ["encoders", "--json"])
    rows = {row["name"]: row for row in json.loads(result.stdout)["encoders"]}
    assert result.exit_code == 0 and list(rows) == NAMES
    assert {"name", "modality", "level", "dim", "rate", "checkpoint", "licence", "available"} <= set(rows["clip"])
    assert (rows["openface"]["available"], rows["openface"]["checkpoint"]) == (True, None)
    assert not any(rows[name]["available"] for name in ("clip", "imagebind", "videomaev2", "hubert", "wavlm"))
    shown = CliRunner().invoke(main, ["encoders"])
    assert re.search(r"^absent +videomaev2 +vit-b +768 .* text ", shown.stdout, re.MULTILINE)


# weights


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("clip", "https://huggingface.co/openai/clip-vit-base-patch32/resolve/3d74acf9"),
        ("videomaev2", "OpenGVLab/VideoMAE2/resolve/706cc172d65ebd4dedbee3f9c0183a93df9fa125/mae-g/vit_g"),
        ("hubert", "hubert-large-ll60k/resolve/ff022d09"),
        ("wavlm", "wavlm-large/resolve/c1423ed9"),
        ("imagebind", "non-commercial"),
    ],
)
@pytest.mark.parametrize("switch", ["HF_HUB_OFFLINE", "BLEMORE_OFFLINE"])
def test_without_network_one_line_says_what_to_download_and_where_to_put_it(monkeypatch, switch, name, says) -> None:
    monkeypatch.delenv("HF_HUB_OFFLINE")
    monkeypatch.setenv(switch, "1")
    with pytest.raises(SourceError, match=re.escape(says)) as caught:
        encoders.get(name).open()
    assert str(caught.value).endswith("as --weights") and "\n" not in str(caught.value)


def test_a_missing_library_is_named_with_what_installs_it(mine: Encoder) -> None:
    lacking = Encoder(**{**vars(mine), "libraries": ("no_such_library",), "extra": "egemaps"})
    with pytest.raises(LibraryError, match=r"needs no_such_library, not installed; pip install -e '\.\[egemaps\]'"):
        lacking.open()
    assert not lacking.available


def test_a_library_that_does_not_import_is_one_clear_line(mine: Encoder) -> None:
    def load(opening: Opening) -> None:
        raise ModuleNotFoundError("Could not import module") from RuntimeError(
            "operator torchvision::nms does not exist"
        )

    broken = Encoder(**{**vars(mine), "load": load})
    with pytest.raises(LibraryError, match=r"\(operator torchvision::nms does not exist\)") as caught:
        broken.open()
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("error", [RuntimeError("CUDA out of memory\nand more"), KeyError("state"), MemoryError()])
def test_whatever_goes_wrong_in_opening_is_one_clear_line(mine: Encoder, error: Exception) -> None:
    def load(opening: Opening) -> None:
        raise error

    with pytest.raises(InputError, match=f"mine: cannot be opened; got {type(error).__name__}") as caught:
        Encoder(**{**vars(mine), "load": load}).open()
    assert "\n" not in str(caught.value)


def test_wrong_choices_are_refused_before_a_model_is_loaded(tmp_path: Path) -> None:
    with pytest.raises(UnknownNameError, match="unknown precision 'float61'; did you mean 'float16'"):
        encoders.get("clip").open(precision="float61")
    with pytest.raises(InputError, match="device: cuda:99 cannot be used"):
        encoders.get("egemaps").open(device="cuda:99")
    with pytest.raises(InputError, match="device: hpu cannot be used"):
        encoders.get("egemaps").open(device="hpu")
    with pytest.raises(InputError, match="no such file"):
        encoders.get("clip").open(weights=tmp_path / "absent.pth")


def test_weights_are_read_whatever_they_are_wrapped_in(tmp_path: Path) -> None:
    state = {"a": torch.arange(3.0)}
    torch.save({"module": state, "epoch": 3}, tmp_path / "wrapped.pth")
    torch.save(state, tmp_path / "plain.bin")
    save_file(state, tmp_path / "safe.safetensors")
    for name in ("wrapped.pth", "plain.bin", "safe.safetensors"):
        assert checkpoints.read(tmp_path / name)["a"].tolist() == [0, 1, 2]


class Harmful:
    def __reduce__(self):
        return (Path.touch, (Path("harm"),))


@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
def test_files_that_are_no_weights_are_refused_and_never_executed(tmp_path: Path, monkeypatch, suffix: str) -> None:
    monkeypatch.chdir(tmp_path)
    torch.save({"a": Harmful()}, "harmful" + suffix)
    Path("text" + suffix).write_text("hello")
    Path("empty" + suffix).write_bytes(b"")
    for name in ("harmful", "text", "empty"):
        with pytest.raises(InputError, match=f"{name}{suffix}: cannot be read as weights") as caught:
            checkpoints.read(Path(name + suffix))
        assert "\n" not in str(caught.value)
    assert not Path("harm").exists()
    torch.save({"a": 3}, "numbers.pth")
    with pytest.raises(InputError, match="holds no weights"):
        checkpoints.read(Path("numbers.pth"))


def test_other_networks_are_held_to_their_weights_too() -> None:
    layer = torch.nn.Linear(2, 2)
    checkpoints.fill(layer, layer.state_dict(), "here", CPU)
    with pytest.raises(InputError, match=r"1 missing \(bias\) and 1 unexpected \(beta\)"):
        checkpoints.fill(layer, {"weight": torch.ones(2, 2), "beta": torch.ones(2)}, "here", CPU)
    with pytest.raises(InputError, match="weights of other shapes"):
        checkpoints.fill(layer, {"weight": torch.ones(3, 2), "bias": torch.ones(2)}, "here", CPU)


# encoders of others


def test_an_encoder_of_another_package_is_listed_and_opened(mine: Encoder, tmp_path: Path) -> None:
    assert encoders.get("mine") is mine
    assert list(encoders.known()) == [*NAMES, "mine"]
    assert encoders.get("mine").open()(tmp_path / "clip.mov").shape == (3, 2)
    rows = json.loads(CliRunner().invoke(main, ["encoders", "--json"]).stdout)["encoders"]
    assert rows[-1]["name"] == "mine" and rows[-1]["available"]


@pytest.mark.parametrize(
    ("value", "says"),
    [
        ("no_such_module:ENCODER", "cannot be imported; got ModuleNotFoundError"),
        ("blemore.encoders:get", "is not a blemore.encoders.Encoder; got function"),
        ("blemore.encoders.clip:ENCODER", "the id 'clip' is taken"),
        ("tests.encoders.test_registry:YOURS", "is named 'yours'; give entry point and encoder the same name"),
    ],
)
def test_an_entry_that_is_no_new_encoder_is_one_line(monkeypatch: pytest.MonkeyPatch, value: str, says: str) -> None:
    added(monkeypatch, EntryPoint("theirs", value, encoders.GROUP))
    with pytest.raises(InputError, match=re.escape(f"entry point theirs ({value}): {says}")):
        encoders.known()
    assert encoders.get("clip").name == "clip", "the package's own stay usable"


def test_features_of_any_encoder_can_be_trained_on_from_their_file(tmp_path: Path) -> None:
    np.savez(tmp_path / "mine.npz", X=np.ones((1, 2)), filenames=np.array(["a"]))
    parameters.check(encoder="mine", features=str(tmp_path / "mine.npz"))
    parameters.check(encoder="mine+wavlm:sub", features=str(tmp_path / "mine.npz"))
    for encoder in ("", "mi ne", "../mine", "mine+"):
        with pytest.raises(parameters.ParameterError, match="letters, digits"):
            parameters.check(encoder=encoder, features=str(tmp_path / "mine.npz"))
    with pytest.raises(UnknownNameError):
        parameters.check(encoder="mine", features="")


# ready features of the release


def test_ready_features_are_read_in_their_width(tmp_path: Path, monkeypatch) -> None:
    extract = encoders.get("hicmae").open()
    np.save(tmp_path / "one.npy", np.ones(2048))
    np.save(tmp_path / "more.npy", np.ones((3, 2048)))
    assert extract(tmp_path / "one.npy").shape == (1, 2048)
    assert extract(tmp_path / "more.npy").dtype == np.float32
    np.save(tmp_path / "one.npy", np.ones(1024))
    with pytest.raises(InputError, match=r"expected \(T, 2048\); got \(1, 1024\)"):
        extract(tmp_path / "one.npy")
    monkeypatch.delenv("BLEMORE_DATA", raising=False)
    assert not encoders.get("hicmae").available
    (tmp_path / "pre_extracted_train_data" / "HiCMAE_train").mkdir(parents=True)
    monkeypatch.setenv("BLEMORE_DATA", str(tmp_path))
    assert encoders.get("hicmae").available
