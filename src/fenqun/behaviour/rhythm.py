"""Rhythm: when and how much. Scaled aggregates, and what they say of the future."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from fenqun.behaviour.calibration import logit
from fenqun.behaviour.forecast import Forecast, Predictions
from fenqun.data.category_history import CategoryHistory
from fenqun.data.cuts import Cut
from fenqun.data.rhythm import LIMIT, RhythmScaler
from fenqun.errors import RunError
from fenqun.progress import Progress
from fenqun.store import explain_damage

Floats = npt.NDArray[np.float64]

SHOWN = 30
"""Categories that have a column in the block: those most often taken most. Forecasts in natural units have all."""

_SUMS = frozenset({"value", "typical_value", "events"})


class RhythmEncoder:
    """The rhythm block of a user vector.

    Columns are the profile's aggregates, scaled robustly, then forecasts: the logarithm of expected value and
    events, the log-odds of being active and of two-class targets, numbers of other targets, each standardised over the
    users it was fitted on; then the log-probability of each of the :data:`SHOWN` first categories, standardised and
    divided by the root of their number, so that the categories together weigh like one column. All forecasts are
    multiplied by one factor that gives them together the variance that the aggregates would have together, each 1.

    To embed a user it takes the profile as of now (:func:`fenqun.data.profiles.build_profiles`) and, where categories
    are forecast, the user's categories as of now (:func:`fenqun.data.category_history.category_history`); nothing of
    other users. A user without events has 0, the average, in every forecast.

    Attributes
    ----------
    scaler_
        Of the aggregates.
    forecast_
        None where nothing is forecast.
    names_
        Names of the columns.
    """

    def __init__(self, seed: int = 0) -> None:
        self.seed = seed
        self.forecast_: Forecast | None = None
        self._center, self._scale, self._weight = np.zeros(0), np.ones(0), np.ones(0)
        self._names: list[str] = []

    @property
    def names_(self) -> list[str]:
        """Names of the columns: aggregates, then ``forecast_...``, then ``next_CATEGORY``."""
        return [*self.scaler_.columns_, *self._names]

    @property
    def figures(self) -> dict[str, Any]:
        """Figures of the forecasts, and how many columns come from where."""
        told: dict[str, Any] = {"aggregates": len(self.scaler_.columns_), "forecasts": len(self._names)}
        return told | ({"judged": self.forecast_.figures_} if self.forecast_ else {})

    @property
    def reads_categories(self) -> bool:
        """Whether :meth:`transform` needs the users' categories."""
        return self.forecast_ is not None and bool(self.forecast_.category_.names)

    def fit(
        self,
        profiles: pa.Table,
        history: CategoryHistory | None = None,
        cuts: Sequence[Cut] = (),
        extra: Floats | None = None,
        extra_at_cuts: Sequence[Floats] | None = None,
        progress: Progress | None = None,
    ) -> RhythmEncoder:
        """Learn scales, and forecasts where there are cuts.

        Parameters
        ----------
        profiles
            Of the active users as of the phase's now.
        history
            The same users' categories as of now; None where the log has none.
        cuts
            Earlier cuts (:func:`fenqun.data.cuts.make_cuts`); empty: aggregates alone.
        extra, extra_at_cuts
            Further vectors of the same users as of now, and of each cut's users as of the cut; an outcome reads
            them only where they help on held-out users.
        progress
            Told what was kept.
        """
        self.scaler_ = RhythmScaler.fit(profiles)
        self.forecast_, self._names = None, []
        self._center, self._scale, self._weight = np.zeros(0), np.ones(0), np.ones(0)
        if not cuts:
            return self
        self.forecast_ = Forecast(self.seed).fit(cuts, extra_at_cuts, progress)
        columns, self._names, categories = _columns(self.forecast_.predict(profiles, history, extra))
        self._center = columns.mean(axis=0)
        spread = columns.std(axis=0)
        weight = np.full(
            columns.shape[1], np.sqrt(len(self.scaler_.columns_) / (columns.shape[1] - categories + 1))
        )
        if categories:
            weight[-categories:] /= np.sqrt(categories)
        self._scale, self._weight = np.where(spread > 1e-9, spread, np.inf), weight
        return self

    def transform(
        self, profiles: pa.Table, history: CategoryHistory | None = None, extra: Floats | None = None
    ) -> Floats:
        """Embed users, float64 (n, len(names_)), finite.

        Parameters
        ----------
        profiles, history, extra
            Of the same n users as of now, as in :meth:`fit`.

        Raises
        ------
        RunError
            If something that the forecasts read is missing.
        """
        aggregates = self.scaler_.transform(profiles)
        if self.forecast_ is None:
            return aggregates
        columns, names, _ = _columns(self.predictions(profiles, history, extra))
        if names != self._names:
            raise RunError("the users' categories are missing", mend="give them as of now")
        scaled = np.clip((columns - self._center) / self._scale, -LIMIT, LIMIT) * self._weight
        scaled[np.asarray(profiles["n_events"].to_numpy()) == 0] = 0.0
        return np.hstack([aggregates, scaled])

    def predictions(
        self, profiles: pa.Table, history: CategoryHistory | None = None, extra: Floats | None = None
    ) -> Predictions:
        """Forecast in natural units.

        Raises
        ------
        RunError
            If nothing is forecast, or something that the forecasts read is missing.
        """
        if self.forecast_ is None:
            raise RunError("nothing is forecast: the log was too short, or each user has a cut of their own")
        return self.forecast_.predict(profiles, history, extra)

    # -- storing -------------------------------------------------------------------------------

    def save(self, folder: Path) -> None:
        """Write ``rhythm.json`` and the forecasts into a folder, made if need be."""
        folder.mkdir(parents=True, exist_ok=True)
        plain = {
            "seed": self.seed,
            "scaler": self.scaler_.to_dict(),
            "names": self._names,
            "center": self._center.tolist(),
            "scale": [float(s) if np.isfinite(s) else None for s in self._scale],
            "weight": self._weight.tolist(),
            "forecast": self.forecast_ is not None,
        }
        (folder / "rhythm.json").write_text(json.dumps(plain) + "\n", encoding="utf-8")
        if self.forecast_ is not None:
            self.forecast_.save(folder / "forecast")

    @classmethod
    def load(cls, folder: Path) -> RhythmEncoder:
        """Read what :meth:`save` wrote.

        Raises
        ------
        RunError
            If a file is missing or damaged.
        """
        with explain_damage("holds no readable rhythm encoder", folder):
            plain = json.loads((folder / "rhythm.json").read_text(encoding="utf-8"))
            encoder = cls(int(plain["seed"]))
            encoder.scaler_ = RhythmScaler.from_dict(plain["scaler"])
            encoder._names = list(plain["names"])
            encoder._center = np.asarray(plain["center"], dtype=np.float64)
            encoder._scale = np.asarray([np.inf if s is None else float(s) for s in plain["scale"]])
            encoder._weight = np.asarray(plain["weight"], dtype=np.float64)
            forecast = bool(plain["forecast"])
        encoder.forecast_ = Forecast.load(folder / "forecast") if forecast else None
        return encoder


def _columns(predictions: Predictions) -> tuple[Floats, list[str], int]:
    """Return forecasts on scales without long tails, their names, and how many at the end are categories."""
    columns, names = [], []
    for name, values in predictions.values.items():
        names.append(f"forecast_{name}")
        if name in _SUMS:
            columns.append(np.log1p(np.maximum(values, 0.0)))
        elif name in predictions.probabilities:
            columns.append(logit(values))
        else:
            columns.append(values)
    shown = predictions.category_names[:SHOWN]
    names += [f"next_{name}" for name in shown]
    likely = np.log(np.maximum(predictions.category[:, :SHOWN], 1e-6))
    return np.hstack([np.stack(columns, axis=1), likely]), names, len(shown)
