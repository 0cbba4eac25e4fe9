"""Groups that know the future win the contest, and RFM points are what marketing means by them."""

from __future__ import annotations

import numpy as np
import pytest

from fenqun.evaluation.tiers import contest, rfm_cuts


def test_who_knows_the_outcome_wins() -> None:
    random = np.random.default_rng(0)
    outcome = random.lognormal(size=400)
    told, blind = (outcome > np.median(outcome)).astype(int), random.integers(0, 2, 400)
    rows = contest({"told": told, "blind": blind}, {"value": outcome}, repeats=200)
    assert [(row.grouping, row.groups, row.explained.n) for row in rows] == [("told", 2, 400), ("blind", 2, 400)]
    first, second = rows
    assert first.lead is None
    assert second.lead is not None
    assert second.lead.low > 0
    assert second.lead.value == pytest.approx(first.explained.value - second.explained.value)


def test_rfm_points_rank_by_all_three() -> None:
    recency = np.asarray([100.0, 50, 20, 5, 1, np.nan])
    amounts = {"n_events": np.asarray([1, 2, 4, 8, 16, 0]), "monetary": np.asarray([1.0, 2, 4, 8, 16, 0])}
    found = rfm_cuts(recency, amounts, 3)
    assert found.max() == 2
    assert found[4] == 2
    assert found[5] == 0
    assert np.all(np.diff(found[:5]) >= 0)


def test_rfm_does_without_values() -> None:
    found = rfm_cuts(np.arange(40.0), {"n_events": np.arange(40)[::-1]}, 5)
    assert np.bincount(found).tolist() == [8] * 5
    assert found[0] == 4
