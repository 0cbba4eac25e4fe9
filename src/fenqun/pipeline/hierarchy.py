"""Stage that puts macro-segments above the published segments, and micro-segments below them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from fenqun.data.splits import Phase
from fenqun.evaluation.intervals import from_error
from fenqun.evaluation.stability import stability
from fenqun.pipeline.context import Context, StageOutput
from fenqun.pipeline.describing import published_labels
from fenqun.pipeline.earlier import Earlier
from fenqun.pipeline.judging import PhaseJudge
from fenqun.pipeline.level_judging import (
    Fit,
    choose_macro,
    choose_micro,
    macro_gain,
    macro_owner,
    micro_gain,
)
from fenqun.pipeline.phases import Phases
from fenqun.pipeline.segmenting import strategy_inputs
from fenqun.segmentation.clusterers.catalogue import make_clusterer
from fenqun.segmentation.hierarchy import FOLDER, Hierarchy, Parts, nearest
from fenqun.segmentation.level_ids import MACRO, level_ids, micro_form
from fenqun.segmentation.levels import LARGE, LEAST_SEGMENTS, Gain, divide, join
from fenqun.segmentation.memberships import with_levels
from fenqun.segmentation.rule import Floats, Ints, means
from fenqun.segmentation.segmentation import Segmentation
from fenqun.segmentation.selection import least_size
from fenqun.segmentation.strategies import features

"""What assignment needs of the levels."""


@dataclass(frozen=True)
class _Grounds:
    """What both levels are chosen and judged on."""

    context: Context
    phases: Phases
    ids: list[str]
    labels: Ints
    earlier: Earlier | None

    @property
    def seed(self) -> int:
        return self.context.config.run.seed

    @property
    def least(self) -> int:
        """Users in the smallest part."""
        return least_size(len(self.labels), self.context.config.segmentation)

    def features(self, phase: Phase) -> Floats:
        return features(self.context.config.strategy, strategy_inputs(self.phases, phase))

    @cached_property
    def final(self) -> Floats:
        return self.features("final")

    @cached_property
    def _seen(self) -> dict[str, tuple[Floats, PhaseJudge]]:
        return {}

    def people(self, phase: Phase) -> Fit:
        """The published segments on what was known in a phase."""
        X, judge = self._phase(phase)
        return Fit(X, self.labels[self.phases.active(phase)], judge)

    def fitted(self, phase: Phase) -> Fit:
        """The phase's own fit of the published clusterer."""
        X, judge = self._phase(phase)
        name = self.context.config.strategy
        if phase == "judge":
            judged = self.context.run.read_table("work/judged.parquet")[name].to_numpy()
            return Fit(X, np.asarray(judged, dtype=np.int64), judge)
        choice = self.context.run.read_json("work/choices.json")[name]
        clusterer = make_clusterer(
            choice["clusterer"], choice["k"], seed=self.seed, parameters=choice["parameters"]
        )
        return Fit(X, Segmentation.from_clusterer(clusterer.fit(X), X).rule.labels(X), judge)

    def _phase(self, phase: Phase) -> tuple[Floats, PhaseJudge]:
        if phase not in self._seen:
            self._seen[phase] = (self.features(phase), PhaseJudge(self.phases, phase))
        return self._seen[phase]

    @cached_property
    def before(self) -> tuple[list[dict[str, Any]], Ints]:
        """Levels of the users that an earlier run knows too, and their rows here; none where it stands alone."""
        if self.earlier is None:
            return [], np.empty(0, dtype=np.int64)
        there, here = self.earlier.shared(self.phases.store)
        rows = self.earlier.levels
        return [rows[i] for i in there.tolist()], here

    @property
    def used(self) -> tuple[str, ...]:
        """Ids that earlier runs gave."""
        return () if self.earlier is None else self.earlier.hierarchy.used


def grow_hierarchy(context: Context) -> StageOutput:
    """Choose both levels on validation time, judge them on test time, and put them into memberships."""
    run = context.run
    phases = Phases(context.config, run)
    ids, labels = published_labels(run)
    grounds = _Grounds(context, phases, ids, labels, Earlier.of(context.config, run))
    macros, macro_told = _macros(grounds)
    micros, micro_told = _micros(grounds)
    given = [*macros.values(), *(name for parts in micros.values() for name in parts.ids)]
    used = tuple(sorted({*grounds.used, *given}, key=lambda name: (len(name), name)))
    hierarchy = Hierarchy(macros, micros, used)
    run.remove(FOLDER)
    artifacts = ["memberships.parquet"]
    if used:
        with run.writing(FOLDER) as folder:
            hierarchy.save(folder)
        artifacts.append(FOLDER)
    placed = hierarchy.place(grounds.final, [ids[g] for g in labels.tolist()])
    run.write_table("memberships.parquet", with_levels(run.read_table("memberships.parquet"), *placed))
    return StageOutput(tuple(artifacts), {"macro": macro_told, "micro": micro_told})


def _macros(grounds: _Grounds) -> tuple[dict[str, str], dict[str, Any]]:
    """Return the macro-segment of each segment, and what the record tells of them."""
    k = len(grounds.ids)
    if not grounds.context.config.hierarchy.macro:
        return {}, {"groups": 0, "why": "switched_off"}
    chosen_on = grounds.fitted("select") if k >= LEAST_SEGMENTS else None
    if chosen_on is None or int(chosen_on.labels.max()) + 1 < LEAST_SEGMENTS:
        return {}, {"groups": 0, "why": "few_segments"}
    before, here = grounds.before
    earlier = len({row["macro_id"] for row in before} - {None}) or None
    choice = choose_macro(chosen_on, grounds.seed, earlier)
    told = {"why": choice.why, "tried": {str(m): value for m, value in choice.tried.items()}, **_gain(choice.gain)}
    if choice.groups is None:
        return {}, {"groups": 0, **told}
    groups = min(choice.groups, k // 2)
    sizes = np.bincount(grounds.labels, minlength=k).astype(np.int64)
    owner = join(means(grounds.final, grounds.labels, k), sizes, groups)
    names = level_ids(MACRO, groups, grounds.used, [row["macro_id"] for row in before], owner[grounds.labels[here]])
    judged_on = grounds.fitted("judge")
    judged = macro_gain(judged_on, macro_owner(judged_on, groups), grounds.seed)
    again = _macro_jaccard(grounds, owner, groups)
    return (
        {segment: names[g] for segment, g in zip(grounds.ids, owner.tolist(), strict=True)},
        {
            "groups": groups,
            **told,
            "judged": _gain(judged),
            "jaccard": {names[g]: value for g, value in again.items()},
        },
    )


def _macro_jaccard(grounds: _Grounds, owner: Ints, groups: int) -> dict[int, float]:
    """Draw users anew, join their segments again: how far each macro-segment comes back; segments are taken as they are."""
    rule = Segmentation.load(grounds.context.run.require("segmentation")).rule

    def fit(rows: Floats, seed: int) -> Any:
        segments = rule.labels(rows)
        sizes = np.bincount(segments, minlength=rule.n_segments).astype(np.int64)
        kept = np.flatnonzero(sizes)
        again = np.full(rule.n_segments, -1, dtype=np.int64)
        again[kept] = join(means(rows, segments, rule.n_segments)[kept], sizes[kept], min(groups, len(kept)))
        return lambda X: again[rule.labels(X)]

    found = stability(
        grounds.final,
        fit,
        repeats=grounds.context.config.evaluation.bootstrap,
        seed=grounds.seed,
        labels=owner[grounds.labels],
    )
    return {g: round(value, 4) for g, value in found.jaccard.items()}


def _micros(grounds: _Grounds) -> tuple[dict[str, Parts], dict[str, Any]]:
    """Return the parts of each segment that is divided, and what the record tells of them."""
    if not grounds.context.config.hierarchy.micro:
        return {}, {"divided": 0, "why": "switched_off"}
    sizes = np.bincount(grounds.labels, minlength=len(grounds.ids))
    large = np.flatnonzero(sizes >= LARGE * grounds.least)
    if not len(large):
        return {}, {"divided": 0, "why": "small"}
    chosen = choose_micro(
        grounds.people("select"), large, grounds.seed, grounds.least, _earlier_parts(grounds, large.tolist())
    )
    micros: dict[str, Parts] = {}
    told: dict[str, Any] = {}
    jaccard: dict[str, float] = {}
    counts: dict[int, int] = {}
    for g, (parts, gain) in sorted(chosen.items()):
        rows = np.flatnonzero(grounds.labels == g)
        centroids = _published_parts(grounds, rows, parts)
        if centroids is None:
            continue
        own = nearest(grounds.final[rows], centroids)
        names = _micro_ids(grounds, g, rows, own, len(centroids))
        segment = grounds.ids[g]
        micros[segment] = Parts(names, centroids)
        counts[g] = len(centroids)
        told[segment] = {"parts": len(centroids), **_gain(gain)}
        found = _micro_jaccard(grounds, grounds.final[rows], own, len(centroids))
        jaccard |= {names[part]: value for part, value in found.items()}
    figures: dict[str, Any] = {
        "divided": len(micros),
        "looked_at": len(large),
        "why": "pays" if micros else "no_gain",
    }
    if micros:
        over, lot = micro_gain(grounds.people("judge"), counts, grounds.seed)
        figures |= {"segments": told, "judged": _gain(over), "judged_over_lot": _gain(lot), "jaccard": jaccard}
    return micros, figures


def _published_parts(grounds: _Grounds, rows: Ints, parts: int) -> Floats | None:
    """Divide a published segment's users; into fewer parts where one would be too small."""
    X = grounds.final[rows]
    found = divide(X, range(2, parts + 1), grounds.seed)
    for count in range(parts, 1, -1):
        if count in found and np.bincount(nearest(X, found[count]), minlength=count).min() >= grounds.least:
            return found[count]
    return None


def _micro_ids(grounds: _Grounds, g: int, rows: Ints, own: Ints, count: int) -> tuple[str, ...]:
    before, here = grounds.before
    segment = grounds.ids[g]
    now = np.full(len(grounds.labels), -1, dtype=np.int64)
    now[rows] = own
    inside = np.flatnonzero(now[here] >= 0)
    ids = [before[i]["micro_id"] for i in inside.tolist()]
    own_before = [name if name is not None and name.startswith(f"{segment}.") else None for name in ids]
    return level_ids(micro_form(segment), count, grounds.used, own_before, now[here[inside]])


def _earlier_parts(grounds: _Grounds, large: Sequence[int]) -> dict[int, int]:
    """Return into how many parts the earlier run divided each segment."""
    if grounds.earlier is None:
        return {}
    micros = grounds.earlier.hierarchy.micros
    return {g: len(micros[grounds.ids[g]].ids) for g in large if grounds.ids[g] in micros}


def _micro_jaccard(grounds: _Grounds, X: Floats, own: Ints, parts: int) -> dict[int, float]:
    """Draw a segment's users anew and divide them again: how far each part comes back."""

    def fit(rows: Floats, seed: int) -> Any:
        found = divide(rows, (parts,), seed)
        return lambda people: nearest(people, found[parts]) if parts in found else np.zeros(len(people), np.int64)

    repeats = grounds.context.config.evaluation.bootstrap
    found = stability(X, fit, repeats=repeats, seed=grounds.seed, labels=own)
    return {part: round(value, 4) for part, value in found.jaccard.items()}


def _gain(gain: Gain | None) -> dict[str, Any]:
    """Return a gain with its 95 % interval as plain values."""
    if gain is None or not math.isfinite(gain.mean):
        return {"gain": None, "low": None, "high": None, "n": 0 if gain is None else gain.n}
    low, high = from_error(gain.mean, gain.error)
    return {"gain": round(gain.mean, 6), "low": round(low, 6), "high": round(high, 6), "n": gain.n}
