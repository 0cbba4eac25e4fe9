"""Strategies: named ways to describe users before they are clustered."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar, Protocol, Self

import numpy as np
from scipy import sparse

from fenqun.errors import ConfigError
from fenqun.segmentation.attributes import AttributeEncoder, encodable
from fenqun.segmentation.inputs import Inputs, numbers
from fenqun.segmentation.rule import FeatureError, Floats

MOST_CATEGORIES = 200
MOST_ITEMS = 50


class Strategy(Protocol):
    """Describes users by features of one kind.

    What is learned in :meth:`fit` (levels, medians, scales) is kept, so that new users are described
    as the first ones were.
    """

    name: ClassVar[str]

    def reason(self, inputs: Inputs) -> str | None:
        """Say why it cannot run on ``inputs``; None: it can."""

    def fit(self, inputs: Inputs) -> Self:
        """Learn levels and scales."""

    def transform(self, inputs: Inputs) -> Floats:
        """Return features, (n, d) float64, finite."""

    def to_dict(self) -> dict[str, Any]:
        """Return what was learned, as JSON holds it."""

    def restore(self, state: dict[str, Any]) -> Self:
        """Take over what :meth:`to_dict` returned."""


class Static:
    """Who users are by the attributes of the user table; the traditional first try."""

    name: ClassVar[str] = "static"

    def __init__(self) -> None:
        self._encoder = AttributeEncoder()

    def reason(self, inputs: Inputs) -> str | None:
        """Say why it cannot run on ``inputs``; None: it can."""
        if not inputs.attributes:
            return "the user table has no attributes"
        if not encodable(inputs.profiles, inputs.attributes):
            return "every attribute is missing or the same for all users"
        return None

    def fit(self, inputs: Inputs) -> Self:
        """Learn levels and quantiles of each attribute."""
        self._encoder.fit(inputs.profiles, inputs.attributes)
        return self

    def transform(self, inputs: Inputs) -> Floats:
        """Return features, (n, d) float64, finite."""
        return self._encoder.transform(inputs.profiles)

    def to_dict(self) -> dict[str, Any]:
        """Return what was learned, as JSON holds it."""
        return self._encoder.to_dict()

    def restore(self, state: dict[str, Any]) -> Self:
        """Take over what :meth:`to_dict` returned."""
        self._encoder = AttributeEncoder.from_dict(state)
        return self


class RFM:
    """Recency, frequency and monetary value, in logarithms and standardised.

    Without values it is recency and frequency. A missing recency (no event) is the longest one seen.
    """

    name: ClassVar[str] = "rfm"
    columns: ClassVar[tuple[str, ...]] = ("recency_days", "n_events", "monetary")

    def reason(self, inputs: Inputs) -> str | None:
        """Say why it cannot run on ``inputs``; None: it can."""
        missing = [c for c in self.columns[:2] if c not in inputs.profiles.column_names]
        return f"the profiles have no {missing[0]}" if missing else None

    def fit(self, inputs: Inputs) -> Self:
        """Learn centre and scale of each column."""
        self.used_ = [c for c in self.columns if c in inputs.profiles.column_names]
        raw = self._logs(inputs)
        self.fill_ = [_largest(raw[:, 0]), *([0.0] * (len(self.used_) - 1))]
        filled = _filled(raw, self.fill_)
        self.centre_ = filled.mean(axis=0).tolist()
        self.scale_ = [s if s > 1e-12 else 1.0 for s in filled.std(axis=0).tolist()]
        return self

    def transform(self, inputs: Inputs) -> Floats:
        """Return features, (n, d) float64, finite."""
        filled = _filled(self._logs(inputs), self.fill_)
        scaled: Floats = (filled - np.array(self.centre_)) / np.array(self.scale_)
        return scaled

    def _logs(self, inputs: Inputs) -> Floats:
        columns = [numbers(inputs.profiles[c]) for c in self.used_]
        return np.column_stack([np.sign(c) * np.log1p(np.abs(c)) for c in columns])

    def to_dict(self) -> dict[str, Any]:
        """Return what was learned, as JSON holds it."""
        return {"used": self.used_, "fill": self.fill_, "centre": self.centre_, "scale": self.scale_}

    def restore(self, state: dict[str, Any]) -> Self:
        """Take over what :meth:`to_dict` returned."""
        self.used_, self.fill_ = list(state["used"]), list(state["fill"])
        self.centre_, self.scale_ = list(state["centre"]), list(state["scale"])
        return self


class Interest:
    """Shares of categories in what a user did; without categories, of the most frequent items.

    Square roots of the shares are clustered, so that the squared Euclidean distance is Hellinger's
    and a few large categories do not drown the rest.
    """

    name: ClassVar[str] = "interest"

    def reason(self, inputs: Inputs) -> str | None:
        """Say why it cannot run on ``inputs``; None: it can."""
        if self._by_category(inputs):
            return None
        if inputs.counts.shape[1] < 2:
            return "the log is about one item only and has no categories"
        return None

    @staticmethod
    def _by_category(inputs: Inputs) -> bool:
        used = np.unique(inputs.category_codes[inputs.category_codes >= 0])
        return len(used) >= 2

    def fit(self, inputs: Inputs) -> Self:
        """Choose the categories or items, by weight in the log, ties by name or by order of items."""
        self.by_category_ = self._by_category(inputs)
        weight = np.asarray(inputs.counts.sum(axis=0)).ravel()
        if self.by_category_:
            known = inputs.category_codes >= 0
            totals = np.bincount(
                inputs.category_codes[known], weights=weight[known], minlength=len(inputs.category_names)
            )
            names = inputs.category_names
            order = sorted(np.flatnonzero(totals > 0).tolist(), key=lambda c: (-totals[c], names[c]))
            self.categories_ = [names[c] for c in order[:MOST_CATEGORIES]]
            self.items_: list[int] = []
        else:
            order = np.argsort(-weight, kind="stable")[:MOST_ITEMS].tolist()
            self.items_, self.categories_ = [int(i) for i in order if weight[i] > 0], []
        return self

    def transform(self, inputs: Inputs) -> Floats:
        """Return features, (n, d) float64, finite; all zero for users without any such event."""
        n_items = inputs.counts.shape[1]
        if self.by_category_:
            place = {name: i for i, name in enumerate(self.categories_)}
            column = np.array([place.get(name, len(place)) for name in inputs.category_names], dtype=np.int64)
            items = np.flatnonzero(inputs.category_codes >= 0)
            target, width = column[inputs.category_codes[items]], len(place) + 1
        else:
            items = np.array(self.items_, dtype=np.int64)
            target, width = np.arange(len(items)), len(items)
        chooser = sparse.csr_matrix((np.ones(len(items)), (items, target)), shape=(n_items, width))
        amounts = np.maximum((inputs.counts @ chooser).toarray(), 0.0)
        totals = amounts.sum(axis=1, keepdims=True)
        shares = np.divide(amounts, totals, out=np.zeros_like(amounts), where=totals > 0)
        roots: Floats = np.sqrt(shares)
        return roots

    def to_dict(self) -> dict[str, Any]:
        """Return what was learned, as JSON holds it."""
        return {"by_category": self.by_category_, "categories": self.categories_, "items": self.items_}

    def restore(self, state: dict[str, Any]) -> Self:
        """Take over what :meth:`to_dict` returned."""
        self.by_category_ = bool(state["by_category"])
        self.categories_, self.items_ = list(state["categories"]), list(state["items"])
        return self


class Learned:
    """The fused and reduced user vectors."""

    name: ClassVar[str] = "learned"

    def reason(self, inputs: Inputs) -> str | None:
        """Say why it cannot run on ``inputs``; None: it can."""
        return "no user vectors were learned" if inputs.learned is None else None

    def fit(self, inputs: Inputs) -> Self:
        """Learn nothing: vectors come scaled and reduced."""
        return self

    def transform(self, inputs: Inputs) -> Floats:
        """Return features, (n, d) float64, finite."""
        if inputs.learned is None:
            raise FeatureError("no user vectors were learned", where="strategy learned")
        return np.asarray(inputs.learned, dtype=np.float64)

    def to_dict(self) -> dict[str, Any]:
        """Return what was learned, as JSON holds it."""
        return {}

    def restore(self, state: dict[str, Any]) -> Self:
        """Take over what :meth:`to_dict` returned."""
        return self


class External:
    """Segments that a company already has, one-hot; users missing in its file are one more segment.

    The clusterer ``given`` reads them back as they are.
    """

    name: ClassVar[str] = "external"

    def reason(self, inputs: Inputs) -> str | None:
        """Say why it cannot run on ``inputs``; None: it can."""
        if inputs.external is None:
            return "no file of segments is given"
        if all(segment is None for segment in inputs.external):
            return "the file of segments names none of the users"
        return None

    def fit(self, inputs: Inputs) -> Self:
        """Learn the names of the segments."""
        self.levels_ = sorted({segment for segment in inputs.external or () if segment is not None})
        return self

    def transform(self, inputs: Inputs) -> Floats:
        """Return features, (n, d) float64, finite; a segment not seen in fitting counts as missing."""
        place = {level: i for i, level in enumerate(self.levels_)}
        given = inputs.external if inputs.external is not None else [None] * inputs.n_users
        onehot = np.zeros((inputs.n_users, len(place) + 1))
        onehot[
            np.arange(inputs.n_users), [place.get(s, len(place)) if s is not None else len(place) for s in given]
        ] = 1.0
        return onehot

    def to_dict(self) -> dict[str, Any]:
        """Return what was learned, as JSON holds it."""
        return {"levels": self.levels_}

    def restore(self, state: dict[str, Any]) -> Self:
        """Take over what :meth:`to_dict` returned."""
        self.levels_ = list(state["levels"])
        return self


STRATEGIES: dict[str, type[Strategy]] = {s.name: s for s in (Static, RFM, Interest, Learned, External)}


def make_strategy(name: str) -> Strategy:
    """Return an unfitted strategy by its name."""
    if name not in STRATEGIES:
        raise ConfigError(f"there is no strategy {name!r}", mend=f"choose from {', '.join(STRATEGIES)}")
    return STRATEGIES[name]()


def features(name: str, inputs: Inputs) -> Floats:
    """Fit a strategy on users and return their features, (n, d).

    Raises
    ------
    FeatureError
        With the reason, where the strategy cannot run.
    """
    strategy = make_strategy(name)
    reason = strategy.reason(inputs)
    if reason:
        raise FeatureError(reason, where=f"strategy {name}")
    return strategy.fit(inputs).transform(inputs)


def available(inputs: Inputs) -> dict[str, str | None]:
    """Return for each strategy why it cannot run, or None where it can."""
    return {name: make_strategy(name).reason(inputs) for name in STRATEGIES}


def _largest(values: Floats) -> float:
    known = values[np.isfinite(values)]
    return float(known.max()) if known.size else 0.0


def _filled(values: Floats, fill: Sequence[float]) -> Floats:
    return np.where(np.isnan(values), np.array(fill), values)
