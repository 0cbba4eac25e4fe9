"""What users will do over the next horizon, learned on rolled earlier cuts."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from fenqun.behaviour.boosting import Floats, Ints, Objective, Trees, grow, regrow
from fenqun.behaviour.calibration import logit, platt, sigmoid
from fenqun.behaviour.forecast_figures import gain_of, judged
from fenqun.behaviour.next_category import NextCategory
from fenqun.data.category_history import CategoryHistory
from fenqun.data.cuts import Cut
from fenqun.data.rhythm import raw_columns, rhythm_columns
from fenqun.errors import RunError
from fenqun.progress import Progress, Silent
from fenqun.store import explain_damage


@dataclass(frozen=True)
class Predictions:
    """Forecasts in natural units.

    Attributes
    ----------
    values
        Name to float64 (n,): ``value`` (expected sum), ``typical_value`` (exp of the mean of log(1 + value), less
        1), ``events`` (expected count), ``active`` (probability of at least one event) and ``target_NAME``
        (expected number, or the probability of the class that sorts last of two).
    category
        float64 (n, k): probability that a category is the one taken most; rows sum to 1 where k > 0.
    category_names
        Names of the k categories.
    probabilities
        Which of the values are probabilities.
    """

    values: dict[str, Floats]
    category: Floats
    category_names: list[str]
    probabilities: frozenset[str] = frozenset()


@dataclass
class _Outcome:
    """One thing that is forecast, and the trees that do it."""

    objective: Objective
    trees: Trees
    calibration: tuple[float, float] = (1.0, 0.0)
    with_extra: bool = False
    figures: dict[str, Any] = field(default_factory=dict)


class Forecast:
    """Gradient-boosted forecasts from profiles.

    Expected value by a Tweedie loss (Jørgensen 1987; Yang, Qian and Zou 2018), a typical value by squared
    error on its logarithm, events by a Poisson loss, activity by log loss with Platt's calibration on held-out
    users, the next category by :class:`~fenqun.behaviour.next_category.NextCategory`. The number of trees is
    chosen on held-out users of earlier cuts. Labels are never among the inputs or the outcomes.

    Attributes
    ----------
    columns_
        Profile columns that are read.
    outcomes_
        Names of what is forecast, without the category.
    figures_
        By name: ``n`` rows, ``trees``, and figures on held-out users (``r2``, ``auc``, ``brier``, ``ece``); under
        ``later`` the same for the latest cut, forecast by as many trees that know earlier cuts alone, uncalibrated.
    """

    def __init__(self, seed: int = 0) -> None:
        self.seed = seed
        self.columns_: list[str] = []
        self.horizon_ = 0
        self.category_ = NextCategory()
        self._outcomes: dict[str, _Outcome] = {}

    @property
    def outcomes_(self) -> list[str]:
        """Names of what is forecast, without the category."""
        return list(self._outcomes)

    @property
    def figures_(self) -> dict[str, Any]:
        """Figures of every outcome."""
        found = {name: outcome.figures for name, outcome in self._outcomes.items()}
        return found | ({"category": self.category_.figures} if self.category_.names else {})

    @property
    def uses_extra(self) -> bool:
        """Whether any outcome reads the extra features."""
        return any(outcome.with_extra for outcome in self._outcomes.values())

    def fit(
        self, cuts: Sequence[Cut], extra: Sequence[Floats] | None = None, progress: Progress | None = None
    ) -> Forecast:
        """Learn from cuts.

        Parameters
        ----------
        cuts
            The earliest first, at least one.
        extra
            Further features of the users of each cut, as of the cut: (n, d) each. An outcome reads them only
            where they make its loss on held-out users smaller, with a paired 95 % interval above zero.
        progress
            Told what was kept.
        """
        progress = progress or Silent()
        self.columns_ = rhythm_columns(cuts[0].profiles)
        self.horizon_ = cuts[0].horizon
        X = np.concatenate([raw_columns(cut.profiles, self.columns_) for cut in cuts])
        more = None if extra is None else np.concatenate([np.asarray(rows, dtype=np.float64) for rows in extra])
        groups = np.concatenate([cut.users for cut in cuts])
        latest = np.repeat(np.arange(len(cuts)), [len(cut.users) for cut in cuts]) == len(cuts) - 1
        for name, (objective, y) in _asked(cuts).items():
            known = np.flatnonzero(np.isfinite(y))
            self._outcomes[name] = self._learn(
                X[known],
                None if more is None else more[known],
                y[known],
                groups[known],
                objective,
                latest[known],
            )
            progress.note(f"rhythm: forecast of {name} {self._outcomes[name].figures}")
        self.category_ = NextCategory().fit(cuts, self.seed)
        return self

    def _learn(
        self, X: Floats, more: Floats | None, y: Floats, groups: Ints, objective: Objective, latest: Any
    ) -> _Outcome:
        grown = grow(X, y, groups, objective, self.seed)
        figures: dict[str, Any] = {}
        with_extra = False
        if more is not None:
            richer = grow(np.hstack([X, more]), y, groups, objective, self.seed)
            gain = gain_of(grown, richer, y, groups, objective, self.seed)
            figures["extra"] = gain
            with_extra = gain["low"] > 0
            if with_extra:
                X, grown = np.hstack([X, more]), richer
        held_out, truth = grown.held_out, y[grown.rows]
        calibration = (1.0, 0.0)
        if objective == "active":
            calibration = platt(held_out, truth)
            held_out = _calibrated(held_out, calibration)
        figures |= {"n": len(truth), "trees": grown.n_trees, **judged(truth, held_out, objective)}
        if latest.any() and not latest.all():
            past = regrow(X[~latest], y[~latest], objective, grown.n_trees, self.seed)
            guess = past.predict(X[latest])
            figures["later"] = {"n": int(latest.sum()), **judged(y[latest], guess, objective)}
        return _Outcome(objective, grown.trees, calibration, with_extra, figures)

    def predict(
        self, profiles: pa.Table, history: CategoryHistory | None = None, extra: Floats | None = None
    ) -> Predictions:
        """Forecast for users given by their profiles as of now.

        Parameters
        ----------
        profiles
            n rows with every column of :attr:`columns_`.
        history
            The same users' categories as of now; without it no category is forecast.
        extra
            (n, d); needed where :attr:`uses_extra`.

        Raises
        ------
        RunError
            If a column, or the extra features, are missing.
        """
        if self.uses_extra and extra is None:
            raise RunError("the forecasts read further vectors, which are missing", mend="give extra")
        X = raw_columns(profiles, self.columns_)
        values: dict[str, Floats] = {}
        chances = frozenset(name for name, outcome in self._outcomes.items() if outcome.objective == "active")
        for name, outcome in self._outcomes.items():
            rows = np.hstack([X, np.asarray(extra, dtype=np.float64)]) if outcome.with_extra else X
            guess = outcome.trees.predict(rows)
            if outcome.objective == "active":
                guess = _calibrated(guess, outcome.calibration)
            values[name] = np.expm1(guess) if outcome.objective == "log_value" else guess
        if history is None or not self.category_.names:
            return Predictions(values, np.zeros((len(X), 0)), [], chances)
        return Predictions(values, self.category_.predict(history), self.category_.names, chances)

    # -- storing -------------------------------------------------------------------------------

    def save(self, folder: Path) -> None:
        """Write ``forecast.json`` and one LightGBM text file an outcome into a folder, made if need be."""
        folder.mkdir(parents=True, exist_ok=True)
        outcomes = []
        for place, (name, outcome) in enumerate(self._outcomes.items()):
            (folder / f"outcome_{place}.txt").write_text(outcome.trees.text, encoding="utf-8")
            outcomes.append(
                {
                    "name": name,
                    "objective": outcome.objective,
                    "constant": outcome.trees.constant,
                    "calibration": outcome.calibration,
                    "with_extra": outcome.with_extra,
                    "figures": outcome.figures,
                }
            )
        (folder / "category.txt").write_text(self.category_.trees.text, encoding="utf-8")
        plain = {
            "seed": self.seed,
            "horizon": self.horizon_,
            "columns": self.columns_,
            "outcomes": outcomes,
            "category": self.category_.to_dict(),
        }
        (folder / "forecast.json").write_text(json.dumps(plain, indent=1) + "\n", encoding="utf-8")

    @classmethod
    def load(cls, folder: Path) -> Forecast:
        """Read what :meth:`save` wrote.

        Raises
        ------
        RunError
            If a file is missing or damaged.
        """
        with explain_damage("holds no readable forecasts", folder):
            plain = json.loads((folder / "forecast.json").read_text(encoding="utf-8"))
            forecast = cls(int(plain["seed"]))
            forecast.columns_, forecast.horizon_ = list(plain["columns"]), int(plain["horizon"])
            for place, told in enumerate(plain["outcomes"]):
                text = (folder / f"outcome_{place}.txt").read_text(encoding="utf-8")
                trees = Trees(text, tuple(told["constant"]))
                slope, intercept = told["calibration"]
                forecast._outcomes[told["name"]] = _Outcome(
                    told["objective"], trees, (slope, intercept), told["with_extra"], told["figures"]
                )
            text = (folder / "category.txt").read_text(encoding="utf-8")
            forecast.category_ = NextCategory.from_dict(plain["category"], Trees(text, (0.0,)))
        return forecast


def _calibrated(p: Floats, calibration: tuple[float, float]) -> Floats:
    slope, intercept = calibration
    return sigmoid(slope * logit(p) + intercept)


def _asked(cuts: Sequence[Cut]) -> dict[str, tuple[Objective, Floats]]:
    """Return what is forecast: name to objective and pooled outcomes; NaN is unknown."""

    def pooled(name: str) -> Floats:
        return np.concatenate([cut.outcomes[name] for cut in cuts])

    found: dict[str, tuple[Objective, Floats]] = {}
    if all("value" in cut.outcomes for cut in cuts):
        # Refunds can outweigh purchases; a value of the future is at least nothing.
        value = np.maximum(pooled("value"), 0.0)
        found["value"], found["typical_value"] = ("value", value), ("log_value", np.log1p(value))
    found["events"], found["active"] = ("events", pooled("events")), ("active", pooled("active"))
    for name in cuts[0].targets:
        goal = _number(np.concatenate([cut.targets[name] for cut in cuts]))
        if goal is not None:
            found[f"target_{name}"] = goal
    return found


def _number(column: npt.NDArray[np.object_]) -> tuple[Objective, Floats] | None:
    """Return a column as numbers, or as 0 and 1 where it holds two other values; None where it holds more."""
    known = [value for value in column if value is not None and value == value]
    if all(isinstance(value, int | float | np.number) and not isinstance(value, bool) for value in known):
        distinct = sorted(set(known))
        if len(distinct) != 2:
            return "number", np.asarray([np.nan if v is None else float(v) for v in column], dtype=np.float64)
    else:
        distinct = sorted({str(value) for value in known})
        column = np.asarray([None if v is None or v != v else str(v) for v in column], dtype=object)
    if len(distinct) != 2:
        return None
    codes = [np.nan if v is None or v != v else float(v == distinct[1]) for v in column]
    return "active", np.asarray(codes, dtype=np.float64)
