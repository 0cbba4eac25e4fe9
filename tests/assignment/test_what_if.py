"""A user as they would be goes the way of any user: nothing changed changes nothing, and what is changed is placed alike."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pyarrow.compute as pc
import pytest

from fenqun.assignment.what_if import Edit, WhatIf
from fenqun.store import Run


@pytest.fixture(scope="module")
def what_if(finished: Run) -> Iterator[WhatIf]:
    with WhatIf(finished) as opened:
        yield opened


def users(run: Run, n: int) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = run.read_table("memberships.parquet").to_pylist()[:n]
    return found


def test_nothing_changed_is_the_published_membership(what_if: WhatIf, finished: Run) -> None:
    assert what_if.reads_rhythm
    for row in users(finished, 6):
        energies = what_if.place(row["user_id"], what_if.events(row["user_id"]), [Edit(), Edit()])
        np.testing.assert_allclose(energies[0], energies[1], rtol=1e-6)
        near, second = np.sqrt(np.sort(energies[0])[:2])
        assert what_if.assigner.segmentation.ids[int(energies[0].argmin())] == row["segment_id"]
        assert (second - near) / (second + near) == pytest.approx(row["confidence"], abs=1e-5)


def test_events_left_out_added_and_moved(what_if: WhatIf, finished: Run) -> None:
    user = users(finished, 1)[0]["user_id"]
    events = what_if.events(user)
    item = events["item_id"][0].as_py()
    edits = [
        Edit(without=frozenset({0, 2})),
        Edit(added=(item, item, item)),
        Edit(waited=30),
        Edit(worth=2.0),
        Edit(without=frozenset(range(events.num_rows))),
    ]
    table = what_if._edited(events, edits)
    own = [table.filter(pc.equal(table["user_id"], i)) for i in range(len(edits))]
    assert [part.num_rows for part in own] == [
        events.num_rows - 2, events.num_rows + 3, events.num_rows, events.num_rows, 0
    ]  # fmt: skip
    moments = own[1]["timestamp"].cast("int64").to_numpy()[-3:]
    assert len(set(moments)) == 3 and moments.max() == what_if.now * 1_000_000
    assert own[2]["timestamp"].equals(events["timestamp"])  # not the events but the present moves
    tail = own[1].slice(events.num_rows)
    offset = (tail["local"].cast("int64").to_numpy() - tail["timestamp"].cast("int64").to_numpy()) / 3.6e9
    assert set(offset) == {-5.0}  # winter in New York, whenever the typical event was
    np.testing.assert_allclose(own[3]["value"].to_numpy(), 2 * events["value"].to_numpy())
    energies = what_if.place(user, events, edits)
    assert np.isnan(energies[-1]).all() and np.isfinite(energies[:-1]).all()


def test_an_edit_is_placed_alone_as_among_others(what_if: WhatIf, finished: Run) -> None:
    user = users(finished, 2)[1]["user_id"]
    events = what_if.events(user)
    edits = [Edit(without=frozenset({i})) for i in range(4)] + [Edit(waited=60), Edit(worth=0.5)]
    together = what_if.place(user, events, edits)
    for i, edit in enumerate(edits):
        np.testing.assert_allclose(what_if.place(user, events, [edit])[0], together[i], rtol=1e-5)


def test_the_run_is_left_as_it_was(what_if: WhatIf, finished: Run) -> None:
    before = {path: path.stat().st_mtime_ns for path in finished.path.rglob("*") if path.is_file()}
    user = users(finished, 1)[0]["user_id"]
    what_if.place(user, what_if.events(user), [Edit(waited=7)])
    assert before == {path: path.stat().st_mtime_ns for path in finished.path.rglob("*") if path.is_file()}
