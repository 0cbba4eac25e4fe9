"""Taste that shows only in pictures, or only in sounds: found with them, and not without."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from scipy.io import wavfile
from sklearn.metrics import adjusted_rand_score

from fenqun.config import Config
from fenqun.pipeline import run_pipeline
from fenqun.store import Run

USERS, ITEMS, TAKEN, FAMILIES = 160, 1600, 8, 4
RATE = 8000
WORDS = ("new", "good", "small", "first", "best", "other", "fine", "set", "no", "part")

QUICK: dict[str, Any] = {
    "content": {"encoder": "use", "width": 32},
    "behaviour": {"taste": {"epochs": 2, "scales": [20]}},
    "vectors": {"map": "pca", "weights": {"taste": 1, "intent": 0, "rhythm": 0}},
    "segmentation": {"clusterers": ["kmeans"], "k": [FAMILIES]},
    "evaluation": {"bootstrap": 2, "resamples": 100},
    "quality": {"latest": "2024-12-31"},
    "run": {"threads": 1, "seed": 7},
}


def draw(family: int, random: np.random.Generator) -> Any:
    """Stripes of one direction, in any colours and widths: the family is the direction."""
    image = pytest.importorskip("PIL.Image")
    rows, columns = np.mgrid[:40, :40]
    angle = np.pi * family / FAMILIES + random.normal(0, 0.12)
    wave = np.sin(
        (rows * np.sin(angle) + columns * np.cos(angle)) * random.uniform(0.4, 0.9) + random.uniform(0, 6)
    )
    dark, bright = random.integers(0, 256, (2, 3))
    pixels = np.where(wave[..., None] > 0, dark, bright) + random.normal(0, 12, (40, 40, 3))
    return image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8))


def sing(family: int, random: np.random.Generator) -> np.ndarray:
    """A steady tone, a rising one, a beaten one or a noise, of any pitch and loudness."""
    time = np.arange(RATE // 4) / RATE
    pitch = random.uniform(300, 1200)
    phase = 2 * np.pi * pitch * (time if family != 1 else time + 2 * time**2)
    sound = random.standard_normal(len(time)) if family == 3 else np.sin(phase + random.uniform(0, 6))
    beat = (np.sin(2 * np.pi * random.uniform(8, 12) * time) > 0) if family == 2 else 1.0
    return (random.uniform(0.1, 0.5) * (sound * beat + 0.02 * random.standard_normal(len(time)))).astype(np.float32)


def directions(images: Sequence[Any]) -> np.ndarray:
    """How strong edges are in each direction: an encoder that a company might bring."""
    found = []
    for image in images:
        down, right = np.gradient(np.asarray(image.convert("L"), dtype=float))
        bins = np.histogram(np.arctan2(down, right) % np.pi, 12, (0, np.pi), weights=np.hypot(down, right))[0]
        found.append(bins / bins.sum())
    return np.array(found)


Planted = Callable[[str], tuple[dict[str, Any], dict[str, int]]]


@pytest.fixture
def planted(tmp_path: Path) -> Planted:
    """Write a log in which each user takes items of one family, and hardly any item twice."""

    def write(medium: str) -> tuple[dict[str, Any], dict[str, int]]:
        random = np.random.default_rng(5)
        families = random.integers(0, FAMILIES, ITEMS)
        (tmp_path / "files").mkdir()
        names = []
        for item, family in enumerate(families):
            names.append(f"files/{item}.{'png' if medium == 'image' else 'wav'}")
            if medium == "image":
                draw(family, random).save(tmp_path / names[-1])
            else:
                wavfile.write(tmp_path / names[-1], RATE, sing(family, random))
        for item in range(0, ITEMS, 40):  # some are lost, some are damaged
            (tmp_path / names[item]).unlink() if item % 80 else (tmp_path / names[item]).write_bytes(b"damaged")
        titles = [" ".join(random.choice(WORDS, 2)) for _ in range(ITEMS)]
        items = pa.table({"item": np.arange(ITEMS), "title": titles, medium: names})
        pq.write_table(items, tmp_path / "items.parquet")
        types = np.arange(USERS) % FAMILIES
        taken = [random.choice(np.flatnonzero(families == kind), TAKEN, replace=False) for kind in types]
        start = np.datetime64("2024-01-01")
        times = start + random.integers(0, 300 * 86400, USERS * TAKEN).astype("timedelta64[s]")
        users = [f"u{user:03d}" for user in range(USERS)]
        events = {"user": np.repeat(users, TAKEN), "item": np.concatenate(taken), "time": times}
        pq.write_table(pa.table(events), tmp_path / "events.parquet")
        settings = {
            **QUICK,
            "data": {
                "events": {
                    "path": str(tmp_path / "events.parquet"),
                    "user": "user",
                    "item": "item",
                    "time": "time",
                },
                "items": {
                    "path": str(tmp_path / "items.parquet"),
                    "item": "item",
                    "text": ["title"],
                    medium: medium,
                },
            },
        }
        return settings, dict(zip(users, types.tolist(), strict=True))

    return write


def agreement(run: Run, types: dict[str, int]) -> float:
    table = run.read_table("memberships.parquet", ["user_id", "segment_id"]).to_pydict()
    return float(adjusted_rand_score([types[user] for user in table["user_id"]], table["segment_id"]))


def seen(settings: dict[str, Any], **content: str) -> Config:
    return Config.model_validate({**settings, "content": {**settings["content"], **content}})


@pytest.mark.parametrize(("medium", "encoder"), [("image", f"callable:{__name__}:directions"), ("audio", "mel")])
def test_types_that_only_a_medium_shows(planted: Planted, tmp_path: Path, medium: str, encoder: str) -> None:
    settings, types = planted(medium)
    told = run_pipeline(seen(settings, **{medium: encoder}), tmp_path / "told")
    untold = run_pipeline(seen(settings), tmp_path / "untold")
    assert agreement(told, types) > 0.9
    assert agreement(untold, types) < 0.2
    figures = told.stage_record("content").figures
    account = figures["files"][medium]
    assert account["encoded"] == account["items"] - ITEMS // 40 == ITEMS - ITEMS // 40
    assert account["missing"] == account["unreadable"] == ITEMS // 80
    assert not untold.stage_record("content").figures["files"]
