"""Pictures and sounds of items: what an encoder sees of them, and how media are joined where some are missing.

Protocol
--------
types    Users whose taste shows only in one medium. 1,200 items of four families, drawn (stripes of four directions in
         any colours, widths and noise) or sung (steady, rising and beaten tones, noise; any pitch and loudness); 120
         users of four types take 8 items of their family each, so that an item is taken by .8 users on average. A user
         is the mean of their items' vectors (64 wide, whitened), scaled to unit length; k-means with k = 4; ARI with the
         planted types. ``log``: 64 factors of the TF-IDF weighted log (SVD) in the place of item vectors.
         Mean of the seeds and their standard deviation.
joining  Items of two media, raw vectors 300 and 500 wide: 20 directions of one of six families a medium, 40 of nothing in
         particular, noise. With chance ``shared`` an item is of the same family in both; with chance ``missing``
         it lacks a medium, each for itself. Share of the ten nearest items (of those with any medium) that are of an
         item's family, mean of both media's families, of the items that have the medium. Rows: each medium whitened to
         half the width, side by side, zero where missing (``side by side``); the same scaled to unit length (``unit``);
         each whitened to the full width, and the principal components of both (``components``); what the road does
         (``joined``): side by side, and what is missing told by what is there where that helps. 64 wide, 800 items.

Run
---
python benchmarks/media.py [--part types joining] [--seeds 5] [--fast] [--again]

Cells that the results file has are kept unless --again. --fast takes one seed. Encoders that are not installed are
left out.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
from scipy import sparse
from scipy.io import wavfile
from sklearn.cluster import KMeans
from sklearn.decomposition import TruncatedSVD
from sklearn.metrics import adjusted_rand_score

from fenqun.behaviour.weighting import inverse_document_frequency, unit_rows, weigh_users
from fenqun.config import Content
from fenqun.content.items import embed_items
from fenqun.content.joining import Joining, Told
from fenqun.content.whitening import Whitening
from fenqun.errors import MissingExtraError

RESULTS = Path(__file__).parent / "results" / "media.json"
USERS, ITEMS, TAKEN, FAMILIES, WIDTH, RATE = 120, 1200, 8, 4, 64, 8000
ENCODERS = {"image": ("efficientnet-lite0",), "audio": ("mel", "resemblyzer")}
NEAREST, JOINED_ITEMS, KINDS = 10, 800, 6


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--part", nargs="+", choices=("types", "joining"), default=["types", "joining"])
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--fast", action="store_true")
    parser.add_argument("--again", action="store_true")
    options = parser.parse_args()
    seeds = range(1 if options.fast else options.seeds)
    cells: dict[str, Any] = json.loads(RESULTS.read_text(encoding="utf-8")) if RESULTS.is_file() else {}
    if options.again:
        cells = {key: cell for key, cell in cells.items() if key.split("/")[0] not in options.part}
    todo: dict[str, Callable[[int], dict[str, float]]] = {}
    if "types" in options.part:
        todo["types/log"] = types_by_log
        for medium, encoders in ENCODERS.items():
            todo |= {f"types/{medium}/{name}": types_by(medium, name) for name in encoders}
    if "joining" in options.part:
        for shared in (0.0, 0.7, 1.0):
            for missing in (0.0, 0.3, 0.6):
                todo[f"joining/shared {shared:g}/missing {missing:g}"] = joined_items(shared, missing)
    for name, measure in todo.items():
        for seed in seeds:
            if f"{name}/{seed}" in cells:
                continue
            try:
                cells[f"{name}/{seed}"] = measure(seed)
            except MissingExtraError as error:
                print(f"{name:34} left out: {error}")
                break
            RESULTS.write_text(json.dumps(cells, indent=1) + "\n", encoding="utf-8")
        found = [cells[f"{name}/{seed}"] for seed in seeds if f"{name}/{seed}" in cells]
        for what in found[0] if found else ():
            values = [cell[what] for cell in found]
            print(
                f"{name:34} {what:18} {np.mean(values):8.3f} ± {np.std(values):.3f}  {len(values)} seeds",
                flush=True,
            )


# -- types of users ----------------------------------------------------------------------------


def draw(family: int, random: np.random.Generator) -> Any:
    from PIL import Image

    rows, columns = np.mgrid[:64, :64]
    angle = np.pi * family / FAMILIES + random.normal(0, 0.12)
    wave = np.sin(
        (rows * np.sin(angle) + columns * np.cos(angle)) * random.uniform(0.25, 0.7) + random.uniform(0, 6)
    )
    dark, bright = random.integers(0, 256, (2, 3))
    pixels = np.where(wave[..., None] > 0, dark, bright) + random.normal(0, 12, (64, 64, 3))
    return Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8))


def sing(family: int, random: np.random.Generator) -> np.ndarray:
    seconds = np.arange(RATE) / RATE
    pitch = random.uniform(300, 1200)
    phase = 2 * np.pi * pitch * (seconds if family != 1 else seconds + seconds**2)
    sound = random.standard_normal(RATE) if family == 3 else np.sin(phase + random.uniform(0, 6))
    beat = (np.sin(2 * np.pi * random.uniform(8, 12) * seconds) > 0) if family == 2 else 1.0
    return (random.uniform(0.1, 0.5) * (sound * beat + 0.02 * random.standard_normal(RATE))).astype(np.float32)


def planted(seed: int) -> tuple[np.random.Generator, np.ndarray, np.ndarray, sparse.csr_matrix]:
    """Families of items, types of users, and what users took."""
    random = np.random.default_rng([seed, 31])
    families = random.integers(0, FAMILIES, ITEMS)
    types = np.arange(USERS) % FAMILIES
    taken = [random.choice(np.flatnonzero(families == kind), TAKEN, replace=False) for kind in types]
    place = (np.repeat(np.arange(USERS), TAKEN), np.concatenate(taken))
    return random, families, types, sparse.csr_matrix((np.ones(USERS * TAKEN), place), shape=(USERS, ITEMS))


def agreement(vectors: np.ndarray, types: np.ndarray, seed: int) -> float:
    labels = KMeans(FAMILIES, n_init=10, random_state=seed).fit_predict(unit_rows(vectors))
    return float(adjusted_rand_score(types, labels))


def types_by_log(seed: int) -> dict[str, float]:
    _, _, types, counts = planted(seed)
    weights = weigh_users(counts, "binary", inverse_document_frequency(counts))
    return {"ari": agreement(TruncatedSVD(WIDTH, random_state=seed).fit_transform(weights), types, seed)}


def types_by(medium: str, encoder: str) -> Callable[[int], dict[str, float]]:
    def measure(seed: int) -> dict[str, float]:
        random, families, types, counts = planted(seed)
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            paths = [folder / f"{item}.{'png' if medium == 'image' else 'wav'}" for item in range(ITEMS)]
            for path, family in zip(paths, families, strict=True):
                if medium == "image":
                    draw(family, random).save(path)
                else:
                    wavfile.write(path, RATE, sing(family, random))
            config = Content(encoder="none", width=WIDTH, **{medium: encoder})
            start = time.process_time()
            made = embed_items(config, [None] * ITEMS, folder / "cache", files={medium: paths})  # type: ignore[dict-item]
            seconds = time.process_time() - start
        return {"ari": agreement(counts @ made.vectors, types, seed), "files per CPU second": ITEMS / seconds}

    return measure


# -- joining -----------------------------------------------------------------------------------


def joined_items(shared: float, missing: float) -> Callable[[int], dict[str, float]]:
    def measure(seed: int) -> dict[str, float]:
        random = np.random.default_rng([seed, 32])
        families = random.integers(0, KINDS, (JOINED_ITEMS, 2))
        same = random.random(JOINED_ITEMS) < shared
        families[same, 1] = families[same, 0]
        media: dict[str, Told] = {}
        for column, (name, width) in enumerate((("text", 300), ("image", 500))):
            family = random.standard_normal((KINDS, 20))[families[:, column]]
            else_ = 1.5 * random.standard_normal((JOINED_ITEMS, 40)) * np.linspace(2, 0.3, 40)
            latent = np.hstack([family, else_])
            raw = latent @ random.standard_normal((60, width)) / np.sqrt(60)
            raw += 0.3 * random.standard_normal(raw.shape) + 3 * random.standard_normal(width)
            present = random.random(JOINED_ITEMS) >= missing
            media[name] = Told(raw[present], np.where(present, np.cumsum(present) - 1, -1))
        return {name: family_share(vectors, families, media) for name, vectors in ways(media).items()}

    return measure


def ways(media: dict[str, Told]) -> dict[str, np.ndarray]:
    halves = np.hstack([whitened(told, WIDTH // 2) for told in media.values()])
    both = unit_rows(np.hstack([whitened(told, WIDTH) for told in media.values()]))
    centred = both - both.mean(axis=0)
    _, _, axes = np.linalg.svd(centred, full_matrices=False)
    return {
        "side by side": halves,
        "unit": unit_rows(halves),
        "components": unit_rows(centred @ axes[:WIDTH].T),
        "joined": Joining.fit(media, WIDTH).transform(media),
    }


def whitened(told: Told, width: int) -> np.ndarray:
    part = np.zeros((len(told.place), width))
    part[told.present] = Whitening.fit(told.vectors, width).transform(told.vectors)
    return part


def family_share(vectors: np.ndarray, families: np.ndarray, media: dict[str, Told]) -> float:
    closeness = vectors @ vectors.T
    np.fill_diagonal(closeness, -np.inf)
    closeness[:, ~np.logical_or.reduce([told.present for told in media.values()])] = -np.inf
    nearest = np.argsort(-closeness, axis=1, kind="stable")[:, :NEAREST]
    shares = []
    for column, told in enumerate(media.values()):
        rows = told.present
        shares.append((families[nearest[rows], column] == families[rows, column][:, None]).mean())
    return float(np.mean(shares))


if __name__ == "__main__":
    main()
