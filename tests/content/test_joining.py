from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fenqun.content.joining import PENALTIES, Joining, Told, _regress, share_width
from fenqun.content.whitening import Whitening


def drawn(seed: int, n: int = 300, shared: bool = True, missing: float = 0.0) -> tuple[dict[str, Told], np.ndarray]:
    """Titles and pictures of one family an item (shared), or of a family each; some are missing."""
    random = np.random.default_rng(seed)
    families = random.integers(0, 5, (n, 2))
    told = {}
    for position, (name, width) in enumerate((("text", 30), ("image", 50))):
        family = families[:, 0 if shared else position]
        latent = np.hstack([3 * np.eye(5)[family], random.standard_normal((n, 10))])
        raw = latent @ random.standard_normal((15, width)) + 0.1 * random.standard_normal((n, width))
        present = random.random(n) >= missing
        told[name] = Told(raw[present], np.where(present, np.cumsum(present) - 1, -1))
    return told, families


def precision(vectors: np.ndarray, rows: np.ndarray, others: np.ndarray, families: np.ndarray) -> float:
    """Share of the five nearest among others that are of an item's family."""
    nearest = np.argsort(-(vectors[rows] @ vectors[others].T), axis=1)[:, :5]
    return float((families[others][nearest] == families[rows][:, None]).mean())


def test_one_medium_alone_is_whitened_as_ever() -> None:
    told, _ = drawn(0, missing=0.2)
    nothing = Told(np.zeros((0, 7)), np.full(300, -1))
    alone = Joining.fit({"text": told["text"], "image": nothing}, 16)
    vectors = alone.transform({"text": told["text"], "image": nothing})
    white = Whitening.fit(told["text"].vectors, 16).transform(told["text"].vectors)
    np.testing.assert_array_equal(vectors[told["text"].present], white)
    assert not vectors[~told["text"].present].any()


def test_a_title_and_a_picture_of_one_family_are_comparable() -> None:
    told, families = drawn(1, missing=0.4)
    joining = Joining.fit(told, 16)
    vectors = joining.transform(told)
    assert vectors.shape == (300, 16) and vectors.dtype == np.float32
    titles = np.flatnonzero(told["text"].present & ~told["image"].present)
    pictures = np.flatnonzero(told["image"].present & ~told["text"].present)
    assert precision(vectors, titles, pictures, families[:, 0]) > 0.7
    assert precision(vectors, pictures, titles, families[:, 0]) > 0.7


def test_media_that_tell_nothing_of_each_other_stay_apart() -> None:
    told, families = drawn(2, n=600, shared=False, missing=0.3)
    joining = Joining.fit(told, 16)
    vectors = joining.transform(told)
    lengths = np.linalg.norm(vectors, axis=1)
    whole = told["text"].present & told["image"].present
    np.testing.assert_allclose(lengths[whole], 1, atol=1e-5)
    one = told["text"].present ^ told["image"].present
    np.testing.assert_allclose(lengths[one], np.sqrt(0.5), atol=0.05)
    assert not vectors[~told["text"].present & ~told["image"].present].any()
    rows = np.flatnonzero(told["image"].present)
    assert precision(vectors, rows, rows, families[:, 1]) > 0.6


@pytest.mark.parametrize("order", [("text", "image"), ("image", "text")])
def test_neither_the_order_of_items_nor_of_media_changes_a_vector(order: tuple[str, str]) -> None:
    told, _ = drawn(3, missing=0.3)
    turned = {name: Told(told[name].vectors, told[name].place[::-1]) for name in told}
    first = Joining.fit(told, 16).transform(told)
    np.testing.assert_allclose(Joining.fit(turned, 16).transform(turned)[::-1], first, atol=1e-5)
    swapped = {name: told[name] for name in order}
    again = Joining.fit(swapped, 16).transform(swapped)
    np.testing.assert_allclose(again @ again.T, first @ first.T, atol=1e-5)


def test_three_media_of_which_any_is_missing() -> None:
    told, _ = drawn(4, missing=0.5)
    other, _ = drawn(4, missing=0.5)
    media = {**told, "audio": Told(other["image"].vectors[::-1], other["image"].place[::-1])}
    vectors = Joining.fit(media, 15).transform(media)
    present = np.logical_or.reduce([medium.present for medium in media.values()])
    assert vectors.shape == (300, 15) and np.isfinite(vectors).all()
    assert (np.linalg.norm(vectors[present], axis=1) > 0.5).all() and not vectors[~present].any()
    assert np.linalg.norm(vectors, axis=1).max() < 1.0001


@given(
    st.dictionaries(st.sampled_from(["text", "image", "audio"]), st.integers(1, 10**6), min_size=1),
    st.integers(2, 99),
)
def test_widths_are_shared_out_to_the_last_column(items: dict[str, int], width: int) -> None:
    shared = share_width(items, width)
    assert sum(shared.values()) == width and min(shared.values()) >= min(2, width // len(items))


@settings(max_examples=20)
@given(st.integers(0, 10**6), st.integers(4, 20), st.floats(0, 1))
def test_the_penalty_is_that_of_the_least_error_left_out(seed: int, n: int, told: float) -> None:
    random = np.random.default_rng(seed)
    inputs, outputs = random.standard_normal((n, 3)), random.standard_normal((n, 2))
    outputs += 3 * told * inputs[:, :2]
    unit = (inputs**2).sum() / n

    def ridge(rows: np.ndarray, penalty: float) -> np.ndarray:
        gram = inputs[rows].T @ inputs[rows] + penalty * unit * np.eye(3)
        return np.linalg.solve(gram, inputs[rows].T @ outputs[rows])

    everyone = np.arange(n)
    errors = {
        penalty: sum(
            ((outputs[i] - inputs[i] @ ridge(everyone[everyone != i], penalty)) ** 2).sum() for i in everyone
        )
        for penalty in PENALTIES
    }
    best = min(errors, key=lambda penalty: errors[penalty])
    found = _regress(inputs, outputs)
    if errors[best] >= (outputs**2).sum():
        assert found is None
    else:
        np.testing.assert_allclose(found, ridge(everyone, best), atol=1e-6)
