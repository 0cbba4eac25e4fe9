"""The finished run that a new one goes on from: what is read of it, and what its names are."""

from __future__ import annotations

import json
from functools import cached_property
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from fenqun import schema
from fenqun.config import Config
from fenqun.data.sequence_store import SequenceStore
from fenqun.errors import ConfigError, RunError
from fenqun.segmentation.hierarchy import Hierarchy
from fenqun.segmentation.rule import Ints
from fenqun.segmentation.segmentation import Segmentation
from fenqun.settings import load_config
from fenqun.store import Run, digest, file_fingerprint

_READ = (
    "memberships.parquet",
    "profiles.parquet",
    "segmentation",
    "hierarchy",
    "identity.json",
    "work/vectors/final.npy",
)
"""What of the earlier run decides on new segments; names are handed over beside."""


class Earlier:
    """A finished run whose segments a new run goes on from.

    Parameters
    ----------
    path
        Its directory.
    out
        Directory of the new run.

    Raises
    ------
    ConfigError
        If both are the same.
    RunError
        If there is no finished run.
    """

    def __init__(self, path: str | Path, out: Path) -> None:
        if Path(path).resolve() == out.resolve():
            raise ConfigError("a run cannot go on from itself", where=str(path), mend="choose another --out")
        self.run = Run.open(path)

    @classmethod
    def of(cls, config: Config, run: Run) -> Earlier | None:
        """Return the run that the settings name, None where they name none."""
        return None if config.previous is None else cls(config.previous, run.path)

    def fingerprint(self) -> str:
        """Hash of what its segments hand over to new ones, wherever it lies."""
        files = [file for name in _READ for file in _files(self.run.artifact(name))]
        return digest([[file.relative_to(self.run.path).as_posix(), file_fingerprint(file)] for file in files])

    @cached_property
    def config(self) -> Config:
        """Its settings."""
        return load_config(self.run.require("config.yaml"))

    @cached_property
    def segmentation(self) -> Segmentation:
        """What it published."""
        return Segmentation.load(self.run.require("segmentation"))

    @cached_property
    def strategy(self) -> tuple[str, dict[str, object]]:
        """Name and learned state of the strategy that it published."""
        stored = json.loads(self.run.require("segmentation/strategy.json").read_text(encoding="utf-8"))
        return stored["name"], stored["state"]

    @cached_property
    def blocks(self) -> list[str]:
        """Blocks of its user vectors, in order of name."""
        return sorted(self.run.read_json("work/blocks.json")["weights"])

    @cached_property
    def labels(self) -> Ints:
        """Index of each user's segment, in the canonical order of its users."""
        place = {segment: i for i, segment in enumerate(self.segmentation.ids)}
        column = self.run.read_table("memberships.parquet", [schema.SEGMENT])[schema.SEGMENT]
        return np.array([place[segment] for segment in column.to_pylist()], dtype=np.int64)

    @cached_property
    def noise(self) -> npt.NDArray[np.bool_]:
        """Users that its clusterer left out."""
        column = self.run.read_table("memberships.parquet", ["noise"])["noise"]
        return np.asarray(column.to_numpy(), dtype=bool)

    @cached_property
    def users(self) -> pa.Array:
        """Its users in canonical order."""
        return SequenceStore.open(self.run.require("work/sequences")).users

    def shared(self, users: SequenceStore) -> tuple[Ints, Ints]:
        """Return the rows of the users that it shares with a newer log, here and there.

        Raises
        ------
        RunError
            If there are none.
        """
        place = users.user_index(self.users)
        if not (place >= 0).any():
            raise RunError(
                "has no user in common with the new log",
                where=str(self.run.path),
                mend="check that data.events.user names the same ids",
            )
        return np.flatnonzero(place >= 0), place[place >= 0]

    @cached_property
    def hierarchy(self) -> Hierarchy:
        """What lies above and below its segments."""
        return Hierarchy.of(self.run)

    @cached_property
    def levels(self) -> list[dict[str, str | None]]:
        """Macro- and micro-segment of each user, in the canonical order of its users."""
        columns = ["macro_id", "micro_id"]
        if self.hierarchy.empty:
            return [dict.fromkeys(columns)] * len(self.labels)
        rows: list[dict[str, str | None]] = self.run.read_table("memberships.parquet", columns).to_pylist()
        return rows

    @cached_property
    def used(self) -> list[str]:
        """Every id that it or a run before it gave, also those that died."""
        if not self.run.artifact("identity.json").is_file():
            return list(self.segmentation.ids)
        return self.run.read_model("identity.json", schema.Identity).used

    @cached_property
    def named(self) -> dict[str, dict[str, str]]:
        """Both names of each of its segments and where they come from (JSON), by id."""
        columns = [schema.SEGMENT, "name_en", "name_zh", "naming"]
        rows = self.run.read_table("segments.parquet", columns).to_pylist()
        return {row.pop(schema.SEGMENT): row for row in rows}

    @cached_property
    def level_names(self) -> dict[str, dict[str, str]]:
        """Both names of each of its macro- and micro-segments and where they come from (JSON), by id."""
        if not self.run.artifact("hierarchy.parquet").is_file():
            return {}
        columns = [schema.SEGMENT, "name_en", "name_zh", "naming"]
        rows = self.run.read_table("hierarchy.parquet", columns).to_pylist()
        return {row.pop(schema.SEGMENT): row for row in rows}

    def pass_given_names(self, run: Run) -> None:
        """Write the names that persons gave into another run, where it has none of its own for the segment.

        An id is never given to another segment, so the names of those that died can do no harm.
        """
        given = schema.GivenNames()
        for one in (self.run, run):
            if one.artifact("names.json").is_file():
                more = one.read_model("names.json", schema.GivenNames)
                given = more.model_copy(update={"names": given.names | more.names})
        if given.names:
            run.write_json("names.json", given)


def _files(path: Path) -> list[Path]:
    if path.is_dir():
        return sorted(file for file in path.rglob("*") if file.is_file())
    return [path] if path.is_file() else []
