"""Why users of a finished run are in their segments, and what would move them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from types import TracebackType
from typing import Any, Self

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from fenqun.assignment.what_if import Edit, WhatIf
from fenqun.errors import RunError
from fenqun.explanation.counterfactual import (
    Attempt,
    Change,
    Source,
    between_attempts,
    first_attempts,
    smallest_by,
    without_speakers,
)
from fenqun.explanation.population import Population
from fenqun.explanation.reasons import (
    Contribution,
    UserReasons,
    depth_word,
    margins,
    sorted_contributions,
    surer_than,
)
from fenqun.explanation.topics import Topics, find_topics, user_shares
from fenqun.explanation.user import NearSegment, explain_user
from fenqun.pipeline.additions import Additions
from fenqun.pipeline.describing import population
from fenqun.pipeline.phases import Phases
from fenqun.schema import ITEM, SEGMENT, TIME, USER, Card, Driver
from fenqun.segmentation.rule import Floats
from fenqun.store import Run

LAST = 200
"""Events, the last ones, whose items and topics are left out one by one."""

_ITEMS, _TOPICS = 60, 15  # of the user, that are left out one by one
_TOWARDS = 2  # nearest other segments that changes lead to
_ALTERNATIVES = 5  # changes that are told
_NEAREST = 3
_CLEARLY = 1e-5  # distance below which single precision decides


@dataclass(frozen=True)
class _Group:
    """Some of a user's events."""

    kind: Any
    what: str
    text: str
    rows: frozenset[int]


class Reasons:
    """Explains users of a finished run one after another.

    Parameters
    ----------
    run
        A finished run. Nothing in it is changed.
    """

    def __init__(self, run: Run) -> None:
        self.run = run
        self.what_if = WhatIf(run)
        self.phases = Phases(self.what_if.config, run)
        self.ids = list(self.what_if.assigner.segmentation.ids)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.what_if.__exit__(kind, error, trace)

    @cached_property
    def people(self) -> Population:
        """All users with their published segments."""
        return population(self.phases)

    @cached_property
    def topics(self) -> Topics:
        """Topics of the items."""
        return find_topics(self.people)

    @cached_property
    def confidence(self) -> Floats:
        """Confidence of each published membership."""
        return np.asarray(
            self.run.read_table("memberships.parquet", ["confidence"])["confidence"], dtype=np.float64
        )

    @cached_property
    def profiles(self) -> pa.Table:
        """Profiles of all users."""
        return self.phases.profiles("final")

    @cached_property
    def segments(self) -> dict[str, dict[str, Any]]:
        """Rows of ``segments.parquet`` by id."""
        return {row[SEGMENT]: row for row in self.run.read_table("segments.parquet").to_pylist()}

    @cached_property
    def additions(self) -> Additions:
        """Events that could be added."""
        return Additions(self.run, self.people, self.topics, self.segments, self.phases.repeats)

    def of(self, user: str) -> UserReasons:
        """Explain one user.

        Parameters
        ----------
        user
            The text of their id.

        Raises
        ------
        RunError
            If the run has no such user.
        """
        row = self._row(user)
        key = self.people.profiles[USER][row].as_py()
        own = int(self.people.labels[row])
        events = self.what_if.events(key)
        groups = self._groups(events)
        before = self.what_if.place(key, events, [Edit()])[0]
        near = [int(g) for g in np.argsort(before.round(12), kind="stable") if g != own]
        attempts = self._attempts(row, events, groups, before, own, near)
        edits = [Edit(without=group.rows) for group in groups] + [self._edit(one) for one in attempts]
        energies = self.what_if.place(key, events, edits)
        parts = self._spoken_for(before, energies[: len(groups)], own, near)
        changes, tried = self._changes(key, events, attempts, energies[len(groups) :], own, _by_item(groups, parts))
        return self._told(user, row, before, near, events, _contributions(groups, parts), changes, tried)

    def _row(self, user: str) -> int:
        ids = pc.cast(self.people.profiles[USER], pa.string())
        row = int(pc.index(ids, user).as_py())
        if row < 0:
            raise RunError(f"has no user {user!r}", where=str(self.run.path), mend="ids are compared as exact text")
        return row

    def _groups(self, events: pa.Table) -> list[_Group]:
        """Return the user's events by topic and by item, of the last ones alone, with all events of each."""
        items = events[ITEM].to_pylist()
        seen = list(dict.fromkeys(reversed(items[-LAST:])))  # the latest first
        if len(set(items)) < 2:
            return _by_month(events)
        rows: dict[Any, list[int]] = {}
        for i, item in enumerate(items):
            rows.setdefault(item, []).append(i)
        seen.sort(key=lambda item: -len(rows[item]))
        found = [_Group("item", str(i), self.additions.text(i), frozenset(rows[i])) for i in seen[:_ITEMS]]
        return self._by_topic(rows, len(items)) + found

    def _by_topic(self, rows: dict[Any, list[int]], n: int) -> list[_Group]:
        by_topic: dict[int, list[int]] = {}
        for item, own in rows.items():
            for topic in self.topics.items[self.additions.place[item]].indices:
                by_topic.setdefault(int(topic), []).extend(own)
        names = self.topics.names
        order = sorted(by_topic, key=lambda t: (-len(by_topic[t]), names[t]))
        kept = [t for t in order if len(by_topic[t]) < n][:_TOPICS] if self.topics.kind != "item" else []
        return [_Group("topic", names[t], names[t], frozenset(by_topic[t])) for t in kept]

    def _attempts(
        self, row: int, events: pa.Table, groups: Sequence[_Group], before: Floats, own: int, near: Sequence[int]
    ) -> list[Attempt]:
        sources = [source for g in near[:_TOWARDS] for source in self.additions.towards(row, g)]
        sources += [Source("leave", group.text, (group.rows,)) for group in groups]
        rhythm = self.what_if.reads_rhythm
        valued = rhythm and events["value"].null_count < events.num_rows
        return first_attempts(sources, waits=rhythm, worths=valued) if near else []

    @staticmethod
    def _edit(attempt: Attempt) -> Edit:
        source, size = attempt.source, attempt.size
        if source.kind == "wait":
            return Edit(waited=int(size))
        if source.kind == "worth":
            return Edit(worth=size)
        if attempt.left_out:
            return Edit(without=attempt.left_out)
        return Edit(added=source.order[: int(size)])

    @staticmethod
    def _spoken_for(before: Floats, without: Floats, own: int, near: Sequence[int]) -> Floats:
        """Return what each group of events does for the margin; NaN where nothing is left without it."""
        if not near:
            return np.full(len(without), np.nan)
        return np.asarray(margins(before[None], own, near[0]) - margins(without, own, near[0]))

    def _changes(
        self,
        key: Any,
        events: pa.Table,
        attempts: list[Attempt],
        energies: Floats,
        own: int,
        further: list[Attempt],
    ) -> tuple[list[Change], int]:
        """Return the smallest change of each kind that moves the user, the smallest first, and how many were tried."""
        between = between_attempts(attempts, _moved(energies, own)) + further
        more = self.what_if.place(key, events, [self._edit(one) for one in between])
        attempts, energies = attempts + between, np.concatenate([energies, more])
        best = smallest_by(attempts, _moved(energies, own), lambda one: one.source.kind)
        ids = events[ITEM].to_pylist()
        changes = [self._change(attempts[i], energies[i], own, ids) for i in best]
        return changes[:_ALTERNATIVES], len(attempts)

    def _change(self, attempt: Attempt, energy: Floats, own: int, ids: Sequence[Any]) -> Change:
        to = int(energy.argmin())
        source, edit = attempt.source, self._edit(attempt)
        items = [*edit.added, *dict.fromkeys(ids[i] for i in sorted(edit.without))]
        return Change(
            kind=source.kind,
            what=source.what,
            size=float(len(edit.without) or attempt.size),
            items=[str(item) for item in items],
            texts=list(dict.fromkeys(self.additions.text(item) for item in items)),
            to_id=self.ids[to],
            margin=round(float(margins(energy[None], to, own)[0]), 6),
        )

    def _told(
        self,
        user: str,
        row: int,
        before: Floats,
        near: Sequence[int],
        events: pa.Table,
        parts: list[Contribution],
        changes: list[Change],
        tried: int,
    ) -> UserReasons:
        own = int(self.people.labels[row])
        entry = self.segments[self.ids[own]]
        distances = np.sqrt(before)
        members = self.confidence[self.people.labels == own]
        share = surer_than(float(self.confidence[row]), members)
        plain = explain_user(
            user,
            [
                NearSegment(segment_id=self.ids[g], distance=round(float(distances[g]), 6))
                for g in [own, *near][:_NEAREST]
            ],
            float(self.confidence[row]),
            [Driver.model_validate(driver) for driver in json.loads(entry["drivers"])],
            Card.model_validate_json(entry["card"]),
            self.profiles.slice(row, 1).to_pylist()[0],
            dict(zip(self.topics.names, self._shares(row), strict=True)),
            {str(self.people.item_ids[int(i)].as_py()) for i in self.people.counts[row].indices},
        )
        return UserReasons(
            **plain.model_dump(),
            runner_up_id=self.ids[near[0]] if near else None,
            margin=round(float(margins(before[None], own, near[0])[0]), 6) if near else None,
            surer_than=round(share, 4),
            depth=depth_word(share),
            events=events.num_rows,
            seen=min(events.num_rows, LAST),
            contributions=parts,
            changes=changes,
            tried=tried,
        )

    def _shares(self, row: int) -> list[float]:
        shares: list[float] = user_shares(self.people.counts[row], self.topics).toarray().ravel().tolist()
        return shares


def _by_item(groups: Sequence[_Group], margin: Floats) -> list[Attempt]:
    single = [i for i, group in enumerate(groups) if group.kind == "item"]
    return without_speakers([groups[i].rows for i in single], margin[single])


def _contributions(groups: Sequence[_Group], margin: Floats) -> list[Contribution]:
    found = [
        Contribution(
            kind=group.kind, what=group.what, text=group.text, events=len(group.rows), margin=round(float(part), 6)
        )
        for group, part in zip(groups, margin, strict=True)
        if np.isfinite(part)
    ]
    return sorted_contributions(found)


def _by_month(events: pa.Table) -> list[_Group]:
    months = pc.strftime(events[TIME], "%Y-%m").to_pylist()
    rows: dict[str, list[int]] = {}
    for i, month in enumerate(months):
        rows.setdefault(month, []).append(i)
    late = sorted(rows, reverse=True)[:_ITEMS]
    return [_Group("month", month, month, frozenset(rows[month])) for month in late]


def _moved(energies: Floats, own: int) -> npt.NDArray[np.bool_]:
    """Return whether each row of energies lies clearly in another segment; a user without events moves nowhere."""
    with np.errstate(invalid="ignore"):
        return np.asarray(np.sqrt(energies).min(axis=1) < np.sqrt(energies[:, own]) - _CLEARLY)
