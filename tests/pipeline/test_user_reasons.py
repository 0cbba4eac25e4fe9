"""Reasons keep their word: what speaks for a segment is missed when left out, and a change that is said to move a user does."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from fenqun.assignment.assigner import Assigner
from fenqun.assignment.what_if import Edit
from fenqun.errors import RunError
from fenqun.explanation.phrases import Phrase
from fenqun.explanation.reasons import UserReasons, margins
from fenqun.explanation.telling import tell_reasons
from fenqun.pipeline.user_reasons import Reasons
from fenqun.progress import Silent
from fenqun.schema import RuleTable
from fenqun.store import Run

USERS = 8


@pytest.fixture(scope="module")
def reasons(finished: Run) -> Iterator[Reasons]:
    with Reasons(finished) as opened:
        yield opened


@pytest.fixture(scope="module")
def told(reasons: Reasons, finished: Run) -> list[UserReasons]:
    ids = finished.read_table("memberships.parquet", ["user_id"])["user_id"].to_pylist()
    return [reasons.of(str(user)) for user in ids[:: len(ids) // USERS][:USERS]]


def test_rules_are_written_for_this_run(finished: Run) -> None:
    table = finished.read_model("rules.json", RuleTable)
    segments = finished.read_table("segments.parquet")["segment_id"].to_pylist()
    assert {rule.segment_id for rule in table.rules if rule.source == "alone"} == set(segments)
    assert table.tree.balanced > table.majority.balanced
    assert 'id="rules"' in finished.artifact("report.html").read_text(encoding="utf-8")


def test_reasons_agree_with_the_membership(told: list[UserReasons], finished: Run) -> None:
    rows = {str(row["user_id"]): row for row in finished.read_table("memberships.parquet").to_pylist()}
    for one in told:
        row = rows[one.user_id]
        assert (one.segment_id, one.runner_up_id) == (row["segment_id"], row["runner_up_id"])
        assert one.confidence == pytest.approx(row["confidence"], abs=1e-6)
        assert one.margin is not None and one.margin > 0
        near, second = one.nearest[:2]
        assert second.distance - near.distance == pytest.approx(one.margin, abs=2e-6)


def test_leaving_out_what_speaks_moves_the_margin_as_said(told: list[UserReasons], reasons: Reasons) -> None:
    seen = 0
    for one in told:
        events = reasons.what_if.events(one.user_id)
        items = [str(item) for item in events["item_id"].to_pylist()]
        own, other = reasons.ids.index(one.segment_id), reasons.ids.index(one.runner_up_id or "")
        for part in [part for part in one.contributions if part.kind == "item"][:3]:
            without = frozenset(i for i, item in enumerate(items) if item == part.what)
            assert len(without) == part.events
            energies = reasons.what_if.place(one.user_id, events, [Edit(), Edit(without=without)])
            before, after = margins(energies, own, other)
            assert before - after == pytest.approx(part.margin, abs=2e-5)
            seen += 1
    assert seen > USERS


def test_an_added_change_moves_the_user_when_assigned(
    told: list[UserReasons], reasons: Reasons, finished: Run, tmp_path: Path
) -> None:
    """The new events are written to a file and go the whole way of ``fenqun assign``."""
    added = [(one, change) for one in told for change in one.changes if change.kind.startswith("add_")]
    assert added
    for one, change in added[:4]:
        size, events = int(change.size), reasons.what_if.events(one.user_id)
        table = reasons.what_if._edited(events, [Edit(added=tuple(change.items))]).slice(events.num_rows)
        assert table.num_rows == size
        settings = reasons.what_if.config.data.events
        columns = {settings.user: pa.array([one.user_id] * size), settings.item: table["item_id"]}
        columns[settings.time] = table["local"]  # as naive times are read
        for name in ("value", "event_type", "quantity", "duration", "session", "currency"):
            if column := getattr(settings, name):
                columns[column] = table[name]
        columns |= {name: table[f"context_{name}"] for name in settings.context}
        path = tmp_path / f"{one.user_id}.parquet"
        pq.write_table(pa.table(columns), path)
        assigner = Assigner(finished)
        placed = assigner.assign(assigner.sources(path), Silent()).to_pylist()
        assert [row["segment_id"] for row in placed] == [change.to_id] != [one.segment_id]


def test_left_out_changes_move_the_user_and_one_less_does_not(told: list[UserReasons], reasons: Reasons) -> None:
    left = [(one, c) for one in told for c in one.changes if c.kind == "leave_items"]
    assert left
    for one, change in left[:4]:
        events = reasons.what_if.events(one.user_id)
        items = [str(item) for item in events["item_id"].to_pylist()]
        without = frozenset(i for i, item in enumerate(items) if item in change.items)
        assert len(without) == change.size
        margin = {part.what: part.margin for part in one.contributions if part.kind == "item"}
        last = min(change.items, key=lambda item: margin[item])
        fewer = frozenset(i for i in without if items[i] != last)
        energies = reasons.what_if.place(one.user_id, events, [Edit(without=without), Edit(without=fewer)])
        assert [reasons.ids[int(row.argmin())] for row in energies] == [change.to_id, one.segment_id]
        assert change.to_id != one.segment_id


def test_sentences_are_there_in_both_languages(told: list[UserReasons], reasons: Reasons) -> None:
    names = {segment: Phrase(f"Fans of {segment}", f"{segment}迷") for segment in reasons.ids}
    for one in told:
        sentences = tell_reasons(one, names)
        assert len(sentences) >= 4 and all(s.en and s.zh and "{" not in s.en + s.zh for s in sentences)
        assert one.user_id in sentences[0].en and f"Fans of {one.runner_up_id}" in sentences[0].en
        moved = any("The smallest change that moves them" in s.en for s in sentences)
        assert moved == bool(one.changes) and moved != any("Nothing small moves them" in s.en for s in sentences)


def test_the_same_again(told: list[UserReasons], reasons: Reasons) -> None:
    assert reasons.of(told[0].user_id) == told[0]
    with pytest.raises(RunError, match="has no user 'nobody'"):
        reasons.of("nobody")
    assert np.isfinite([part.margin for part in told[0].contributions]).all()
