from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fenqun.content.whitening import Whitening


def anisotropic(n: int, d: int = 24, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return rng.normal(size=(n, d)) * np.linspace(5, 0.5, d) + 30


def test_directions_of_text_stop_pointing_the_same_way() -> None:
    rows = anisotropic(3000)
    unit = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    white = Whitening.fit(rows, 16).transform(rows)
    assert np.mean(unit @ unit.T) > 0.9
    assert abs(np.mean(white @ white.T)) < 0.01
    spread = white.std(axis=0)
    assert spread.max() / spread.min() < 1.2


@given(n=st.integers(0, 12), d=st.integers(1, 8), width=st.integers(2, 10), seed=st.integers(0, 30))
@settings(max_examples=40)
def test_any_number_of_texts_gives_finite_unit_rows(n: int, d: int, width: int, seed: int) -> None:
    rows = np.random.default_rng(seed).normal(size=(n, d))
    white = Whitening.fit(rows, width).transform(rows)
    assert white.shape == (n, width) and white.dtype == np.float32
    lengths = np.linalg.norm(white, axis=1)
    assert (np.isclose(lengths, 1, atol=1e-5) | (lengths == 0)).all()


def test_order_of_texts_and_json_change_nothing() -> None:
    rows = anisotropic(200)
    order = np.random.default_rng(1).permutation(200)
    whitening = Whitening.fit(rows, 8)
    np.testing.assert_allclose(Whitening.fit(rows[order], 8).transform(rows), whitening.transform(rows), atol=1e-5)
    again = Whitening.from_dict(json.loads(json.dumps(whitening.to_dict(), allow_nan=False)))
    np.testing.assert_array_equal(again.transform(rows), whitening.transform(rows))


@pytest.mark.parametrize("rows", [np.ones((5, 4)), np.ones((1, 4))])
def test_texts_all_alike_are_zero(rows: np.ndarray) -> None:
    assert not Whitening.fit(rows, 3).transform(rows).any()
