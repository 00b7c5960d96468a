"""Video Swin by torchvision, in a process of its own.

torchvision lies apart (``.venv/torchvision``, see the Makefile): its wheel does not import beside a CPU build of
torch, since two operators are missing. None is of use here; the process below declares their names.
"""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from blemore import encoders
from blemore.encoders import LibraryError, media, videoswin
from tests.conftest import ROOT, SHARED, oracle

APART = Path(sys.prefix) / "torchvision"
WHERE = (APART / "torchvision").is_dir() or importlib.util.find_spec("torchvision") is not None

PROGRAM = """
import json, sys
import numpy as np, torch
from torch.utils.flop_counter import FlopCounterMode
if torch.version.cuda is None:
    names = torch.library.Library("torchvision", "DEF")
    for name in ("nms", "qnms"):
        names.define(f"{name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
from blemore import encoders; from blemore.encoders import trial_run as rehearsal
from blemore.encoders import checkpoints, videoswin
from blemore.encoders.registry import Opening

oracle, film, tiny = sys.argv[1:]
choices, video, answer = encoders.get("videoswin").choices, videoswin.library(), {}

def public_program():
    held = np.load(oracle)
    state = {"module." + key[6:]: torch.from_numpy(held[key]) for key in held.files if key.startswith("state/")}
    config = json.loads(str(held["config"]))
    sizes = {key: config[key] for key in ("patch_size", "embed_dim", "depths", "num_heads", "window_size", "num_classes")}
    model = checkpoints.fill(videoswin.build(**sizes), videoswin.convert(state), "here", Opening("", None, "cpu", "float32"))
    with torch.inference_mode():
        found = videoswin.embed(model, torch.from_numpy(held["input"]).transpose(1, 2)).numpy()
    assert found.shape == held["output"].shape
    return float(np.abs(found - held["output"]).max())

def size(choice):
    name = choice.name.removesuffix("-unpadded")
    weights = getattr(video, videoswin._WEIGHTS[name]).KINETICS400_V1
    with torch.device("meta"):
        model = getattr(video, name.replace("swin-", "swin3d_"))().eval()
        with FlopCounterMode(display=False) as counter, torch.inference_mode():
            videoswin.embed(model, torch.zeros(1, 32, 3, 224, 224))
    flops = counter.get_total_flops() * 25 / 16  # a window begins every 16 frames
    count = sum(p.numel() for p in model.parameters())
    return [count, model.num_features, weights.url, weights.meta["num_params"], flops]

def preparation():
    frames = torch.randint(0, 255, (3, 90, 120, 3), dtype=torch.uint8)
    preset = video.Swin3D_T_Weights.KINETICS400_V1.transforms()
    one = torch.stack([videoswin.prepare(frame.numpy(), preset) for frame in frames])
    return float((one.transpose(0, 1) - preset(frames.permute(0, 3, 1, 2))).abs().max())

def extraction():
    kind = lambda: videoswin.build(patch_size=[2, 4, 4], embed_dim=12, depths=[1, 1], num_heads=[3, 6], window_size=[2, 7, 7])
    video.swin3d_t = kind
    torch.save({"module." + key: value for key, value in kind().state_dict().items()}, tiny)
    return encoders.get("videoswin").open(variant="swin-t", weights=tiny)(film).tolist()

def offline():
    try:
        encoders.get("videoswin").open()
    except Exception as error:
        return [type(error).__name__, str(error)]

answer["shallow"] = rehearsal.shallow("videoswin")(film).shape
answer["oracle"] = public_program() if oracle else None
answer["sizes"] = {choice.name: size(choice) for choice in choices}
answer["preparation"] = preparation()
answer["rows"] = extraction()
answer["offline"] = offline()
print(json.dumps(answer))
"""


@pytest.fixture(scope="module")
def answer(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What the program above finds; one process for all tests, since it takes seconds to start."""
    if not WHERE:
        pytest.skip("needs torchvision (make setup installs it)")
    folder = tmp_path_factory.mktemp("swin")
    media.write(folder / "clip.mp4", (np.full((64, 96, 3), 5 * i, np.uint8) for i in range(12)), rate=8)
    recorded = SHARED / "oracles" / "encoders" / "videoswin_tiny.npz"
    own = {
        "PYTHONPATH": os.pathsep.join([str(ROOT), str(APART)]),
        "BLEMORE_OFFLINE": "1",
        "OMP_NUM_THREADS": "1",
        "BLEMORE_CACHE": str(folder),
    }
    ended = subprocess.run(
        [sys.executable, "-c", PROGRAM, recorded if recorded.exists() else "", folder / "clip.mp4", folder / "tiny.pth"],
        capture_output=True, text=True, cwd=ROOT, env=os.environ | own,
    )  # fmt: skip
    assert ended.returncode == 0, ended.stderr
    found: dict[str, Any] = json.loads(ended.stdout)
    return found


def test_it_answers_as_the_public_program(answer: dict[str, Any]) -> None:
    oracle("encoders/videoswin_tiny.npz")
    assert answer["oracle"] <= 1e-5


def test_full_size_networks_and_addresses_are_those_of_torchvision(answer: dict[str, Any]) -> None:
    choices = encoders.get("videoswin").choices
    assert answer["sizes"] == {
        one.name: [one.n_parameters, one.dim, one.checkpoint, one.n_parameters, one.flops] for one in choices
    }
    published = {"swin-t": 28.2, "swin-s": 49.8, "swin-b": 88.1}  # millions, Liu et al.
    for one in choices:
        assert one.n_parameters / 1e6 == pytest.approx(published[one.name.removesuffix("-unpadded")], abs=0.06)


def test_a_clip_is_filled_with_black_to_ten_seconds(answer: dict[str, Any]) -> None:
    rows = np.array(answer["rows"])
    assert rows.shape == (1 + (80 - 32) // 16, 24)
    assert np.ptp(rows[1:], axis=0).max() < 1e-6, "windows beyond the clip all show black"
    assert np.ptp(rows[:2], axis=0).max() > 1e-6


def test_small_network_gives_the_width_and_the_rate_of_the_encoder(answer: dict[str, Any]) -> None:
    assert answer["shallow"] == [1 + (80 - 32) // 16, encoders.get("videoswin").dim]


def test_one_frame_after_the_other_is_prepared_as_all_at_once(answer: dict[str, Any]) -> None:
    assert answer["preparation"] == 0


def test_without_network_one_line_says_what_to_download(answer: dict[str, Any]) -> None:
    kind, line = answer["offline"]
    assert kind == "SourceError"
    assert "download https://download.pytorch.org/models/swin3d_b_1k-24f7c7c6.pth" in line


def test_a_torchvision_of_another_torch_is_one_clear_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torchvision", None)  # importing it fails
    with pytest.raises(LibraryError, match="from one and the same index") as caught:
        videoswin.library()
    assert "\n" not in str(caught.value)
