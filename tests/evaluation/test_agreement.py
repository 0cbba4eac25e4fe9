import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import adjusted_rand_score, normalized_mutual_info_score

from fenqun.evaluation.agreement import (
    adjusted_rand,
    dense,
    encode,
    information_statistic,
    normalized_information,
    rand_index,
    rand_statistic,
    tables,
)
from fenqun.evaluation.intervals import point

pairs = st.lists(st.tuples(st.integers(0, 5), st.integers(0, 3)), min_size=1, max_size=60)


@settings(max_examples=80)
@given(pairs)
def test_equal_to_scikit_learn(rows):
    first, second = np.array(rows).T
    (a, k), (b, c) = dense(first), dense(second)
    table = tables(a, b, np.ones((1, len(a))), (k, c))
    assert adjusted_rand(table)[0] == pytest.approx(adjusted_rand_score(first, second))
    assert rand_index(first, second) == pytest.approx(adjusted_rand_score(first, second))
    assert normalized_information(table)[0] == pytest.approx(normalized_mutual_info_score(first, second), abs=1e-9)


@settings(max_examples=30)
@given(pairs, st.permutations(range(6)))
def test_names_of_groups_change_nothing(rows, names):
    first, second = np.array(rows).T
    renamed = np.array(names)[first]
    assert rand_index(renamed, second) == pytest.approx(rand_index(first, second))
    assert rand_index(first, second) == pytest.approx(rand_index(second, first))


def test_statistics_of_a_resample_equal_those_of_the_drawn_users():
    generator = np.random.default_rng(0)
    first, second = generator.integers(0, 4, 50), generator.integers(0, 3, 50)
    drawn = generator.integers(0, 50, 50)
    weights = np.bincount(drawn, minlength=50).astype(float)[None]
    assert rand_statistic(first, second)(weights)[0] == pytest.approx(
        adjusted_rand_score(first[drawn], second[drawn])
    )
    assert information_statistic(first, second)(weights)[0] == pytest.approx(
        normalized_mutual_info_score(first[drawn], second[drawn])
    )


def test_unknown_rows_do_not_count():
    first, second = np.array([0, 0, 1, 1, -1]), np.array([0, 0, 1, 1, 1])
    assert point(rand_statistic(first, second), 5) == 1.0


@pytest.mark.filterwarnings("error")
def test_nothing_in_common_is_nan():
    nothing = np.full(3, -1)
    assert np.isnan(point(rand_statistic(nothing, nothing), 3))
    assert np.isnan(point(information_statistic(nothing, nothing), 3))


@pytest.mark.parametrize(
    "labels",
    [
        ["b", None, "a", "b", ""],
        np.array(["b", None, "a", "b", None], dtype=object),
        pa.array(["b", None, "a", "b", None]),
        pa.chunked_array([["b", None], ["a", "b", None]]),
    ],
)
def test_encode_orders_by_text_and_keeps_missing_apart(labels):
    codes, names = encode(labels)
    assert names == ["a", "b"]
    assert codes.tolist() == [1, -1, 0, 1, -1]


def test_encode_numbers():
    codes, names = encode(np.array([2.0, np.nan, 1.0]))
    assert names == ["1", "2"]
    assert codes.tolist() == [1, -1, 0]
    assert encode([])[1] == []
