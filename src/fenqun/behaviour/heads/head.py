"""A head: a small calibrated model of one target on frozen user vectors."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from fenqun.behaviour.boosting import FOLDS, Objective, Trees, deal, grow
from fenqun.behaviour.calibration import Bin, calibration_error, reliability, softmax, temperature
from fenqun.behaviour.heads.linear import Linear, logistic, ridge
from fenqun.errors import QualityError
from fenqun.evaluation.agreement import encode
from fenqun.evaluation.intervals import Floats, Ints, auc_statistic, interval, mean_statistic, r2_statistic
from fenqun.store import explain_damage

Kind = Literal["class", "value"]
Family = Literal["linear", "log_linear", "trees"]

_LEAST = 10
_REPEATS = 300
_MOST_GROWN = 20  # every round of boosting grows a tree a class


@dataclass(frozen=True)
class HeadReport:
    """How good a head is on users that it did not see.

    Attributes
    ----------
    metric
        ``auc`` (two classes), ``accuracy`` (more) or ``r2``.
    value, low, high, n
        The figure, its 95 % interval over users, and the rows.
    family
        What was chosen; ``by_family`` has the figure of each.
    error
        Expected calibration error; for values the mean gap of the table, in their unit.
    table
        Reliability: of the probability of the class that sorts last (two classes), of the foretold class (more),
        or of the value.
    """

    metric: Literal["auc", "accuracy", "r2"]
    value: float
    low: float
    high: float
    n: int
    family: Family
    by_family: dict[str, float]
    error: float
    table: list[Bin]


class Head:
    """Linear or boosted, whichever foretells users held out better.

    Classes: multinomial logistic regression or boosted trees, then a temperature on held-out scores. Values:
    ridge regression, ridge regression on log(1 + value) with an isotonic way back (where no value is negative), or
    boosted trees. Trees are not grown for more than 20 classes, and where no value was negative none is predicted to be.
    Families are compared on the same held-out users, and the report is of them; the choice among two or three makes it
    brighter by less than its interval.

    A head must not see what judges it: fit it on vectors of an earlier cut with outcomes after it.

    Parameters
    ----------
    kind
        ``class`` or ``value``.
    seed
        Of folds and sampling.

    Attributes
    ----------
    classes_
        Names of the classes in the order of the columns of :meth:`predict`; empty for a value.
    report_
        :class:`HeadReport` on held-out users.
    """

    def __init__(self, kind: Kind, seed: int = 0) -> None:
        self.kind = kind
        self.seed = seed

    def fit(self, X: npt.ArrayLike, y: Any, users: npt.ArrayLike | None = None) -> Head:
        """Learn.

        Parameters
        ----------
        X
            (n, d), finite.
        y
            (n,): classes of any type (None, NaN and empty are unknown), or numbers (NaN is unknown).
        users
            (n,): number of the user of each row, where a user has several; they are held out together.
            None: each row is a user.

        Raises
        ------
        QualityError
            If there are too few users with a target, or they are all alike.
        """
        kept, target, self.classes_ = self._known(y)
        rows = np.asarray(X, dtype=np.float64)[kept]
        owners = kept if users is None else np.asarray(users, dtype=np.int64)[kept]
        # What is never negative is not predicted to be.
        self._floor = 0.0 if self.kind == "value" and target.min() >= 0 else -np.inf
        held_out, models = self._families(rows, target, owners)
        figures = {family: _figure(self.kind, target, found) for family, found in held_out.items()}
        # A tie goes to the simpler one, which stands first.
        self.family_: Family = max(figures, key=lambda family: figures[family])
        self._model, self._way_back = models[self.family_]
        found = held_out[self.family_]
        self._temperature = temperature(found, target.astype(np.int64)) if self.kind == "class" else 1.0
        self.report_ = self._judged(target, found, owners, {str(family): figures[family] for family in figures})
        return self

    def predict(self, X: npt.ArrayLike) -> Floats:
        """Return calibrated probabilities (n, classes), or values (n,)."""
        rows = np.asarray(X, dtype=np.float64)
        scores = _scores(self._model, rows, self.kind)
        if self.kind == "class":
            return softmax(scores / self._temperature)
        return np.maximum(_back(scores, self._way_back), self._floor)

    # -- learning ------------------------------------------------------------------------------

    def _known(self, y: Any) -> tuple[Ints, Floats, list[str]]:
        """Return the rows with a target, their targets as numbers, and the names of classes."""
        if self.kind == "class":
            codes, names = encode(y)
            kept = np.flatnonzero(codes >= 0)
            target = codes.astype(np.float64)[kept]
        else:
            target, names = np.asarray(y, dtype=np.float64), []
            kept = np.flatnonzero(np.isfinite(target))
            target = target[kept]
        few = len(target) < _LEAST * FOLDS
        if few or np.ptp(target) == 0:
            raise QualityError(
                f"{len(target)} users have a target, too few to learn from"
                if few
                else "all users have the same target",
                where="targets",
                mend="choose another target, or leave it out",
            )
        return kept.astype(np.int64), target, names

    def _families(
        self, X: Floats, y: Floats, owners: Ints
    ) -> tuple[dict[Family, Floats], dict[Family, tuple[Linear | Trees, Floats | None]]]:
        """Return the held-out predictions of each family, and its model of all users."""
        held_out: dict[Family, Floats] = {}
        models: dict[Family, tuple[Linear | Trees, Floats | None]] = {}
        linear: list[Family] = ["linear"]
        if self.kind == "value" and y.min() >= 0:
            linear.append("log_linear")
        parts = deal(owners, self.seed)
        for family in linear:
            models[family] = self._linear(X, y, owners, family)
            folds = [(parts != part, parts == part) for part in range(FOLDS)]
            found = np.zeros((len(y), len(self.classes_)) if self.kind == "class" else len(y))
            for learn, judge in folds:
                model, way_back = self._linear(X[learn], y[learn], owners[learn], family)
                found[judge] = _back(_scores(model, X[judge], self.kind), way_back)
            held_out[family] = np.maximum(found, self._floor)
        if self.kind == "class" and len(self.classes_) > _MOST_GROWN:
            return held_out, models
        objective: Objective = "class" if self.kind == "class" else ("value" if y.min() >= 0 else "number")
        grown = grow(X, y, owners, objective, self.seed)
        if len(grown.rows) == len(y):
            held_out["trees"] = np.log(grown.held_out + 1e-12) if self.kind == "class" else grown.held_out
            models["trees"] = (grown.trees, None)
        return held_out, models

    def _linear(self, X: Floats, y: Floats, owners: Ints, family: Family) -> tuple[Linear, Floats | None]:
        if self.kind == "class":
            repeated = owners if len(np.unique(owners)) < len(owners) else None
            return logistic(X, y.astype(np.int64), len(self.classes_), self.seed, repeated), None
        if family == "linear":
            return ridge(X, y), None
        model = ridge(X, np.log1p(y))
        return model, _isotonic(model.scores(X)[:, 0], y)

    def _judged(self, y: Floats, found: Floats, owners: Ints, figures: dict[str, float]) -> HeadReport:
        if self.kind == "value":
            table = reliability(found, y)
            error = calibration_error(found, y)
            statistic, metric = r2_statistic(y, found), "r2"
        else:
            p = softmax(found / self._temperature)
            hit = p.argmax(axis=1) == y
            two = p.shape[1] == 2
            told, observed = (p[:, 1], y) if two else (p.max(axis=1), hit.astype(np.float64))
            table, error = reliability(told, observed), calibration_error(told, observed)
            statistic, metric = (auc_statistic(y, p[:, 1]), "auc") if two else (mean_statistic(hit), "accuracy")
        people, place = np.unique(owners, return_inverse=True)  # whole users are resampled
        around = interval(
            lambda weights: statistic(weights[:, place]), len(people), repeats=_REPEATS, seed=self.seed
        )
        return HeadReport(
            metric,  # type: ignore[arg-type]
            around.value,
            around.low,
            around.high,
            len(y),
            self.family_,
            figures,
            error,
            table,
        )

    # -- storing -------------------------------------------------------------------------------

    def save(self, folder: Path) -> None:
        """Write ``head.json`` and ``head.safetensors`` or ``head.txt`` into a folder, made if need be."""
        from safetensors.numpy import save

        folder.mkdir(parents=True, exist_ok=True)
        plain: dict[str, Any] = {
            "kind": self.kind,
            "seed": self.seed,
            "family": self.family_,
            "classes": self.classes_,
            "temperature": self._temperature,
            "floor": None if np.isinf(self._floor) else self._floor,
            "report": asdict(self.report_),
        }
        if isinstance(self._model, Trees):
            plain["constant"] = self._model.constant
            (folder / "head.txt").write_text(self._model.text, encoding="utf-8")
        else:
            way_back = np.zeros((0, 2)) if self._way_back is None else self._way_back
            tensors = {"weight": self._model.weight, "bias": self._model.bias, "way_back": way_back}
            whole = {name: np.ascontiguousarray(t) for name, t in tensors.items()}
            (folder / "head.safetensors").write_bytes(save(whole))
        (folder / "head.json").write_text(json.dumps(plain, indent=1) + "\n", encoding="utf-8")

    @classmethod
    def load(cls, folder: Path) -> Head:
        """Read what :meth:`save` wrote.

        Raises
        ------
        RunError
            If a file is missing or damaged.
        """
        from safetensors.numpy import load_file

        with explain_damage("holds no readable head", folder, "fit it again"):
            plain = json.loads((folder / "head.json").read_text(encoding="utf-8"))
            head = cls(plain["kind"], int(plain["seed"]))
            head.family_, head.classes_ = plain["family"], list(plain["classes"])
            head._temperature, head._way_back = float(plain["temperature"]), None
            head._floor = -np.inf if plain["floor"] is None else float(plain["floor"])
            told = plain["report"]
            head.report_ = HeadReport(**{**told, "table": [Bin(**row) for row in told["table"]]})
            if head.family_ == "trees":
                text = (folder / "head.txt").read_text(encoding="utf-8")
                head._model = Trees(text, tuple(plain["constant"]))
            else:
                tensors = load_file(folder / "head.safetensors")
                head._model = Linear(tensors["weight"], tensors["bias"])
                head._way_back = tensors["way_back"] if len(tensors["way_back"]) else None
        return head


def _scores(model: Linear | Trees, X: Floats, kind: Kind) -> Floats:
    if isinstance(model, Linear):
        scores = model.scores(X)
        return scores if kind == "class" else scores[:, 0]
    found = model.predict(X)
    return np.log(found + 1e-12) if kind == "class" else found


def _isotonic(told: Floats, y: Floats) -> Floats:
    """Knots (told, value) of the monotone way back from a scale, float64 (k, 2)."""
    from sklearn.isotonic import IsotonicRegression

    fitted = IsotonicRegression(out_of_bounds="clip").fit(told, y)
    return np.stack([fitted.X_thresholds_, fitted.y_thresholds_], axis=1).astype(np.float64)


def _back(scores: Floats, way_back: Floats | None) -> Floats:
    return scores if way_back is None else np.interp(scores, way_back[:, 0], way_back[:, 1])


def _figure(kind: Kind, y: Floats, found: Floats) -> float:
    """Return what families are compared on, higher is better: R2, or minus the calibrated log loss."""
    if kind == "value":
        return float(r2_statistic(y, found)(np.ones((1, len(y))))[0])
    codes = y.astype(np.int64)
    p = softmax(found / temperature(found, codes))
    return float(np.log(p[np.arange(len(y)), codes] + 1e-300).mean())
