"""Judge tiers by what users did in the held-out time."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

import numpy as np
import pyarrow as pa

from fenqun.behaviour.calibration import reliability
from fenqun.behaviour.forecast_figures import judged
from fenqun.behaviour.rhythm import RhythmEncoder
from fenqun.data.cuts import outcomes_between
from fenqun.data.splits import JUDGED
from fenqun.evaluation.intervals import Interval
from fenqun.evaluation.tiers import contest, rfm_cuts
from fenqun.pipeline.judging import PhaseJudge
from fenqun.pipeline.phases import Phases
from fenqun.schema import Calibration, Metric, ReliabilityBin, TierContest, TierTable
from fenqun.segmentation.clusterers.kmeans import KMeans
from fenqun.segmentation.inputs import Inputs
from fenqun.segmentation.rule import Floats, Ints
from fenqun.segmentation.strategies import features

_OUTCOMES = {"future_value": "value", "future_events": "events"}
_PROTOCOLS = {
    "tiers": "variance of each user's outcome after the cut that tiers cut before it explain, adjusted",
    "rfm_kmeans": "the same by RFM and k-means with as many groups",
    "rfm_cuts": "the same by sums of RFM quintiles cut into as many groups",
}


class TierJudge:
    """Judges tiers of the users who were active before the held-out time.

    Parameters
    ----------
    phases, rhythm, outcome
        Of the judge phase; what was foretold.
    codes, placed, scores
        Codes of the tiers; position among them and prediction of each active user, (n,).

    Attributes
    ----------
    days
        Of the held-out time that the forecast's horizon reaches into.
    """

    def __init__(
        self,
        phases: Phases,
        rhythm: RhythmEncoder,
        outcome: str,
        codes: Sequence[str],
        placed: Ints,
        scores: Floats,
    ) -> None:
        assert rhythm.forecast_ is not None
        self.phases, self.rhythm, self.outcome = phases, rhythm, outcome
        self.codes, self.placed, self.scores = list(codes), placed, scores
        self.active = phases.active("judge")
        self.horizon = rhythm.forecast_.horizon_
        self.days = min(self.horizon / 86400, phases.splits.horizon("judge"))

    @cached_property
    def seen(self) -> dict[str, Floats]:
        """What the active users did in the part of the horizon that was held out."""
        now = self.phases.splits.now("judge")
        outcomes, _ = outcomes_between(self.phases.store, JUDGED["judge"], now, now + self.horizon)
        if "value" in outcomes:
            outcomes["value"] = np.maximum(outcomes["value"], 0.0)  # as forecasts have it
        return {name: values[self.active] for name, values in outcomes.items()}

    def expected(self, outcome: str, scores: Floats) -> Floats:
        """Carry predictions of the horizon over to the held-out part of it, at a constant rate."""
        part = self.days * 86400 / self.horizon
        return np.asarray(1.0 - (1.0 - scores) ** part if outcome == "active" else scores * part)

    def means(self, code: str) -> tuple[int, float | None, float | None]:
        """Return the judged users of a tier, and what they were expected to do and did on average."""
        if code not in self.codes or not (mine := self.placed == self.codes.index(code)).any():
            return 0, None, None
        if self.outcome not in self.seen:
            return int(mine.sum()), float(self.scores[mine].mean()), None
        expected = self.expected(self.outcome, self.scores[mine])
        return int(mine.sum()), float(expected.mean()), float(self.seen[self.outcome][mine].mean())

    def calibration(self) -> list[Calibration]:
        """Say how far the forecast that tiers are cut on, and the chance to be active, mean what they say."""
        forecasts = self.rhythm.predictions(self.phases.profiles("judge").filter(pa.array(self.active))).values
        return [
            _calibration(outcome, self.expected(outcome, forecasts[outcome]), self.seen[outcome])
            for outcome in dict.fromkeys((self.outcome, "active"))
            if outcome in self.seen
        ]

    def contest(self) -> list[TierContest]:
        """Compare tiers with RFM, by k-means and by quintiles, with as many groups."""
        settings = self.phases.config
        profiles = self.phases.profiles("judge").filter(pa.array(self.active))
        k = len(np.unique(self.placed))
        rfm = features("rfm", _profiles_alone(profiles))
        amounts = {c: profiles[c].to_numpy() for c in ("n_events", "monetary") if c in profiles.column_names}
        groupings = {
            "tiers": self.placed,
            "rfm_kmeans": KMeans(k, seed=settings.run.seed).fit(rfm).predict(rfm),
            "rfm_cuts": rfm_cuts(profiles["recency_days"].to_numpy(), amounts, k),
        }
        outcomes = PhaseJudge(self.phases, "judge").outcomes
        rows = contest(
            groupings,
            {short: outcomes[name] for name, short in _OUTCOMES.items() if name in outcomes},
            repeats=settings.evaluation.resamples,
            seed=settings.run.seed,
        )
        return [
            TierContest.model_validate(
                {"outcome": row.outcome, "grouping": row.grouping, "groups": row.groups, "n": row.explained.n}
                | _ends("", row.explained)
                | ({} if row.lead is None else _ends("difference", row.lead))
            )
            for row in rows
        ]

    def metrics(self, table: TierTable) -> list[Metric]:
        """Return the headline figures of the tiers."""
        prefix = {"tiers": "", "rfm_kmeans": "rfm_kmeans.", "rfm_cuts": "rfm_cuts."}
        found = [
            Metric(
                name=f"tiers.{prefix[row.grouping]}explained_{row.outcome}",
                value=row.value,
                low=row.low,
                high=row.high,
                n=row.n,
                protocol=_PROTOCOLS[row.grouping],
            )
            for row in table.contest
        ]
        protocol = "forecasts made before the cut, carried over to the time after it at a constant rate"
        for one in table.calibration:
            for name in ("total", "r2", "auc", "brier", "ece"):
                value = getattr(one, name)
                if value is not None:
                    found.append(
                        Metric(name=f"tiers.{one.outcome}.{name}", value=value, n=one.n, protocol=protocol)
                    )
        return found


def _calibration(outcome: str, expected: Floats, seen: Floats) -> Calibration:
    figures = judged(seen, expected, "active" if outcome == "active" else "number")
    return Calibration(
        outcome=outcome,
        n=len(seen),
        total=float(expected.sum() / seen.sum()) if seen.sum() > 0 else None,
        bins=[
            ReliabilityBin(n=one.n, predicted=one.predicted, seen=one.observed)
            for one in reliability(expected, seen)
        ],
        **figures,
    )


def _profiles_alone(profiles: pa.Table) -> Inputs:
    """Return what the strategy ``rfm`` looks at, and nothing else."""
    from scipy import sparse

    return Inputs(profiles, sparse.csr_matrix((len(profiles), 0)), np.zeros(0, dtype=np.int64), [], [])


def _ends(name: str, found: Interval) -> dict[str, float | None]:
    keys = (name, f"{name}_low", f"{name}_high") if name else ("value", "low", "high")
    return {
        key: value if np.isfinite(value) else None
        for key, value in zip(keys, (found.value, found.low, found.high), strict=True)
    }
