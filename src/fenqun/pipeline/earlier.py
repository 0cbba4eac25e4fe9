"""The run that a new one goes on from, and how the new segments take over its ids."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from fenqun import schema
from fenqun.config import Config
from fenqun.data.sequence_store import SequenceStore
from fenqun.errors import ConfigError, RunError
from fenqun.explanation.naming import Name
from fenqun.segmentation.alignment import Alignment
from fenqun.segmentation.continuing import go_on, is_choice
from fenqun.segmentation.identity import Flow, Grouping, Identity, identify
from fenqun.segmentation.rule import Floats, Ints
from fenqun.segmentation.segmentation import Segmentation
from fenqun.segmentation.selection import Selection
from fenqun.settings import load_config
from fenqun.store import Run, digest, file_fingerprint

_READ = (
    "memberships.parquet",
    "segments.parquet",
    "segmentation",
    "names.json",
    "identity.json",
    "work/vectors/final.npy",
)
"""What of the earlier run decides on the new one."""


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
        """Hash of what it hands over, wherever it lies."""
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

    @cached_property
    def used(self) -> list[str]:
        """Every id that it or a run before it gave, also those that died."""
        if not self.run.artifact("identity.json").is_file():
            return list(self.segmentation.ids)
        return self.run.read_model("identity.json", schema.Identity).used

    @cached_property
    def rows(self) -> dict[str, dict[str, str]]:
        """Rows of its segments table by id."""
        return {row[schema.SEGMENT]: row for row in self.run.read_table("segments.parquet").to_pylist()}

    def names(self, ids: list[str]) -> dict[int, Name]:
        """Return the names of segments that live on, by their place among ``ids``."""
        return {
            place: Name(self.rows[segment]["name_en"], self.rows[segment]["name_zh"])
            for place, segment in enumerate(ids)
            if segment in self.rows
        }

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


@dataclass(frozen=True)
class Handover:
    """New segments under their ids.

    Attributes
    ----------
    segmentation
        To publish.
    noise
        (n,) users whom the clusterer left out.
    record
        ``identity.json``.
    migration
        ``migration.parquet``.
    """

    segmentation: Segmentation
    noise: npt.NDArray[np.bool_]
    record: schema.Identity
    migration: pa.Table


def hand_over(
    earlier: Earlier, vectors: Floats, selection: Selection, X: Floats, users: SequenceStore, least: int, seed: int
) -> Handover:
    """Fit the chosen clustering from the earlier one and give its segments their ids.

    Parameters
    ----------
    earlier
        The run to go on from.
    vectors
        (m, d) features of its users, in their canonical order.
    selection
        What was chosen on validation time.
    X
        (n, e) features of the new run's users.
    users
        The new run's users, in the order of ``X``.
    least
        Users in the smallest segment.
    seed
        Of the run.

    Raises
    ------
    RunError
        If the runs share no user.
    """
    old = Grouping(earlier.segmentation.ids, earlier.labels, vectors, earlier.segmentation.centroids)
    place = users.user_index(earlier.users)
    shared = np.flatnonzero(place >= 0), place[place >= 0]
    if not len(shared[0]):
        raise RunError(
            "has no user in common with the new log",
            where=str(earlier.run.path),
            mend="check that data.events.user names the same ids",
        )
    same_strategy = earlier.strategy[0] == selection.strategy
    alike = same_strategy and np.array_equal(place, np.arange(users.n_users)) and np.array_equal(vectors, X)
    if alike and is_choice(selection.chosen, earlier.segmentation):
        segmentation, noise, way, why, spread = earlier.segmentation, earlier.noise, "unchanged", "same", None
    else:
        centroids = Alignment.of(vectors[shared[0]], X[shared[1]]).carry(old.centroids)
        going = go_on(
            earlier.segmentation if same_strategy else None, centroids, selection, X, least, seed=seed
        )
        segmentation = Segmentation.from_clusterer(
            going.clusterer, X, name=selection.chosen.clusterer, parameters=selection.chosen.parameters
        )
        noise, way, why, spread = np.asarray(going.clusterer.labels_) < 0, going.way, going.why, going.spread
    new = Grouping(segmentation.ids, segmentation.rule.labels(X), X, segmentation.centroids)
    found = identify(old, new, shared, earlier.used)
    record = _record(earlier, found, len(shared[0]), way, why, spread)
    table = migration(old.ids, old.labels, found.ids, new.labels, shared)
    return Handover(segmentation.renamed(found.ids, found.order), noise, record, table)


def migration(
    old_ids: tuple[str, ...], old: Ints, new_ids: tuple[str, ...], new: Ints, shared: tuple[Ints, Ints]
) -> pa.Table:
    """Return who moved, in the schema of ``migration.parquet``: ordered by id, newcomers first, leavers after those who stay.

    Parameters
    ----------
    old_ids, new_ids
        Names of the segments.
    old, new
        Index of each user's segment in either run.
    shared
        Rows of the users that both runs know.
    """
    came, went = np.ones(len(new), dtype=bool), np.ones(len(old), dtype=bool)
    went[shared[0]], came[shared[1]] = False, False
    counts: Counter[tuple[str | None, str | None]] = Counter(
        zip([old_ids[a] for a in old[shared[0]]], [new_ids[b] for b in new[shared[1]]], strict=True)
    )
    counts.update((old_ids[a], None) for a in old[went])
    counts.update((None, new_ids[b]) for b in new[came])
    before = Counter(old_ids[a] for a in old)
    after = Counter(new_ids[b] for b in new)
    rows = [
        {
            "from_id": first,
            "to_id": second,
            "users": n,
            "share_of_from": None if first is None else n / before[first],
            "share_of_to": None if second is None else n / after[second],
        }
        for (first, second), n in counts.items()
    ]
    rows.sort(key=lambda row: (_key(row["from_id"], first=True), _key(row["to_id"], first=False)))
    return pa.Table.from_pylist(rows, schema=schema.MIGRATION)


def _key(segment: object, *, first: bool) -> tuple[bool, int, str]:
    text = "" if segment is None else str(segment)
    return (segment is not None) == first, len(text), text


def _record(
    earlier: Earlier, found: Identity, n: int, way: str, why: str, spread: float | None
) -> schema.Identity:
    old_ids = earlier.segmentation.ids

    def flow(one: Flow, of: tuple[str, ...], others: tuple[str, ...]) -> schema.SegmentFlow:
        return schema.SegmentFlow(
            segment_id=of[one.segment],
            others=[others[i] for i in one.others],
            shares=[round(share, 6) for share in one.shares],
        )

    return schema.Identity(
        previous=earlier.run.read_manifest().id,
        way=way,  # type: ignore[arg-type]
        why=why,  # type: ignore[arg-type]
        spread=None if spread is None else round(spread, 6),
        matches=[
            schema.SegmentMatch(
                segment_id=old_ids[one.old],
                score=round(one.score, 6),
                jaccard=round(one.jaccard, 6),
                nearness=round(one.nearness, 6),
            )
            for one in found.matches
        ],
        births=[found.ids[b] for b in found.births],
        deaths=[old_ids[a] for a in found.deaths],
        splits=[flow(one, old_ids, found.ids) for one in found.splits],
        merges=[flow(one, found.ids, old_ids) for one in found.merges],
        survived=len(found.matches),
        segments_before=len(old_ids),
        shared_users=n,
        ari=round(found.agreement, 6),
        moved=round(found.moved, 6),
        alignment=round(found.fit, 6),
        used=sorted({*earlier.used, *old_ids, *found.ids}, key=lambda name: (len(name), name)),
    )


def _files(path: Path) -> list[Path]:
    if path.is_dir():
        return sorted(file for file in path.rglob("*") if file.is_file())
    return [path] if path.is_file() else []
