"""Stage that cuts users into tiers: on the judge phase to be judged, on the final one to be published."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from fenqun.behaviour.rhythm import RhythmEncoder
from fenqun.config import Config
from fenqun.data.splits import LEARNED, Phase
from fenqun.pipeline.context import Context, StageOutput
from fenqun.pipeline.phases import Phases
from fenqun.pipeline.tier_judging import TierJudge
from fenqun.scenarios import ACTIVITY_TIERS
from fenqun.schema import Metric, Metrics, Tier, TierTable
from fenqun.segmentation.foretold import foretold, tier_outcome
from fenqun.segmentation.memberships import with_tiers
from fenqun.segmentation.rule import Floats, Ints
from fenqun.segmentation.tiers import TierRule, fit_tiers, tier_names

TABLE = "tiers.json"
PREFIX = "tiers."
"""Of the names of headline figures that this stage adds."""


@dataclass(frozen=True)
class PhaseTiers:
    """The tiers of one phase's users.

    Attributes
    ----------
    rhythm
        What foretold them.
    scores, placed
        Of the users who were active before the phase's now.
    """

    rhythm: RhythmEncoder
    rule: TierRule
    scores: Floats
    placed: Ints


def cut_tiers(context: Context) -> StageOutput:
    """Cut tiers, judge them, and add them to memberships and headline figures; say why where there are none."""
    config, run = context.config, context.run
    phases = Phases(config, run)
    final = RhythmEncoder.load(run.require("work/rhythm/final"))
    forecasts = final.forecast_.outcomes_ if final.forecast_ else []
    outcome = tier_outcome(config, forecasts)
    reason = _no_tiers(config, phases, bool(forecasts), outcome)
    if reason is not None or outcome is None:
        _withdraw(phases)
        return StageOutput(("memberships.parquet", "metrics.json"), {"why_not": reason})
    published = _tiers(phases, "final", outcome, final)
    judge = _judge(context, phases, outcome)
    table = _table(config, outcome, published, judge)
    run.write_json(TABLE, table)
    memberships = run.read_table("memberships.parquet")
    run.write_table(
        "memberships.parquet", with_tiers(memberships, published.rule.codes, published.placed, published.scores)
    )
    _add_metrics(phases, judge.metrics(table) if judge else [])
    figures = {
        "of": outcome,
        "sizes": {tier.tier: tier.size for tier in table.tiers},
        "judged": judge is not None,
    }
    return StageOutput((TABLE, "memberships.parquet", "metrics.json"), figures)


def _no_tiers(config: Config, phases: Phases, forecasts: bool, outcome: str | None) -> str | None:
    """Say in a code why there are no tiers; None where there are."""
    if config.tiers.method == "none":
        return "switched_off"
    if not phases.splits.judges_value:
        return "per_user"
    if not forecasts:
        return "no_forecasts"
    return "not_forecast" if outcome is None else None


def _tiers(phases: Phases, phase: Phase, outcome: str, rhythm: RhythmEncoder) -> PhaseTiers:
    active = phases.active(phase)
    scores, present = foretold(
        rhythm, outcome, phases.profiles(phase), phases.store, LEARNED[phase], phases.splits.now(phase)
    )
    scores = scores[active]
    now = None if present is None else present[active]
    rule = fit_tiers(scores, now, phases.config.tiers)
    return PhaseTiers(rhythm, rule, scores, rule.place(scores, now))


def _judge(context: Context, phases: Phases, outcome: str) -> TierJudge | None:
    """Cut the users before the held-out time by what was foretold then; None where nothing was."""
    rhythm = RhythmEncoder.load(context.run.require("work/rhythm/judge"))
    if rhythm.forecast_ is None or outcome not in rhythm.forecast_.outcomes_:
        return None
    tiers = _tiers(phases, "judge", outcome, rhythm)
    return TierJudge(phases, rhythm, outcome, tiers.rule.codes, tiers.placed, tiers.scores)


def _table(config: Config, outcome: str, published: PhaseTiers, judge: TierJudge | None) -> TierTable:
    assert published.rhythm.forecast_ is not None and config.tiers.method != "none"
    names = tier_names(
        published.rule.codes,
        ACTIVITY_TIERS if outcome in ("events", "active") else config.domain.tier_names,
    )
    tiers = []
    for i, (code, (en, zh)) in enumerate(zip(published.rule.codes, names, strict=True)):
        mine = published.placed == i
        before = judge.means(code) if judge else (0, None, None)
        tiers.append(
            Tier(
                tier=code,
                name_en=en,
                name_zh=zh,
                size=int(mine.sum()),
                share=float(mine.mean()),
                predicted=float(published.scores[mine].mean()) if mine.any() else None,
                judged_users=before[0],
                judged_predicted=before[1],
                judged_seen=before[2],
            )
        )
    return TierTable(
        of=outcome,
        method=config.tiers.method,
        horizon_days=published.rhythm.forecast_.horizon_ / 86400,
        judged_days=judge.days if judge else 0.0,
        cuts=list(published.rule.cuts),
        low_present=published.rule.low_present,
        tiers=tiers,
        calibration=judge.calibration() if judge else [],
        contest=judge.contest() if judge else [],
    )


def _withdraw(phases: Phases) -> None:
    """Take back the tiers of an earlier request, which must not linger."""
    run = phases.run
    run.remove(TABLE)
    memberships = run.read_table("memberships.parquet")
    n = memberships.num_rows
    nobody, nothing = np.full(n, -1, dtype=np.int64), np.full(n, np.nan)
    run.write_table("memberships.parquet", with_tiers(memberships, [], nobody, nothing))
    _add_metrics(phases, [])


def _add_metrics(phases: Phases, metrics: list[Metric]) -> None:
    """Put headline figures behind those of the evaluation, in place of earlier ones."""
    told = phases.run.read_model("metrics.json", Metrics)
    kept = [metric for metric in told.metrics if not metric.name.startswith(PREFIX)]
    if metrics or len(kept) < len(told.metrics):
        phases.run.write_json("metrics.json", told.model_copy(update={"metrics": [*kept, *metrics]}))
