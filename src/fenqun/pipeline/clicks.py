"""Stage that judges by impressions: what was clicked, and what the segments' lists would have got."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pyarrow as pa

from fenqun import schema
from fenqun.evaluation.click_rates import Rate, rate, rate_difference_p
from fenqun.evaluation.importance import Rounds
from fenqun.evaluation.intervals import Floats, Ints, interval
from fenqun.evaluation.off_policy import Estimate, Limits, estimate, ratio_statistic
from fenqun.evaluation.position_bias import PositionBias, position_bias
from fenqun.explanation.statistics import benjamini_hochberg
from fenqun.pipeline.click_lists import SegmentLists
from fenqun.pipeline.context import Context, StageOutput
from fenqun.pipeline.evaluating import POPULARITY
from fenqun.pipeline.phases import Phases
from fenqun.pipeline.shown import TABLE, Cut, Shown, published_ids, shown_after, strategy_labels

ARTIFACT = "click_figures.parquet"

Row = dict[str, Any]


def judge_clicks(context: Context) -> StageOutput:
    """Write ``click_figures.parquet``; nothing where there are no impressions, or none that may judge."""
    config, run = context.config, context.run
    run.remove(ARTIFACT)
    if not run.artifact(TABLE).exists():
        return StageOutput(())
    phases = Phases(config, run)
    cut = Cut.of(phases)
    shown = shown_after(phases, cut)
    figures: dict[str, Any] = {
        "impressions": run.read_table(TABLE, [schema.ITEM]).num_rows,
        "judged": len(shown),
        "from": cut.told,
        "fit": cut.phase,
    }
    if not len(shown):
        return StageOutput((), figures | {"reason": "none_after_cut"})
    judge = _Judge(context, phases, cut, shown)
    rows = [*judge.overall(), *judge.positions(), *judge.segments()]
    figures |= {"without_segment": int((shown.row < 0).sum()), "segments_without_id": judge.unnamed}
    if not np.isfinite(shown.propensity).any():
        figures["reason"] = "no_propensities"
    elif phases.store.n_items < 2:
        figures["reason"] = "one_item"
    else:
        rows += judge.off_policy()
    run.write_table(ARTIFACT, _table(rows))
    return StageOutput((ARTIFACT,), figures)


class _Judge:
    """Rows of the table, from impressions after the cut."""

    def __init__(self, context: Context, phases: Phases, cut: Cut, shown: Shown) -> None:
        self.context, self.phases, self.cut, self.shown = context, phases, cut, shown
        self.settings = context.config.off_policy
        self.resamples, self.seed = context.config.evaluation.resamples, context.config.run.seed
        self.labels = strategy_labels(phases, cut)
        self.primary = context.config.strategy
        self.ids = published_ids(phases, cut, self.labels[self.primary])
        self.unnamed = int(self.labels[self.primary].max()) + 1 - len(self.ids)

    # -- what was shown ------------------------------------------------------------------------

    def overall(self) -> Iterator[Row]:
        """Figures of everyone, by policy."""
        for policy, shown in self.shown.by_policy():
            for metric, outcome in shown.outcomes().items():
                yield self._observed(metric, outcome, shown.user, policy=policy)

    def positions(self) -> Iterator[Row]:
        """Figures by position, and how much of a position's clicks comes from the position."""
        shown = self.shown
        places = np.unique(shown.position)
        if len(places) < 2:
            return
        for place in places:
            part = shown.where(shown.position == place)
            for metric, outcome in part.outcomes().items():
                if metric != "value":
                    yield self._observed(metric, outcome, part.user, position=int(place))
        bias = self.bias
        for place, value, low, high in zip(bias.positions, bias.examination, bias.low, bias.high, strict=True):
            n = shown.position == place
            yield _row(
                "examination",
                "position_model",
                position=int(place),
                value=value,
                low=low,
                high=high,
                n=int(n.sum()),
                users=len(np.unique(shown.user[n])),
                note="" if np.isfinite(value) else "positions_apart",
            )

    def segments(self) -> Iterator[Row]:
        """Figures of each segment of the published strategy, by policy, tested against everyone else."""
        labels = self.labels[self.primary]
        for policy, shown in self.shown.by_policy():
            inside = shown.where(shown.row >= 0)
            own = labels[inside.row]
            for metric, outcome in inside.outcomes().items():
                yield from self._by_segment(metric, outcome, inside, own, policy, None)
            if policy is None and len(np.unique(shown.position)) > 1 and self.bias.known:
                exposure = self.bias.exposure(inside.position)
                yield from self._by_segment("ctr", inside.clicked, inside, own, policy, exposure)

    @property
    def bias(self) -> PositionBias:
        """Examination by position; an item attracts each segment in its own way."""
        if not hasattr(self, "_bias"):
            shown = self.shown
            segment = np.where(shown.row >= 0, self.labels[self.primary][shown.row], -1)
            _, thing = np.unique(np.stack([shown.item, segment]), axis=1, return_inverse=True)
            self._bias = position_bias(
                shown.position, thing, shown.clicked, shown.user, repeats=min(self.resamples, 200), seed=self.seed
            )
        return self._bias

    def _observed(self, metric: str, outcome: Floats, user: Ints, **where: Any) -> Row:
        if metric == "value":
            return _row(metric, "observed", **self._mean(outcome, user), **where)
        return _row(metric, "observed", **_told(rate(outcome, user)), **where)

    def _mean(self, outcome: Floats, user: Ints) -> Row:
        users, code = np.unique(user, return_inverse=True)
        statistic = ratio_statistic(outcome, np.ones(len(code)), code, len(users))
        found = interval(statistic, len(users), repeats=self.resamples, seed=self.seed)
        return {"value": found.value, "low": found.low, "high": found.high, "n": len(code), "users": len(users)}

    def _by_segment(
        self, metric: str, outcome: Floats, shown: Shown, own: Ints, policy: str | None, exposure: Floats | None
    ) -> Iterator[Row]:
        rows, p = [], []
        for label, segment in self.ids.items():
            inside = own == label
            if not inside.any():
                continue
            if metric == "value":
                rows.append(
                    self._observed(metric, outcome[inside], shown.user[inside], segment=segment, policy=policy)
                )
                p.append(np.nan)
                continue
            here, elsewhere = (
                rate(outcome[part], shown.user[part], None if exposure is None else exposure[part])
                for part in (inside, ~inside)
            )
            estimator = "observed" if exposure is None else "position_corrected"
            rows.append(_row(metric, estimator, segment=segment, policy=policy, **_told(here)))
            p.append(rate_difference_p(here, elsewhere))
        for row, q in zip(rows, benjamini_hochberg(np.array(p)), strict=True):
            yield row | {"q": _finite(q)}

    # -- what was not shown --------------------------------------------------------------------

    def off_policy(self) -> Iterator[Row]:
        """What the lists of each strategy would have got, from the impressions of each policy."""
        active = int(self.phases.active(self.cut.phase).sum())
        strategies = {POPULARITY: np.zeros(active, dtype=np.int64)} | self.labels
        known = self.shown.where((self.shown.row >= 0) & np.isfinite(self.shown.propensity))
        parts = known.by_policy()
        for policy, shown in parts[1:] or parts:
            candidates = np.unique(shown.item[shown.item >= 0])
            if not len(candidates):
                continue
            lists = SegmentLists(self.phases, self.cut.phase, candidates, np.unique(shown.position))
            for name, labels in strategies.items():
                self.context.progress.note(f"clicks: lists of {name}")
                agreed = lists.agree(lists.top(labels), shown)
                yield from self._estimates(shown, agreed, name, policy, None)
                if name == self.primary:
                    for label, segment in self.ids.items():
                        inside = labels[shown.row] == label
                        if inside.any():
                            yield from self._estimates(shown.where(inside), agreed[inside], name, policy, segment)

    def _estimates(
        self, shown: Shown, agreed: Floats, strategy: str, policy: str | None, segment: str | None
    ) -> Iterator[Row]:
        limits = Limits(self.settings.least_effective, self.settings.least_outcomes)
        for metric, outcome in shown.outcomes().items():
            rounds = Rounds(outcome, shown.propensity, agreed, shown.user)
            for one in estimate(
                rounds,
                ("replay", "ips", "snips") if segment is None else ("snips",),
                clip=self.settings.clip,
                limits=limits,
                repeats=self.resamples,
                seed=self.seed,
            ):
                yield _estimated(one, rounds, metric, strategy=strategy, policy=policy, segment=segment)


def _estimated(one: Estimate, rounds: Rounds, metric: str, **where: Any) -> Row:
    notes: list[str] = [one.refusal] if one.refusal else []
    refused = bool(one.refusal)
    if one.estimator == "replay" and not rounds.uniform:
        notes, refused = ["not_uniform"], True
    if one.clipped > 0:
        notes.append("clipped")
    if one.doubtful and not refused:
        notes.append("weights_off")
    told: Row = {"n": one.n, "users": one.users, "effective_n": one.effective, "note": " ".join(notes)}
    if not refused:
        told |= {
            name: getattr(one, name)
            for name in ("value", "low", "high", "difference", "difference_low", "difference_high")
        }
    return _row(metric, one.estimator, **told, **where)


def _told(found: Rate) -> Row:
    return {
        "value": found.value,
        "low": found.low,
        "high": found.high,
        "n": found.n,
        "users": found.users,
        "effective_n": found.effective,
    }


def _row(metric: str, estimator: str, *, segment: str | None = None, note: str = "", **told: Any) -> Row:
    row: Row = dict.fromkeys(schema.CLICK_FIGURES.names)
    row |= {schema.SEGMENT: segment, "metric": metric, "estimator": estimator, "note": note}
    return row | {name: _finite(value) if isinstance(value, float) else value for name, value in told.items()}


def _finite(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None


def _table(rows: list[Row]) -> pa.Table:
    return pa.Table.from_pylist(rows, schema=schema.CLICK_FIGURES)
