"""Networks against the public programs' answers, the published sizes, and what extraction makes of clips."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.utils.flop_counter import FlopCounterMode

from blemore import encoders
from blemore.encoders import checkpoints, clip, egemaps, hubert, imagebind, media, preprocessing, videomaev2, wavlm
from blemore.encoders.extractors import FrameExtractor, SoundExtractor, WindowExtractor
from blemore.encoders.registry import Opening
from blemore.errors import InputError
from tests.conftest import oracle

CPU = Opening("", None, "cpu", "float32")
SIZES = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 2}
TINY_VISION = {**SIZES, "patch_size": 32, "image_size": 224, "projection_dim": 24}
TINY_SOUND = {**SIZES, "conv_dim": (8,) * 7, "num_conv_pos_embeddings": 16, "num_conv_pos_embedding_groups": 2}


@pytest.fixture(autouse=True)
def _no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")


def recorded(name: str) -> tuple[dict[str, torch.Tensor], dict[str, Any], torch.Tensor, np.ndarray]:
    """Weights, configuration, input and output of a public program."""
    held = np.load(oracle(f"encoders/{name}.npz"))
    state = {key.removeprefix("state/"): torch.from_numpy(held[key]) for key in held.files if key.startswith("state/")}
    return state, json.loads(str(held["config"])), torch.from_numpy(held["input"]), held["output"]


def mae_sizes(config: dict[str, Any]) -> dict[str, Any]:
    return {"hidden_size": config["hidden_size"], "num_hidden_layers": config["depth"],
            "num_attention_heads": config["heads"], "patch_size": config["patch_size"],
            "intermediate_size": round(config["hidden_size"] * config["mlp_ratio"]),
            "image_size": config["image_size"], "num_labels": 7}  # fmt: skip


def mae(state: dict[str, torch.Tensor], config: dict[str, Any]) -> Any:
    kind = type(videomaev2.build(**mae_sizes(config)))
    sizes = videomaev2.config(**mae_sizes(config))
    return checkpoints.pretrained(kind, sizes, videomaev2.convert(state), "here", CPU)


@pytest.mark.parametrize("name", ["videomaev2_giant_like", "videomaev2_base_like"])
@pytest.mark.parametrize("prefix", ["", "module.", "model."])
def test_videomae_v2_answers_as_the_public_program(name: str, prefix: str) -> None:
    state, config, given, expected = recorded(name)
    model = mae({prefix + key: value for key, value in state.items()}, config)
    with torch.inference_mode():
        np.testing.assert_allclose(videomaev2.embed(model, given).numpy(), expected, rtol=0, atol=1e-5)


def imagebind_tower(state: dict[str, torch.Tensor], config: dict[str, Any]) -> Any:
    sizes = imagebind.config(hidden_size=config["embed_dim"], num_hidden_layers=config["blocks"],
                             num_attention_heads=config["heads"], intermediate_size=4 * config["embed_dim"],
                             projection_dim=config["out_dim"], patch_size=14, image_size=224)  # fmt: skip
    kind = type(clip.build(**TINY_VISION))
    return checkpoints.pretrained(kind, sizes, imagebind.convert(state), "here", CPU)


def test_imagebind_answers_as_the_public_program_whatever_other_modalities_the_file_holds() -> None:
    state, config, given, expected = recorded("imagebind_vision_tiny")
    model = imagebind_tower({**state, "modality_trunks.audio.blocks.0.norm_1.weight": torch.ones(3)}, config)
    with torch.inference_mode():
        found = imagebind.embed(model, given).numpy()
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-5)
    np.testing.assert_allclose(np.linalg.norm(found, axis=1), 1, rtol=1e-6)


def test_weights_with_missing_or_unknown_keys_are_refused_in_one_line_that_names_them() -> None:
    state, config, _, _ = recorded("videomaev2_base_like")
    lost = {key: value for key, value in state.items() if key != "blocks.0.attn.q_bias"}
    with pytest.raises(
        InputError, match=r"1 missing \(videomae.encoder.layer.0.attention.attention.query.bias\)"
    ) as caught:
        mae(lost, config)
    assert "\n" not in str(caught.value)
    with pytest.raises(InputError, match=r"1 unexpected \(blocks.gamma\)"):
        mae({**state, "blocks.gamma": torch.ones(2)}, config)
    with pytest.raises(InputError, match=r"weights of other shapes; got fc_norm.weight \(3,\), not \(\d+,\); check"):
        mae({**state, "fc_norm.weight": torch.ones(3)}, config)
    state, config, _, _ = recorded("imagebind_vision_tiny")
    with pytest.raises(InputError, match=r"1 unexpected \(modality_heads.vision.9.weight\)"):
        imagebind_tower({**state, "modality_heads.vision.9.weight": torch.ones(2)}, config)


def test_loading_prints_nothing(capfd: pytest.CaptureFixture[str]) -> None:
    state, config, _, _ = recorded("videomaev2_base_like")
    capfd.readouterr()
    mae(state, config)
    assert capfd.readouterr() == ("", "")


def test_clip_takes_the_vision_tower_of_a_whole_clip() -> None:
    from transformers import CLIPConfig, CLIPModel

    text = {**SIZES, "vocab_size": 9}
    whole = CLIPModel(CLIPConfig(text_config=text, vision_config=TINY_VISION, projection_dim=24)).eval()
    kind = type(clip.build(**TINY_VISION))
    state = {**whole.state_dict(), "vision_model.embeddings.position_ids": torch.arange(50)[None]}
    tower = checkpoints.pretrained(kind, clip.config(**TINY_VISION), clip.convert(state), "here", CPU)
    pixels = torch.randn(2, 3, 224, 224, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        expected = whole.get_image_features(pixels).pooler_output
        np.testing.assert_array_equal(tower(pixels).image_embeds, expected)


# sizes

PUBLISHED = {  # millions of parameters, and of the last printed digit
    ("clip", "vit-b-32"): (87.8, 0.1),  # image tower, Radford et al.
    ("imagebind", "huge"): (632, 1),  # ViT-H/14 of Girdhar et al.
    ("videomaev2", "vit-g"): (1013, 1),  # Wang et al., "1B", with the head for 710 classes
    ("videomaev2", "vit-b"): (87, 1),  # Wang et al.
    ("hubert", "large-ll60k"): (317, 2),  # Hsu et al.; the head of its training is not part of it
    ("wavlm", "large"): (316.6, 1.2),  # Chen et al.; as above
}
BUILT = {
    ("clip", "vit-b-32"): partial(clip.build, **clip.VIT_B_32),
    ("imagebind", "huge"): partial(imagebind.build, **imagebind.VIT_H_14),
    ("videomaev2", "vit-g"): partial(videomaev2.build, **videomaev2.VIT_G_14),
    ("videomaev2", "vit-b"): partial(videomaev2.build, **videomaev2.VIT_B_16),
    ("hubert", "large-ll60k"): partial(hubert.build, **hubert.LARGE),
    ("wavlm", "large"): partial(wavlm.build, **hubert.LARGE),
}


@pytest.mark.parametrize(("name", "variant"), BUILT)
def test_full_size_networks_have_as_many_parameters_as_published(name: str, variant: str) -> None:
    with torch.device("meta"):
        model = BUILT[name, variant]()
    count = sum(parameter.numel() for parameter in model.parameters())
    assert count == encoders.get(name).variant(variant).n_parameters
    published, digit = PUBLISHED[name, variant]
    assert count / 1e6 == pytest.approx(published, abs=digit)


ASKED = {  # a second of a clip: what one call takes, and how many calls a second; every 16 frames a window
    "clip": lambda model: (model(torch.zeros(1, 3, 224, 224)), 25),
    "imagebind": lambda model: (model(torch.zeros(1, 3, 224, 224)), 25),
    "videomaev2": lambda model: (videomaev2.embed(model, torch.zeros(1, 16, 3, 224, 224)), 25 / 16),
    "hubert": lambda model: (model(torch.zeros(1, 16_000)), 1),
    "wavlm": lambda model: (model(torch.zeros(1, 16_000)), 1),
}


@pytest.mark.parametrize(("name", "variant"), BUILT)
def test_costs_are_what_a_counter_counts_in_a_second_of_a_clip(name: str, variant: str) -> None:
    with torch.device("meta"):
        model = BUILT[name, variant]().eval()
        with FlopCounterMode(display=False) as counter, torch.no_grad():
            _, calls = ASKED[name](model)
    assert counter.get_total_flops() * calls == encoders.get(name).variant(variant).flops


# sound


@pytest.fixture(params=[hubert, wavlm], ids=["hubert", "wavlm"])
def speech(request: pytest.FixtureRequest) -> SoundExtractor:
    torch.manual_seed(0)
    return SoundExtractor(request.param.build(**TINY_SOUND).eval(), CPU)


@pytest.mark.parametrize(("samples", "rows"), [(400, 1), (719, 1), (720, 2), (16_000, 49), (40_000, 124)])
def test_sound_gives_a_row_each_20_ms(speech: SoundExtractor, samples: int, rows: int) -> None:
    sound = np.random.default_rng(0).normal(0, 0.1, samples).astype(np.float32)
    found = speech.embed(sound, "here")
    assert found.shape == (rows, 32) and found.dtype == np.float32
    assert rows == (samples - 400) // 320 + 1


def test_loudness_and_offset_of_the_sound_do_not_matter(speech: SoundExtractor) -> None:
    sound = np.random.default_rng(0).normal(0, 0.1, 8000).astype(np.float32)
    np.testing.assert_allclose(speech.embed(3 * sound + 0.2, "here"), speech.embed(sound, "here"), atol=1e-3)


def test_too_short_a_sound_is_one_clear_line(speech: SoundExtractor) -> None:
    with pytest.raises(InputError, match=r"clip\.mov: too short a sound; expected 400 samples at 16 kHz; got 399"):
        speech.embed(np.zeros(399, np.float32), "clip.mov")


@pytest.mark.parametrize("prefix", ["", "hubert."])
def test_old_names_of_weights_are_understood(prefix: str) -> None:
    model = hubert.build(**TINY_SOUND).eval()
    new = "parametrizations.weight.original"
    old = {prefix + key.replace(new + "0", "weight_g").replace(new + "1", "weight_v"): value
           for key, value in model.state_dict().items()}  # fmt: skip
    again = checkpoints.pretrained(type(model), hubert.config(**TINY_SOUND), old, "here", CPU)
    sound = torch.randn(1, 4000, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        np.testing.assert_array_equal(again(sound).last_hidden_state, model(sound).last_hidden_state)


@pytest.mark.parametrize(("variant", "shape"), [("functionals", (1, 88)), ("low-level", (96, 25))])
def test_egemaps_gives_its_functionals_or_a_row_each_10_ms(variant: str, shape: tuple[int, int]) -> None:
    extract = encoders.get("egemaps").open(variant=variant)
    assert isinstance(extract, egemaps.AcousticExtractor)
    tone = (0.3 * np.sin(2 * np.pi * 220 * np.arange(16_000) / 16_000)).astype(np.float32)
    found = extract.embed(tone, "here")
    assert found.shape == shape and found.dtype == np.float32
    names = list(extract.smile.feature_names)
    if variant == "low-level":
        pitch = np.median(found[:, names.index("F0semitoneFrom27.5Hz_sma3nz")])
        assert pitch == pytest.approx(36, abs=0.2)  # 220 Hz is three octaves above 27.5 Hz
    with pytest.raises(InputError, match="too short a sound; expected 60 ms or more; got 6 ms"):
        extract.embed(tone[:100], "here")


# pictures


def test_a_still_is_resized_cropped_and_normalised() -> None:
    prepare = preprocessing.clip_still()
    frame = np.zeros((240, 400, 3), np.uint8)
    frame[:, :80] = 255  # left of the crop
    frame[..., 0] = 255
    found = prepare(frame)
    assert found.shape == (3, 224, 224) and found.dtype == torch.float32
    np.testing.assert_allclose(found[0], (1 - 0.48145466) / 0.26862954, rtol=1e-5)
    np.testing.assert_allclose(found[2, :, 10:], -0.40821073 / 0.27577711, rtol=1e-5)


def test_videomae_sees_squashed_frames_in_the_order_of_colours_that_was_asked_for() -> None:
    frame = np.zeros((100, 448, 3), np.uint8)
    frame[:, :224] = (255, 51, 0)
    red, blue = (preprocessing.squashed(frame, bgr=bgr) for bgr in (False, True))
    assert red.shape == (3, 224, 224) and red[:, 0, 0].tolist() == pytest.approx([1, 0.2, 0])
    assert not red[:, :, 120:].any()
    assert torch.equal(blue, red.flip(0))


@given(n=st.integers(1, 40), length=st.integers(1, 9), data=st.data())
def test_windows_hold_every_frame_and_the_last_is_filled(n: int, length: int, data: st.DataObject) -> None:
    step = data.draw(st.integers(1, length))
    found = list(preprocessing.windows(iter(range(1, n + 1)), length, step, lambda item: 0))
    padded = [*range(1, n + 1), *([0] * length)]
    assert found == [padded[step * i : step * i + length] for i in range(len(found))]
    assert {item for window in found for item in window} - {0} == set(range(1, n + 1))
    assert len(found) == 1 + max(0, -((length - n) // step))


@given(n=st.integers(0, 12), depth=st.integers(1, 3), taken=st.integers(0, 12))
def test_looking_ahead_changes_nothing_and_goes_no_further_than_asked(n: int, depth: int, taken: int) -> None:
    made: list[int] = []
    stream = preprocessing.ahead((made.append(i) or i for i in range(n)), depth)
    assert [item for item, _ in zip(stream, range(taken), strict=False)] == list(range(min(n, taken)))
    stream.close()
    assert len(made) <= min(n, taken + 1 + depth)  # zip takes one more


def test_what_goes_wrong_ahead_is_told_in_its_place() -> None:
    def spoilt() -> Iterator[int]:
        yield 1
        raise InputError("clip", "is truncated")

    stream = preprocessing.ahead(spoilt(), 3)
    assert next(stream) == 1
    with pytest.raises(InputError, match="is truncated"):
        next(stream)


class Brightness:
    """A network that answers with a batch's mean brightness, and notes the sizes of batches."""

    def __init__(self) -> None:
        self.sizes: list[int] = []

    def __call__(self, batch: torch.Tensor) -> torch.Tensor:
        self.sizes.append(len(batch))
        return batch.flatten(1).mean(dim=1, keepdim=True)


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """40 frames at 20 a second, each brighter than the one before."""
    path = tmp_path_factory.mktemp("film") / "clip.mp4"
    media.write(path, (np.full((64, 96, 3), 40 + 5 * i, np.uint8) for i in range(40)), rate=20)
    return path


def levels(n: int = 40) -> np.ndarray:
    return np.array([40 + 5 * i for i in range(n)]) / 255


SQUASHED = partial(preprocessing.squashed, bgr=False)


def test_frames_are_embedded_in_order_in_bounded_batches(film: Path) -> None:
    network = Brightness()
    found = FrameExtractor(SQUASHED, network, CPU, batch=16)(film)
    assert network.sizes == [16, 16, 8] and found.dtype == np.float32
    np.testing.assert_allclose(found[:, 0], levels(), atol=0.02)


def test_rows_keep_their_values_though_batches_share_memory(film: Path) -> None:
    found = FrameExtractor(SQUASHED, lambda batch: batch[:, :, 0, 0], CPU, batch=7)(film)
    np.testing.assert_array_equal(found, [SQUASHED(frame)[:, 0, 0] for frame in media.frames(film)])


@given(n=st.integers(0, 20), size=st.integers(1, 6))
def test_stacks_hold_every_item_in_two_places_of_memory(n: int, size: int) -> None:
    found, places = [], set()
    for stack in preprocessing.stacks((torch.full((2,), float(i)) for i in range(n)), size):
        found.append(stack.tolist())
        places.add(stack.data_ptr())
    assert found == [[[i, i] for i in range(start, min(start + size, n))] for start in range(0, n, size)]
    assert len(places) == min(2, len(found))


def test_windows_are_embedded_in_order_and_the_last_is_filled_with_black(film: Path) -> None:
    network = Brightness()
    found = WindowExtractor(SQUASHED, network, CPU, batch=2)(film)
    assert network.sizes == [2, 1]
    expected = [levels()[:16].mean(), levels()[16:32].mean(), levels()[32:].sum() / 16]
    np.testing.assert_allclose(found[:, 0], expected, atol=0.02)


def test_a_short_clip_is_filled_with_black_to_a_length_in_seconds(film: Path) -> None:
    found = WindowExtractor(SQUASHED, Brightness(), CPU, length=16, step=8, seconds=4)(film)
    assert len(found) == 1 + (80 - 16) // 8
    np.testing.assert_allclose(found[4, 0], levels()[32:].sum() / 16, atol=0.02)
    assert not found[5:].any()


def test_a_clip_goes_through_a_whole_tiny_network(film: Path) -> None:
    torch.manual_seed(0)
    tower = clip.build(**TINY_VISION).eval()
    found = FrameExtractor(preprocessing.clip_still(), lambda batch: tower(batch).image_embeds, CPU)(film)
    assert found.shape == (40, 24) and np.isfinite(found).all()
