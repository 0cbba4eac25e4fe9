"""New segments take over the ids of an earlier run, and the record of what became of those."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from fenqun import schema
from fenqun.data.sequence_store import SequenceStore
from fenqun.pipeline.earlier import Earlier
from fenqun.segmentation.alignment import Alignment
from fenqun.segmentation.continuing import go_on, is_choice
from fenqun.segmentation.identity import Flow, Grouping, Identity, identify
from fenqun.segmentation.rule import Floats, Ints
from fenqun.segmentation.segmentation import Segmentation
from fenqun.segmentation.selection import Selection


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
    shared = earlier.shared(users)
    same_strategy = earlier.strategy[0] == selection.strategy
    alike = (
        same_strategy
        and all(np.array_equal(rows, np.arange(users.n_users)) for rows in shared)
        and np.array_equal(vectors, X)
    )
    if alike and is_choice(selection.chosen, earlier.segmentation):
        segmentation, noise, way, why, spread = earlier.segmentation, earlier.noise, "unchanged", "same", None
    else:
        centroids = Alignment.of(vectors[shared[0]], X[shared[1]]).carry(old.centroids)
        going = go_on(earlier.segmentation if same_strategy else None, centroids, selection, X, least, seed=seed)
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


def _record(earlier: Earlier, found: Identity, n: int, way: str, why: str, spread: float | None) -> schema.Identity:
    old_ids = earlier.segmentation.ids

    def flow(one: Flow, of: tuple[str, ...], others: tuple[str, ...]) -> schema.SegmentFlow:
        return schema.SegmentFlow(
            segment_id=of[one.segment],
            others=[others[i] for i in one.others],
            shares=[round(share, 6) for share in one.shares],
        )

    return schema.Identity(
        previous=earlier.run.read_manifest().id,
        way=way,
        why=why,
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
