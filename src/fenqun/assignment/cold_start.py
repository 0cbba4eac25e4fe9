"""Segments of users of whom the log knows little: by attributes, by links, and by their few events as far as these tell.

Known users are hidden: what they did is cut to nothing, or to their first few events, and the segment of their whole
history is what has to be found. That says how much each witness (attributes, links, few events) is worth, for each
number of events, and from how many events on a user is placed by the run's own rule alone.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from fenqun.assignment.features import described
from fenqun.assignment.hidden_users import enough_events, judge
from fenqun.assignment.odds import SegmentOdds, fit_left_out
from fenqun.assignment.pooling import fit_weights, likeliest, pool, shares
from fenqun.segmentation.attributes import AttributeEncoder
from fenqun.store import explain_damage

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

STEPS = (1, 3, 5, 10, 20, 50)
"""Numbers of first events that known users are cut to."""
FOLDS = 5
# What the few events tell: their vector, and the segment that the run's rule gives to it
_BY_EVENTS = ("events", "rule")
_STRENGTHS = (1.0, 5.0, 25.0)
LEAST_USERS = 50
"""Hidden users under which a number of events teaches nothing."""
_ARRAYS, _SETTINGS = "cold_start.safetensors", "cold_start.json"


@dataclass(frozen=True)
class Shortened:
    """Known users as they looked after their first events.

    Attributes
    ----------
    rows
        (m,) their positions among all known users.
    features
        (m, d) of the space in which the segments were found.
    placed
        (m,) segment that the run's rule gives to these features.
    """

    rows: Ints
    features: Floats
    placed: Ints


@dataclass(frozen=True)
class Placement:
    """Where users of whom little is known belong.

    Attributes
    ----------
    probabilities
        (n, k) that the user's whole history would place them in each segment.
    by
        n witnesses that were heard, joined by ``+``; ``prior`` where there was none: the largest segment, then.
    """

    probabilities: Floats
    by: list[str]

    @property
    def labels(self) -> Ints:
        """(n,) the likeliest segment."""
        return likeliest(self.probabilities)


@dataclass(frozen=True)
class ColdStart:
    """Places users without a history that would do.

    Attributes
    ----------
    ids
        Of the segments.
    prior
        (k,) log-shares of the segments.
    encoder
        Of the attributes; None where they say nothing.
    odds
        ``attributes``, ``links``, and for N events ``events N`` (their vector) and ``rule N`` (the segment that the run's
        rule gives to it) to what they tell.
    weights
        Number of events to the weight of each witness.
    enough
        Events from which a user is placed by the run's rule alone.
    figures
        By number of events: hidden users, how often they were placed right and by which way, and how reliable the
        probabilities are.
    """

    ids: tuple[str, ...]
    prior: Floats
    encoder: AttributeEncoder | None = None
    odds: Mapping[str, SegmentOdds] = field(default_factory=dict)
    weights: Mapping[int, Mapping[str, float]] = field(default_factory=dict)
    enough: int = 1
    figures: Mapping[str, Any] = field(default_factory=dict)

    # -- learning ------------------------------------------------------------------------------

    @classmethod
    def fit(
        cls,
        ids: Sequence[str],
        labels: Ints,
        attributes: pa.Table,
        neighbours: Floats | None,
        shortened: Mapping[int, Shortened],
        seed: int,
    ) -> ColdStart:
        """Learn from n known users.

        Parameters
        ----------
        ids
            Of k segments.
        labels
            (n,) segment of each user's whole history.
        attributes
            n rows; columns that may be looked at.
        neighbours
            (n, k) as :func:`~fenqun.assignment.features.neighbour_shares` returns them; None without links.
        shortened
            Number of events to users that were cut to as many.
        seed
            Of the folds.
        """
        k = len(ids)
        prior = shares(labels, k)
        folds = np.random.default_rng(seed).permutation(len(labels)) % FOLDS
        features = {} if neighbours is None else {"links": neighbours}
        encoder = AttributeEncoder().fit(attributes, attributes.column_names)
        if encoder.attributes_:
            features["attributes"] = described(encoder, attributes)
        odds: dict[str, SegmentOdds] = {}
        told: dict[str, Floats] = {}
        for name, rows in sorted(features.items()):
            if (found := _witness(rows, labels, k, folds)) is not None:
                odds[name], told[name] = found
        weights, figures = {}, {}
        cases: dict[int, tuple[Ints, dict[str, Floats], Ints | None]] = {0: (np.arange(len(labels)), told, None)}
        for n, cut in sorted(shortened.items()):
            own = labels[cut.rows]
            if (found := _witness(cut.features, own, k, folds[cut.rows])) is not None:
                odds[f"events {n}"] = found[0]
                odds[f"rule {n}"], by_rule = fit_left_out(
                    np.eye(k)[cut.placed], own, k, folds[cut.rows], SegmentOdds.of_table, _STRENGTHS
                )
                cases[n] = (
                    cut.rows,
                    {name: rows[cut.rows] for name, rows in told.items()} | {"events": found[1], "rule": by_rule},
                    cut.placed,
                )
        for n, (users, heard, placed) in cases.items():
            own, of = labels[users], folds[users]
            weights[n] = fit_weights(prior, heard, own)
            figures[n] = judge(prior, heard, own, of, placed)
        kept = {f"{name} {n}" if name in _BY_EVENTS else name for n in weights for name in weights[n]}
        return cls(
            tuple(ids),
            prior,
            encoder if "attributes" in kept else None,
            {name: odds[name] for name in sorted(kept)},
            weights,
            enough_events(figures),
            {str(n): {name: v for name, v in found.items() if name != "gain"} for n, found in figures.items()},
        )

    # -- using ---------------------------------------------------------------------------------

    def place(
        self,
        events: Ints,
        attributes: pa.Table | None,
        neighbours: Floats | None,
        features: Floats | None,
        placed: Ints | None,
    ) -> Placement:
        """Place n users.

        Parameters
        ----------
        events
            (n,) number of events of each.
        attributes
            n rows, nulls where nothing is known; None: no attributes at all.
        neighbours
            (n, k) as :func:`~fenqun.assignment.features.neighbour_shares` returns them; None: no links at all.
        features, placed
            (n, d) of their events, and (n,) segment that the run's rule gives to these; None: nobody has events.
        """
        n, k = len(events), len(self.ids)
        silent = np.full((n, k), np.nan)
        told = {"attributes": silent, "links": silent}
        if self.encoder is not None and attributes is not None:
            told["attributes"] = self._told("attributes", described(self.encoder, attributes))
        if "links" in self.odds and neighbours is not None:
            told["links"] = self._told("links", neighbours)
        steps = np.array(sorted(self.weights), dtype=np.int64)
        step = steps[np.searchsorted(steps, events, side="right") - 1]
        probabilities, by = np.empty((n, k)), [""] * n
        for at in np.unique(step):
            users, weights = np.flatnonzero(step == at), self.weights[int(at)]
            heard = {name: rows[users] for name, rows in told.items()}
            if "events" in weights and features is not None:
                heard["events"] = self.odds[f"events {at}"].log_probabilities(features[users])
            if "rule" in weights and placed is not None:
                heard["rule"] = self.odds[f"rule {at}"].log_probabilities(np.eye(k)[placed[users]])
            probabilities[users] = pool(self.prior, heard, weights)
            spoken = {name: ~np.isnan(rows).any(axis=1) for name, rows in heard.items() if name in weights}
            if "rule" in spoken:  # to a reader, both are the user's events
                spoken["events"] = spoken.pop("rule")
            for place, user in enumerate(users.tolist()):
                by[user] = "+".join(name for name in sorted(spoken) if spoken[name][place]) or "prior"
        return Placement(probabilities, by)

    def _told(self, name: str, rows: Floats) -> Floats:
        known = ~np.isnan(rows).any(axis=1)
        told = np.full((len(rows), len(self.ids)), np.nan)
        told[known] = self.odds[name].log_probabilities(rows[known])
        return told

    # -- storing -------------------------------------------------------------------------------

    def save(self, folder: Path) -> None:
        """Write ``cold_start.safetensors`` and ``cold_start.json`` into ``folder``."""
        from safetensors.numpy import save

        folder.mkdir(parents=True, exist_ok=True)
        tensors = {"prior": self.prior}
        tensors |= {f"{name}.{part}": a for name, odds in self.odds.items() for part, a in odds.tensors().items()}
        (folder / _ARRAYS).write_bytes(save({name: np.ascontiguousarray(a) for name, a in tensors.items()}))
        plain = {
            "ids": self.ids,
            "odds": sorted(self.odds),
            "encoder": None if self.encoder is None else self.encoder.to_dict(),
            "weights": {str(n): dict(weights) for n, weights in self.weights.items()},
            "enough": self.enough,
            "figures": dict(self.figures),
        }
        text = json.dumps(plain, ensure_ascii=False, indent=1)
        (folder / _SETTINGS).write_text(text + "\n", encoding="utf-8")

    @classmethod
    def load(cls, folder: Path) -> ColdStart:
        """Read what :meth:`save` wrote.

        Raises
        ------
        RunError
            If a file is missing or damaged.
        """
        from safetensors.numpy import load_file

        mend = "fenqun run on the same directory makes it again"
        with explain_damage("what places users without a history is missing or damaged", folder, mend):
            tensors = load_file(folder / _ARRAYS)
            plain = json.loads((folder / _SETTINGS).read_text(encoding="utf-8"))
            encoder = plain["encoder"]
            return cls(
                tuple(plain["ids"]),
                tensors["prior"],
                None if encoder is None else AttributeEncoder.from_dict(encoder),
                {
                    name: SegmentOdds(tensors[f"{name}.coefficients"], tensors[f"{name}.intercepts"])
                    for name in plain["odds"]
                },
                {int(n): weights for n, weights in plain["weights"].items()},
                int(plain["enough"]),
                plain["figures"],
            )


def _witness(rows: Floats, labels: Ints, k: int, folds: Ints) -> tuple[SegmentOdds, Floats] | None:
    """Return what features tell, and (n, k) what they tell of users left out; None with too few users to learn from."""
    known = np.flatnonzero(~np.isnan(rows).any(axis=1))
    if len(known) < LEAST_USERS or len(np.unique(folds[known])) < 2:
        return None
    odds, left_out = fit_left_out(rows[known], labels[known], k, folds[known])
    told = np.full((len(rows), k), np.nan)
    told[known] = left_out
    return odds, told
