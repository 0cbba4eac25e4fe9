"""The cuts are the best there are, whatever the order of rows."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fenqun.segmentation.breaks import kmeans_breaks

Numbers = np.ndarray


def squares(values: Numbers, cuts: Numbers) -> float:
    """Sum of squared distances to the mean of one's group."""
    place = np.searchsorted(cuts, values, side="right")
    groups = (values[place == g] for g in range(len(cuts) + 1))
    return float(sum(((group - group.mean()) ** 2).sum() for group in groups if len(group)))


@settings(max_examples=150)
@given(st.lists(st.integers(-60, 60), min_size=1, max_size=10), st.integers(1, 4))
def test_no_other_cuts_are_better(numbers: list[int], k: int) -> None:
    values = np.asarray(numbers, dtype=np.float64) / 7
    levels = np.unique(values)
    groups = min(k, len(levels))
    best = min(
        squares(values, levels[list(starts)])
        for starts in itertools.combinations(range(1, len(levels)), groups - 1)
    )
    cuts = kmeans_breaks(values, k)
    assert len(cuts) == groups - 1
    assert np.all(np.diff(cuts) > 0)
    assert squares(values, cuts) == pytest.approx(best, abs=1e-9)


def test_the_order_of_rows_does_not_matter() -> None:
    random = np.random.default_rng(3)
    values = random.lognormal(sigma=1.5, size=3000)
    assert kmeans_breaks(values, 7).tolist() == kmeans_breaks(random.permutation(values), 7).tolist()


def test_large_numbers_keep_their_digits() -> None:
    values = np.asarray([1e12 + x for x in (0, 1, 2, 100, 101, 102)])
    assert kmeans_breaks(values, 2).tolist() == [1e12 + 51]


def test_a_cut_lies_between_neighbours_that_no_float_parts() -> None:
    low = 1.0
    high = np.nextafter(low, 2.0)
    (cut,) = kmeans_breaks([low, high], 2)
    assert low < cut <= high
