"""Simulated tables as files, block after block, so that memory does not grow with the number of users."""

from __future__ import annotations

import json
import shutil
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import yaml

from fenqun.data.simulation.base import Simulation, Tables
from fenqun.data.simulation.faults import Faults
from fenqun.errors import RunError
from fenqun.progress import Progress, Silent
from fenqun.store import explain_io

SETTINGS, TRUTH, FAULTS = "conf.yaml", "truth.json", "faults.json"


def write_simulation(
    simulation: Simulation, folder: str | Path, *, dirty: bool = False, progress: Progress | None = None
) -> Path:
    """Write a simulated scenario; the same simulation gives the same bytes.

    The folder then holds one Parquet file a table (a row group a block), ``conf.yaml`` for the road, ``truth.parquet``
    (one row a user) and ``truth.json`` (best possible figures and true parameters).

    Parameters
    ----------
    simulation
        What to write.
    folder
        A folder that is not there, or is empty.
    dirty
        Add known faults, and list them in ``faults.json``.
    progress
        Listener.

    Returns
    -------
    Path
        Of the settings.

    Raises
    ------
    RunError
        If the folder holds anything, or cannot be written.
    """
    folder, progress = Path(folder), progress or Silent()
    with explain_io(folder):
        if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
            raise RunError("exists already and is not empty", where=str(folder), mend="choose another -o")
        partial = folder.absolute().with_name(f".partial-{folder.absolute().name}")
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir(parents=True)
        try:
            _write(simulation, partial, Faults(simulation) if dirty else None, progress)
            if folder.is_dir():
                folder.rmdir()
            partial.replace(folder.absolute())
        finally:
            shutil.rmtree(partial, ignore_errors=True)
    return folder / SETTINGS


def _write(simulation: Simulation, folder: Path, faults: Faults | None, progress: Progress) -> None:
    shared = simulation.shared()
    with ExitStack() as files:
        writers: dict[str, pq.ParquetWriter] = {}

        def append(tables: Tables) -> None:
            for name, table in tables.items():
                if name not in writers:
                    writer = pq.ParquetWriter(folder / f"{name}.parquet", table.schema, compression="zstd")
                    writers[name] = files.enter_context(writer)
                writers[name].write_table(table, row_group_size=max(table.num_rows, 1))

        append(faults.shared(shared) if faults else shared)
        for index, tables in enumerate(simulation.stream()):
            append(faults.block(tables, index) if faults else tables)
            progress.note(f"block {index + 1} of {simulation.blocks}")
    truth = pq.read_table(folder / "truth.parquet")
    _write_json(
        folder / TRUTH,
        {
            "scenario": simulation.scenario,
            "users": simulation.users,
            "seed": simulation.seed,
            "best_possible": simulation.figures(truth),
            "parameters": simulation.parameters(),
        },
    )
    if faults:
        _write_json(folder / FAULTS, faults.listing())
    head = f"# Simulated users, seed {simulation.seed}. Who they are stands in truth.parquet and {TRUTH}, which no run reads.\n"
    tree = yaml.safe_dump(simulation.settings(), sort_keys=False, allow_unicode=True)
    (folder / SETTINGS).write_text(f"{head}# {simulation.note}\n{tree}", encoding="utf-8")


def _write_json(path: Path, value: Any) -> None:
    path.write_text(json.dumps(value, ensure_ascii=False, indent=1, allow_nan=False) + "\n", encoding="utf-8")
