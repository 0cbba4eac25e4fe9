"""Other libraries' models, each run in a virtual environment of its own, and the user vectors that they give.

The environments are made from the pinned files beside this module, at the first use, under ``.cache/peers``:
``NAME.txt`` is installed with its dependencies, then ``NAME.no-deps.txt`` without (its own pins cannot be met
together). Nothing of a peer is imported here: a script of this folder runs inside the environment and data
goes in and out through files.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import venv
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

HERE = Path(__file__).parent
ENVIRONMENTS = HERE.parents[1] / ".cache" / "peers"
COLUMNS = ("user", "item", "event_type", "value", "time")

Peer = Literal["coles", "sasrec", "bert4rec"]
PEERS: dict[Peer, tuple[str, str]] = {
    "coles": ("lifestream", "train_coles.py"),
    "sasrec": ("rectools", "train_sequential.py"),
    "bert4rec": ("rectools", "train_sequential.py"),
}
"""Environment and script of each peer."""


def environment(name: str) -> Path:
    """Return the interpreter of a peer's environment; make the environment where it is missing or outdated.

    Parameters
    ----------
    name
        ``rectools`` or ``lifestream``: the requirement files are ``NAME.txt`` and ``NAME.no-deps.txt``.

    Raises
    ------
    subprocess.CalledProcessError
        If a package cannot be installed.
    """
    folder = ENVIRONMENTS / name
    stamp = folder / "made_from.txt"
    wanted = "".join(path.read_text(encoding="utf-8") for path in _requirements(name))
    ENVIRONMENTS.mkdir(parents=True, exist_ok=True)
    with (ENVIRONMENTS / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # two benchmarks may ask for the same environment at the same time
        python = folder / "bin" / "python"
        if not stamp.is_file() or stamp.read_text(encoding="utf-8") != wanted:
            print(f"making the environment {folder}", file=sys.stderr, flush=True)
            shutil.rmtree(folder, ignore_errors=True)
            venv.create(folder, with_pip=True)
            for path in _requirements(name):
                how = ["--no-deps"] if path.name.endswith(".no-deps.txt") else []
                subprocess.run([python, "-m", "pip", "install", "--quiet", *how, "-r", path], check=True)
            stamp.write_text(wanted, encoding="utf-8")
        return python


def _requirements(name: str) -> list[Path]:
    paths = [HERE / f"{name}.txt", HERE / f"{name}.no-deps.txt"]
    return [path for path in paths if path.is_file()]


def run_inside(name: str, script: str, settings: Mapping[str, Any], threads: int) -> None:
    """Run a script of this folder inside an environment.

    Parameters
    ----------
    name
        The environment.
    script
        A file of this folder; it gets the settings as JSON in its only argument.
    settings
        What the script reads.
    threads
        Threads of BLAS and torch.

    Raises
    ------
    RuntimeError
        If the script fails; the message ends with what it printed last.
    """
    number = str(threads)
    inside = {key: value for key, value in os.environ.items() if key not in ("PYTHONPATH", "VIRTUAL_ENV")}
    inside |= {"OMP_NUM_THREADS": number, "OPENBLAS_NUM_THREADS": number, "MKL_NUM_THREADS": number}
    command = [str(environment(name)), "-W", "ignore", str(HERE / script), json.dumps(dict(settings))]
    done = subprocess.run(command, env=inside, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{script} failed inside {name}:\n{done.stdout[-2000:]}\n{done.stderr[-4000:]}")


def peer_vectors(
    name: Peer,
    events: pa.Table,
    n_users: int,
    n_items: int,
    seed: int,
    seconds: int,
    threads: int,
    cache: Path,
) -> np.ndarray:
    """Train a peer for at most ``seconds`` and return its user vectors.

    Parameters
    ----------
    name
        ``coles`` (pytorch-lifestream, GRU-128), ``sasrec`` or ``bert4rec`` (RecTools, width 128).
    events
        Columns ``user``, ``item``, ``event_type`` (int), ``value`` (float, may be missing) and ``time`` (epoch
        seconds), sorted by user, then time.
    n_users, n_items
        Users are 0 to n_users - 1, items 0 to n_items - 1.
    seed
        Of initial weights, batches and slices.
    seconds
        Of training, at most: processor time divided by threads, which is wall-clock on an idle machine.
    threads
        Threads inside the peer's process.
    cache
        Folder where results are kept, by a hash of everything that they depend on. Beside each lies a JSON file
        with what training did.

    Returns
    -------
    ndarray, float32 (n_users, d)
        CoLES' embedding of the sequence, or the last state of SASRec and BERT4Rec; a user without events, or
        without an item that training knows, has zeros.
    """
    settings = {"model": name, "n_users": n_users, "n_items": n_items, "seed": seed, "seconds": seconds}
    return trained(name, events, settings, threads, cache)[0]["users"]


def trained(
    name: Peer, events: pa.Table, settings: Mapping[str, Any], threads: int, cache: Path
) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """Train a peer as :func:`peer_vectors`, with any settings that its script reads.

    Returns
    -------
    (arrays, done)
        All arrays that the script wrote, and what training did: steps, seconds, the validation figure at each check.
    """
    where, script = PEERS[name]
    events = events.select(COLUMNS).cast(SCHEMA).combine_chunks()
    key = _key(where, script, events, {**settings, "threads": threads})
    kept = cache / f"{name}-{key}.npz"
    if not kept.is_file():
        cache.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=cache) as folder:
            pq.write_table(events, Path(folder) / "events.parquet")
            run_inside(where, script, {**settings, "threads": threads, "folder": folder}, threads)
            (Path(folder) / "done.json").replace(kept.with_suffix(".json"))
            (Path(folder) / "arrays.npz").replace(kept)
    with np.load(kept) as arrays:
        found = {part: arrays[part] for part in arrays.files}
    return found, json.loads(kept.with_suffix(".json").read_text(encoding="utf-8"))


SCHEMA = pa.schema(
    {
        "user": pa.int64(),
        "item": pa.int64(),
        "event_type": pa.int64(),
        "value": pa.float32(),
        "time": pa.int64(),
    }
)


def _key(where: str, script: str, events: pa.Table, settings: Mapping[str, Any]) -> str:
    """Hash what a result depends on: the events, the settings, the scripts and the pinned packages."""
    found = hashlib.sha256(json.dumps(dict(settings), sort_keys=True).encode())
    for path in (HERE / script, HERE / "training.py", *_requirements(where)):
        found.update(path.read_bytes())
    for column in events.columns:
        found.update(np.ascontiguousarray(column.to_numpy(zero_copy_only=False)).tobytes())
    return found.hexdigest()[:20]
