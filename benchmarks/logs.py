"""Logs of the representation benchmark: events before a cut, taken through the road's own data stages.

A *raw log* is all events of a data set as they come. A log that is cut has a moment a user; what lies at or after it
is only looked at by `tasks`, and a truncated log is written from the rest, together with settings that name no user
table: neither attributes nor labels can reach a vector. Where users have cuts of their own, whole clocks are moved
by whole days so that every cut falls on one midnight: hours keep their meaning, and recency is counted from the cut.
"""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pv
import pyarrow.parquet as pq
import yaml

from fenqun.config import Config, Source
from fenqun.data.datasets import NAMES, prepare
from fenqun.data.reading.located import local_files
from fenqun.pipeline.content import embed_content
from fenqun.pipeline.context import Context
from fenqun.pipeline.phases import Phases
from fenqun.pipeline.reading import make_profiles, read_data
from fenqun.progress import Silent
from fenqun.settings import load_config, settings_tree
from fenqun.store import Run

DAY = 86_400
CONFIGS = Path(__file__).parents[1] / "configs"


@dataclass(frozen=True)
class Raw:
    """All events of a data set.

    Attributes
    ----------
    user, item
        Text; ``item`` is None where the log has no catalogue.
    time
        int64: whole seconds of the source's clock.
    columns
        Everything else that the settings name (value, event type, quantity, session, contexts), as it came.
    epochs
        Whether the times are UTC epochs, and not days or clock times in the zone that the settings name.
    config, path
        Settings of the data set, and where they lie.
    """

    user: np.ndarray
    item: np.ndarray | None
    time: np.ndarray
    columns: pa.Table
    epochs: bool
    config: Config
    path: Path

    def select(self, kept: np.ndarray) -> Raw:
        """Return some of the events."""
        item = None if self.item is None else self.item[kept]
        columns = self.columns.filter(pa.array(kept))
        return replace(self, user=self.user[kept], item=item, time=self.time[kept], columns=columns)

    def value(self) -> np.ndarray:
        """Value of each event; missing is 0."""
        name = self.config.data.events.value
        column = pc.fill_null(pc.cast(self.columns[name], pa.float64()), 0.0)
        return np.nan_to_num(column.to_numpy())


def settings_path(name: str, data: Path) -> Path | None:
    """Return the settings of a data set, made ready in its folder; None where its files are not here."""
    if name in NAMES:
        return prepare(name, data / name)
    path = CONFIGS / f"{name}.yaml"
    return path if Path(str(load_config(path).data.events.path)).is_file() else None


def read_raw(path: Path) -> Raw:
    """Read a data set's events; what the settings exclude is left out later, by the road."""
    config = load_config(path)
    log = config.data.events
    named = [log.value, log.event_type, log.quantity, log.session, *log.context]
    others = [column for column in named if column is not None]
    table = read(log, [log.user, log.time, *([log.item] if log.item else []), *others])
    item = as_text(table[log.item]) if log.item else None
    time = table[log.time]
    epochs = pa.types.is_integer(time.type)
    return Raw(as_text(table[log.user]), item, seconds(time), table.select(others), epochs, config, path)


def read(source: Source, columns: Sequence[str]) -> pa.Table:
    """Read columns of a Parquet or CSV source; ids of a CSV stay text."""
    (file,) = local_files(source, "benchmark")
    if file.suffix == ".parquet":
        return pq.read_table(file, columns=list(columns))
    options = pv.ConvertOptions(column_types=dict.fromkeys(columns, pa.string()), include_columns=list(columns))
    return pv.read_csv(file, convert_options=options)


def as_text(column: pa.ChunkedArray) -> np.ndarray:
    """Ids as text; missing is empty."""
    return pc.fill_null(pc.cast(column, pa.string()), "").to_numpy().astype(str)


def seconds(column: pa.ChunkedArray) -> np.ndarray:
    """Times as whole seconds: epochs stay, days and clock times count from 1970."""
    if pa.types.is_integer(column.type):
        return column.to_numpy().astype(np.int64)
    if pa.types.is_string(column.type):
        column = pc.strptime(column, "%Y-%m-%d", "s")
    return pc.cast(pc.cast(column, pa.timestamp("s"), safe=False), pa.int64()).to_numpy()


def align(raw: Raw, cut: np.ndarray) -> tuple[Raw, int]:
    """Move each user's clock by whole days so that their cut, a midnight, falls on the latest of the cuts.

    Parameters
    ----------
    cut
        int64, one an event: the cut of its user.
    """
    now = int(cut.max())
    if ((now - cut) % DAY).any():
        raise ValueError("cuts of users must be the same time of day")
    return replace(raw, time=raw.time + (now - cut)), now


def take_road(raw: Raw, folder: Path, threads: int = 1) -> Phases:
    """Write events as a data set of its own and take it through reading, splits, profiles and item vectors.

    A folder that was finished before is opened as it is.
    """
    run_folder = folder / "run"
    if not (folder / "done").is_file():
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        settings = write_log(raw, folder)
        context = Context(load_config(settings, [f"run.threads={threads}"]), Run.create(run_folder), Silent())
        try:
            for stage in (read_data, make_profiles, embed_content):
                stage(context)
        finally:
            context.close()
        (folder / "done").touch()
    return Phases(load_config(folder / "log.yaml"), Run(run_folder))


def write_log(raw: Raw, folder: Path, *, described: bool = False) -> Path:
    """Write the events and settings that read them; the catalogue is the data set's.

    Users have no table and no links, unless they are ``described``: then labels are attributes like others.
    """
    log = raw.config.data.events
    columns = {log.user: pa.array(raw.user.tolist()), log.time: pa.array(raw.time).cast(pa.timestamp("s"))}
    if log.item and raw.item is not None:
        columns[log.item] = pa.array(raw.item.tolist())
    columns |= {name: raw.columns[name] for name in raw.columns.column_names}
    # A row order of our own choice, so that nothing can hang on how the source was sorted.
    order = np.lexsort((raw.item if raw.item is not None else raw.time, raw.time, raw.user))
    pq.write_table(pa.table(columns).take(pa.array(order)), folder / "events.parquet", compression="zstd")
    tree = settings_tree(raw.path)
    data = tree["data"]
    data["events"] |= {"path": str(folder.resolve() / "events.parquet"), "time_format": "auto"}
    if raw.epochs:
        data["events"]["time_zone"] = "UTC"
    labels = tree.pop("labels", None) or []
    if described and "users" in data:
        data["users"]["attributes"] = [*data["users"].get("attributes", []), *labels]
    for table in () if described else ("users", "links"):
        data.pop(table, None)
    path = folder / "log.yaml"
    path.write_text(yaml.safe_dump(tree, sort_keys=False), encoding="utf-8")
    return path
