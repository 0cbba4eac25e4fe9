"""Impressions that may judge: those after the last event that was learned from, with the segments of their users."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from scipy.optimize import linear_sum_assignment

from fenqun import schema
from fenqun.data.splits import Phase, epoch, iso
from fenqun.evaluation.intervals import Floats, Ints
from fenqun.pipeline.describing import published_labels
from fenqun.pipeline.phases import Phases

TABLE = "work/impressions.parquet"
LEAST_OVERLAP = 0.35
"""Least Jaccard index of users by which a segment as of the cut is called by the id of a published one."""

Flags = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Shown:
    """Impressions in an order of content.

    Attributes
    ----------
    user
        (n,) code of the user; those without events come after the others.
    row
        (n,) place among the active users of the phase, -1 for users that no segment holds.
    item
        (n,) place in the catalogue of the run, -1 for items that it does not know.
    policy
        (n,) code, index of ``policies``; -1 where the log names none.
    converted, value
        None where the log has no such column.
    """

    user: Ints
    row: Ints
    item: Ints
    position: Ints
    clicked: Floats
    converted: Floats | None
    value: Floats | None
    propensity: Floats
    policy: Ints
    policies: tuple[str, ...]

    def __len__(self) -> int:
        """Return the number of impressions."""
        return len(self.user)

    def outcomes(self) -> dict[str, Floats]:
        """Return what is judged, by metric, (n,) each; a missing value counts as nothing."""
        found = {"ctr": self.clicked}
        if self.converted is not None:
            found["conversion"] = self.converted
        if self.value is not None:
            found["value"] = self.value
        return found

    def where(self, kept: Flags | Ints) -> Shown:
        """Return some of the impressions, by flags or by places."""
        arrays: dict[str, Any] = {
            name: None if (array := getattr(self, name)) is None else array[kept]
            for name in ("user", "row", "item", "position", "clicked", "converted", "value", "propensity", "policy")
        }
        return replace(self, **arrays)

    def by_policy(self) -> list[tuple[str | None, Shown]]:
        """Return all impressions, then those of each policy where there are several."""
        parts: list[tuple[str | None, Shown]] = [(None, self)]
        if len(np.unique(self.policy)) > 1:
            parts += [
                (name, self.where(self.policy == code))
                for code, name in enumerate(self.policies)
                if (self.policy == code).any()
            ]
        return parts


@dataclass(frozen=True)
class Cut:
    """Which fit is judged, and from when on.

    Where one cut divides the time of all users, that is the fit that ends at the start of the test time. Where each user
    has a cut of their own, other users' later events are known to it, so only what comes after the whole log can judge,
    and it judges the published fit.
    """

    phase: Phase
    second: int

    @classmethod
    def of(cls, phases: Phases) -> Cut:
        """Return the cut of a run."""
        splits = phases.splits
        if splits.method == "time":
            return cls("judge", epoch(splits.test_start))
        return cls("final", epoch(splits.as_of) + 1)

    @property
    def told(self) -> str:
        """First second that may judge, ISO 8601."""
        return iso(self.second)


def shown_after(phases: Phases, cut: Cut) -> Shown:
    """Read the impressions from the cut on."""
    table = phases.run.read_table(TABLE)
    table = table.filter(
        pc.greater_equal(table[schema.TIME], pa.scalar(cut.second * 1_000_000, pa.timestamp("us")))
    )
    users = phases.store.user_index(table[schema.USER].combine_chunks())
    place = np.full(phases.store.n_users + 1, -1, dtype=np.int64)
    active = phases.active(cut.phase)
    place[:-1][active] = np.arange(int(active.sum()))
    policies = sorted(name for name in pc.unique(table["policy"]).to_pylist() if name is not None)
    policy = pc.fill_null(pc.index_in(table["policy"], pa.array(policies, pa.string()), skip_nulls=True), -1)
    shown = Shown(
        user=_coded(users, table, phases.store.n_users),
        row=place[users],
        item=_items(phases.store.items, table[schema.ITEM]),
        position=np.asarray(table["position"], dtype=np.int64),
        clicked=_numbers(table["clicked"]),
        converted=None if _empty(table["converted"]) else _numbers(table["converted"]),
        value=None if _empty(table["value"]) else np.nan_to_num(_numbers(table["value"])),
        propensity=_numbers(table["propensity"]),
        policy=np.asarray(policy, dtype=np.int64),
        policies=tuple(policies),
    )
    # Sums must not hang on the order of rows, nor on what users are called.
    second = np.asarray(table[schema.TIME].cast(pa.int64()), dtype=np.int64)
    optional = [column for column in (shown.converted, shown.value) if column is not None]
    keys = (
        *optional,
        shown.clicked,
        shown.propensity,
        shown.policy,
        shown.item,
        shown.position,
        second,
        shown.user,
    )
    return shown.where(np.lexsort(keys))


def strategy_labels(phases: Phases, cut: Cut) -> dict[str, Ints]:
    """Return the segments of the phase's active users by strategy, the published one first."""
    primary = phases.config.strategy
    if cut.phase == "final":
        return {primary: published_labels(phases.run)[1]}
    table = phases.run.read_table("work/judged.parquet").to_pydict()
    return {
        name: np.asarray(table[name], dtype=np.int64) for name in (primary, *(n for n in table if n != primary))
    }


def published_ids(phases: Phases, cut: Cut, labels: Ints) -> dict[int, str]:
    """Return the published id of each segment of the judged fit that has one.

    The judged fit has seen less than the published one, so its segments are matched by the users that they share, one to
    one; what shares too few with any has no id.
    """
    ids, published = published_labels(phases.run)
    if cut.phase == "final":
        return dict(enumerate(ids))
    published = published[phases.active(cut.phase)]
    both = np.zeros((int(labels.max()) + 1, len(ids)))
    np.add.at(both, (labels, published), 1.0)
    union = both.sum(axis=1, keepdims=True) + both.sum(axis=0, keepdims=True) - both
    jaccard = np.divide(both, union, out=np.zeros_like(both), where=union > 0)
    rows, columns = linear_sum_assignment(-jaccard)
    return {int(r): ids[c] for r, c in zip(rows, columns, strict=True) if jaccard[r, c] >= LEAST_OVERLAP}


def _coded(users: Ints, table: pa.Table, n_users: int) -> Ints:
    """Return a code of each impression's user; users without events are told apart, in an order of what they were shown."""
    strangers = np.flatnonzero(users < 0)
    if not len(strangers):
        return users
    _, who = np.unique(
        np.asarray(table[schema.USER].take(pa.array(strangers)).cast(pa.string()).to_pylist()), return_inverse=True
    )
    second = np.asarray(table[schema.TIME].cast(pa.int64()), dtype=np.int64)[strangers]
    clicked, position = (np.asarray(_numbers(table[name]))[strangers] for name in ("clicked", "position"))
    n = int(who.max()) + 1
    first = np.full(n, np.iinfo(np.int64).max)
    np.minimum.at(first, who, second)
    last = np.zeros(n, dtype=np.int64)
    np.maximum.at(last, who, second)
    keys = [np.bincount(who, weights=weights, minlength=n) for weights in (position, clicked, np.ones(len(who)))]
    rank = np.empty(n, dtype=np.int64)
    rank[np.lexsort((*keys, last, first))] = np.arange(n)
    coded = users.copy()
    coded[strangers] = n_users + rank[who]
    return coded


def _items(items: pa.Array, ids: pa.ChunkedArray) -> Ints:
    wanted = ids.combine_chunks()
    if wanted.type != items.type:
        wanted, items = wanted.cast(pa.string()), items.cast(pa.string())
    return np.asarray(pc.fill_null(pc.index_in(wanted, value_set=items, skip_nulls=True), -1), dtype=np.int64)


def _numbers(column: pa.ChunkedArray) -> Floats:
    """Return a column as float64, NaN where it is null."""
    return np.asarray(column.cast(pa.float64()).to_numpy(), dtype=np.float64)


def _empty(column: Any) -> bool:
    return bool(column.null_count == len(column))
