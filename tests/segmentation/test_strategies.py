"""One contract for every strategy, and what each says of users."""

from __future__ import annotations

import json

import numpy as np
import pyarrow as pa
import pytest
from scipy import sparse

from fenqun.errors import ConfigError, FenqunError
from fenqun.segmentation.attributes import AttributeEncoder, normal_scores
from fenqun.segmentation.clusterers.catalogue import make_clusterer
from fenqun.segmentation.inputs import Inputs
from fenqun.segmentation.strategies import STRATEGIES, available, features, make_strategy

N, ITEMS = 200, 30
CATEGORIES = ["film", "music", "书籍", "games"]


@pytest.fixture(scope="module")
def inputs() -> Inputs:
    rng = np.random.default_rng(0)
    profiles = pa.table(
        {
            "user_id": [f"u{i}" for i in range(N)],
            "recency_days": pa.array([None, *rng.exponential(30, N - 1)]),
            "n_events": rng.integers(0, 500, N),
            "monetary": pa.array([None, *rng.lognormal(3, 2, N - 1)]),
            "attr_age": pa.array([None if i % 10 == 0 else int(a) for i, a in enumerate(rng.integers(18, 80, N))]),
            "attr_city": pa.array([None if i % 7 == 0 else ["上海", "Paris", "Oslo"][i % 3] for i in range(N)]),
            "attr_vip": pa.array([bool(i % 2) for i in range(N)]),
        }
    )
    counts = sparse.csr_matrix(rng.poisson(0.4, (N, ITEMS)).astype(float))
    codes = rng.integers(-1, 4, ITEMS)
    return Inputs(
        profiles=profiles,
        counts=counts,
        category_codes=codes,
        category_names=CATEGORIES,
        attributes=["attr_age", "attr_city", "attr_vip"],
        learned=rng.normal(size=(N, 5)),
        external=[None if i % 9 == 0 else f"seg{i % 3}" for i in range(N)],
    )


@pytest.mark.parametrize("name", list(STRATEGIES))
def test_features_are_finite_and_tell_users_apart(name, inputs):
    X = features(name, inputs)
    assert X.dtype == np.float64
    assert X.shape[0] == N
    assert np.isfinite(X).all()
    assert len(np.unique(X, axis=0)) > 2


@pytest.mark.parametrize("name", list(STRATEGIES))
def test_row_order_and_user_names_do_not_matter(name, inputs):
    order = np.random.default_rng(1).permutation(N)
    shuffled = inputs.rows(order)
    shuffled = Inputs(**{**vars(shuffled), "profiles": shuffled.profiles.set_column(0, "user_id", [["x"] * N])})
    np.testing.assert_allclose(features(name, shuffled), features(name, inputs)[order], atol=1e-12)


@pytest.mark.parametrize("name", list(STRATEGIES))
def test_new_users_are_described_as_the_first_were(name, inputs):
    fitted = make_strategy(name).fit(inputs)
    state = json.loads(json.dumps(fitted.to_dict()))
    restored = make_strategy(name).restore(state)
    some = np.array([5, 0, 17])
    np.testing.assert_array_equal(restored.transform(inputs.rows(some)), fitted.transform(inputs)[some])


@pytest.mark.parametrize("name", list(STRATEGIES))
def test_one_user_can_be_described(name, inputs):
    alone = inputs.rows(np.array([3]))
    if available(alone)[name] is None:
        assert np.isfinite(features(name, alone)).all()
    else:
        assert name == "static"


def test_reasons_are_readable(inputs):
    bare = Inputs(
        profiles=inputs.profiles.select(["user_id", "n_events", "recency_days"]),
        counts=sparse.csr_matrix(np.ones((N, 1))),
        category_codes=np.array([-1]),
        category_names=[],
        attributes=[],
    )
    assert available(bare) == {
        "static": "the user table has no attributes",
        "rfm": None,
        "interest": "the log is about one item only and has no categories",
        "learned": "no user vectors were learned",
        "external": "no file of segments is given",
    }
    with pytest.raises(FenqunError, match="strategy static: the user table has no attributes"):
        features("static", bare)
    assert features("rfm", bare).shape == (N, 2)
    assert set(available(inputs).values()) == {None}


def test_attributes_that_tell_no_one_apart_are_a_reason(inputs):
    same = inputs.profiles.append_column("attr_same", pa.array(["a"] * N)).append_column(
        "attr_none", pa.nulls(N, pa.float64())
    )
    reason = available(Inputs(**{**vars(inputs), "profiles": same, "attributes": ["attr_same", "attr_none"]}))[
        "static"
    ]
    assert reason == "every attribute is missing or the same for all users"


def test_unknown_strategy_says_which_there_are():
    with pytest.raises(ConfigError, match="static, rfm, interest, learned, external"):
        make_strategy("astrology")


def test_each_attribute_adds_the_same_variance(inputs):
    encoder = AttributeEncoder().fit(inputs.profiles, inputs.attributes)
    X = encoder.transform(inputs.profiles)
    ends = np.cumsum([len(a["centre"]) for a in encoder.attributes_])[:-1]
    for block in np.split(X, ends, axis=1):
        assert block.var(axis=0).sum() == pytest.approx(1.0)
    np.testing.assert_allclose(X.mean(axis=0), 0, atol=1e-9)


def test_missing_is_a_level_and_rare_levels_are_pooled():
    city = ["a"] * 50 + ["b"] * 40 + [None] * 8 + ["c", "d"]
    X = AttributeEncoder().fit(table := pa.table({"attr_city": city}), ["attr_city"]).transform(table)
    np.testing.assert_array_equal(X[98], X[99])
    assert len(np.unique(X, axis=0)) == 4


def test_units_and_skew_of_a_number_do_not_matter():
    value = np.random.default_rng(0).lognormal(0, 2, 300)
    blocks = [
        AttributeEncoder().fit(table := pa.table({"attr_v": v}), ["attr_v"]).transform(table)
        for v in (value, 1000 * value)
    ]
    np.testing.assert_allclose(blocks[0], blocks[1], atol=1e-9)
    rank = value.argsort().argsort()
    assert np.corrcoef(blocks[0][:, 0], rank)[0, 1] > 0.95


def test_infinite_and_missing_numbers_are_missing():
    table = pa.table({"attr_v": pa.array([1.0, 2.0, float("inf"), None, float("nan"), 3.0])})
    X = AttributeEncoder().fit(table, ["attr_v"]).transform(table)
    assert np.isfinite(X).all()
    np.testing.assert_array_equal(X[2], X[3])
    np.testing.assert_array_equal(X[3], X[4])
    assert not np.array_equal(X[3], X[1])


def test_a_table_without_the_attribute_is_all_missing():
    table = pa.table({"attr_v": [1, 2, None], "attr_c": ["a", "a", None]})
    encoder = AttributeEncoder().fit(table, ["attr_v", "attr_c"])
    np.testing.assert_array_equal(encoder.transform(pa.table({"user_id": ["x"]}))[0], encoder.transform(table)[2])


def test_normal_scores_rise_and_share_ties():
    knots = [0.0, 0.0, 0.0, 1.0, 2.0]
    scores = normal_scores(np.array([-5.0, 0.0, 0.5, 1.0, 2.0, 9.0]), knots)
    assert (np.diff(scores) >= 0).all()
    assert scores[1] == pytest.approx(-0.6744897)  # ties share the middle of 0 and 1/2
    assert scores[-1] == 2.5


def test_rfm_is_standardised_and_ordered(inputs):
    X = features("rfm", inputs)
    np.testing.assert_allclose(X.mean(axis=0), 0, atol=1e-9)
    np.testing.assert_allclose(X.std(axis=0), 1, atol=1e-9)
    assert X[0, 0] == X[:, 0].max()  # no event: as long ago as anyone
    events = inputs.profiles["n_events"].to_numpy()
    assert X[events.argmax(), 1] == X[:, 1].max()


def test_interest_rows_are_roots_of_shares(inputs):
    X = features("interest", inputs)
    assert X.shape == (N, len(CATEGORIES) + 1)
    sums = np.square(X).sum(axis=1)
    assert np.all(np.isclose(sums, 1) | (sums == 0))
    codes = inputs.category_codes
    row = inputs.counts[4].toarray()[0]
    share = row[codes == 1].sum() / row[codes >= 0].sum()
    names = make_strategy("interest").fit(inputs).to_dict()["categories"]
    assert X[4, names.index("music")] ** 2 == pytest.approx(share)


def test_interest_without_categories_is_shares_of_frequent_items(inputs):
    plain = Inputs(**{**vars(inputs), "category_codes": np.full(ITEMS, -1), "category_names": []})
    X = features("interest", plain)
    assert X.shape == (N, ITEMS)
    wide = sparse.csr_matrix(np.random.default_rng(0).poisson(1, (N, 80)).astype(float))
    many = Inputs(**{**vars(plain), "counts": wide, "category_codes": np.full(80, -1)})
    assert features("interest", many).shape == (N, 50)


def test_external_segments_come_back_as_they_are(inputs):
    X = features("external", inputs)
    model = make_clusterer("given", 1).fit(X)
    pairs = set(zip(model.predict(X).tolist(), inputs.external, strict=True))
    assert len(pairs) == model.n_clusters_ == 4  # three segments, and users missing in the file
