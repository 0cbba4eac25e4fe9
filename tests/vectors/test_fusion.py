from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fenqun.errors import RunError
from fenqun.vectors.fusion import Fusion, gate


def blocks(seed: int = 0, n: int = 60, scale: float = 1.0) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(seed)
    return {"taste": rng.normal(3, scale, (n, 8)), "rhythm": rng.normal(-50, 900, (n, 3))}


@given(seed=st.integers(0, 50), scale=st.floats(1e-3, 1e3), weight=st.floats(0.1, 5))
@settings(max_examples=30)
def test_a_block_contributes_its_squared_weight_whatever_its_scale(seed: int, scale: float, weight: float) -> None:
    fused = Fusion({"taste": weight, "rhythm": 0.5}).fit_transform(blocks(seed, scale=scale)).astype(float)
    assert fused.mean(axis=0) == pytest.approx(np.zeros(11), abs=1e-5)
    # Columns go by the name of the block: rhythm first.
    assert (fused[:, :3] ** 2).sum(axis=1).mean() == pytest.approx(0.25, rel=1e-4)
    assert (fused[:, 3:] ** 2).sum(axis=1).mean() == pytest.approx(weight**2, rel=1e-4)


def test_a_user_alone_is_fused_as_in_a_batch() -> None:
    made = blocks()
    fusion = Fusion({"taste": 1.0, "rhythm": 0.5}).fit(made)
    one = fusion.transform({name: block[7:8] for name, block in made.items()})
    np.testing.assert_array_equal(one[0], fusion.transform(made)[7])


def test_json_and_back_gives_the_same_vectors() -> None:
    made = blocks() | {"dull": np.ones((60, 2))}
    fusion = Fusion({"taste": 1.0, "rhythm": 0.5, "dull": 2.0, "unused": 0.0}).fit(made)
    again = Fusion.from_dict(json.loads(json.dumps(fusion.to_dict(), allow_nan=False)))
    np.testing.assert_array_equal(again.transform(made), fusion.transform(made))


def test_a_block_in_which_all_are_alike_stays_zero() -> None:
    fused = Fusion({"dull": 1.0}).fit_transform({"dull": np.full((4, 2), 7.0)})
    np.testing.assert_array_equal(fused, np.zeros((4, 2), np.float32))


def test_a_missing_block_is_named() -> None:
    with pytest.raises(RunError, match="'rhythm' is missing"):
        Fusion({"taste": 1.0, "rhythm": 1.0}).fit({"taste": np.ones((3, 2))})


def test_the_gate_drops_what_makes_validation_worse_and_keeps_one() -> None:
    weights = {"taste": 1.0, "rhythm": 0.5, "noise": 1.0}
    value = {
        ("noise", "rhythm", "taste"): 0.3,
        ("rhythm", "taste"): 0.5,
        ("noise", "taste"): 0.2,
        ("noise", "rhythm"): 0.1,
        ("taste",): 0.4,
        ("rhythm",): 0.1,
    }
    report = gate(weights, lambda names: value[names])
    assert report.weights == {"taste": 1.0, "rhythm": 0.5}
    assert report.dropped == ("noise",)
    assert report.figures["all"] == 0.3
    assert report.figures["without noise"] == 0.5
    assert set(gate(weights, lambda names: -float(len(names))).weights) == {
        "taste"
    }  # of equals the last falls first


def test_the_gate_keeps_all_on_a_tie_and_when_nothing_can_be_judged() -> None:
    weights = {"taste": 1.0, "rhythm": 0.5, "off": 0.0}
    for figure in (0.4, float("nan")):
        report = gate(weights, lambda names, figure=figure: figure)
        assert report.weights == {"taste": 1.0, "rhythm": 0.5}
        assert report.dropped == ()
