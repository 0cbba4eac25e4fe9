import numpy as np
import pytest

from fenqun import schema
from fenqun.evaluation.comparison import Judged, compare, verdicts
from fenqun.evaluation.external import external_statistics
from fenqun.evaluation.intervals import paired_interval
from fenqun.evaluation.stability import Stability
from fenqun.evaluation.value import value_statistics

N = 300


@pytest.fixture
def judged():
    generator = np.random.default_rng(0)
    base = generator.random(N)
    base[:30] = np.nan
    spend = generator.normal(size=N)
    noise = generator.normal(scale=1e-4, size=N)
    noise -= noise[30:].mean()
    tiers, tastes = np.digitize(spend, [-1, 0, 1]), generator.integers(0, 4, N)
    classes = np.where(tastes < 2, "a", "b")
    return [
        Judged(
            "learned",
            4,
            N,
            lists={"ndcg": base + 0.1, "recall": base},
            coverage=0.4,
            value=value_statistics(tastes, {"future_value": spend}),
            labels=external_statistics(tastes, classes, "income"),
            shape={"silhouette": 0.2, "davies_bouldin": 2.0},
            null={"silhouette": 0.1},
            stability=Stability(0.8, 0.7, 0.9, {0: 0.9, 1: 0.6}, 20, N),
        ),
        Judged(
            "rfm",
            4,
            N,
            lists={"ndcg": base, "recall": base + noise - 1e-8},
            value=value_statistics(tiers, {"future_value": spend}),
            shape={"silhouette": 0.1, "davies_bouldin": float("nan")},
        ),
        Judged("popularity", 1, N, lists={"ndcg": base - 0.1}),
    ]


def row(table, strategy, metric):
    return next(r for r in table.to_pylist() if (r["strategy"], r["metric"]) == (strategy, metric))


def test_the_table_has_the_public_schema_and_one_row_a_figure(judged):
    table = compare(judged, repeats=200)
    assert table.schema.equals(schema.COMPARISON)
    keys = [(r["strategy"], r["k"], r["metric"]) for r in table.to_pylist()]
    assert len(keys) == len(set(keys))
    assert {r["axis"] for r in table.to_pylist()} == {"lists", "value", "shape", "stability", "labels"}


def test_values_and_paired_differences(judged):
    table = compare(judged, repeats=500, seed=3)
    found = row(table, "rfm", "ndcg")
    assert found["n"] == 270
    assert found["low"] < found["value"] < found["high"]
    assert found["difference"] == pytest.approx(-0.1)
    assert found["difference_low"] == pytest.approx(-0.1)
    assert row(table, "popularity", "ndcg")["difference"] == pytest.approx(-0.2)
    assert row(table, "learned", "ndcg")["difference"] is None
    recall = row(table, "rfm", "recall")
    alone = paired_interval(judged[1].lists["recall"], judged[0].lists["recall"], repeats=500)
    assert recall["difference"] == pytest.approx(alone.value)
    assert recall["difference_high"] - recall["difference_low"] == pytest.approx(alone.high - alone.low, rel=0.2)


def test_value_differences_are_paired_too(judged):
    found = row(compare(judged, repeats=300), "rfm", "future_value")
    assert found["value"] > 0.7
    assert found["difference_low"] > 0.5


def test_figures_without_resamples(judged):
    table = compare(judged, repeats=200)
    shape = row(table, "learned", "silhouette")
    assert (shape["value"], shape["null"], shape["low"], shape["better"]) == (0.2, 0.1, None, "higher")
    assert row(table, "learned", "davies_bouldin")["better"] == "lower"
    assert row(table, "rfm", "davies_bouldin")["value"] is None
    stable = row(table, "learned", "bootstrap_ari")
    assert (stable["value"], stable["low"], stable["high"]) == (0.8, 0.7, 0.9)
    assert row(table, "learned", "least_jaccard")["value"] == 0.6
    assert row(table, "learned", "coverage")["value"] == 0.4
    assert row(table, "learned", "income.f1")["axis"] == "labels"


def test_verdicts_say_who_won_also_when_it_is_not_us(judged):
    found = {v.metric: v for v in verdicts(compare(judged, repeats=300))}
    assert (found["ndcg"].winner, found["ndcg"].established) == ("learned", True)
    assert (found["future_value"].winner, found["future_value"].established) == ("rfm", True)
    assert not found["recall"].established
    assert (found["davies_bouldin"].winner, found["davies_bouldin"].established) == ("learned", False)
    assert found["ndcg"].k == 4


def test_lower_is_better_where_it_is():
    table = compare([Judged("learned", 3, 5, shape={"inertia": 4.0}), Judged("rfm", 3, 5, shape={"inertia": 3.0})])
    assert verdicts(table)[0].winner == "rfm"


def test_strategies_meet_at_equal_k():
    ones = np.ones(10)
    table = compare(
        [
            Judged("learned", 4, 10, lists={"ndcg": 0.5 * ones}),
            Judged("learned", 8, 10, lists={"ndcg": 0.7 * ones}),
            Judged("rfm", 4, 10, lists={"ndcg": 0.6 * ones}),
            Judged("rfm", 8, 10, lists={"ndcg": 0.6 * ones}),
            Judged("external", 5, 10, lists={"ndcg": 0.1 * ones}),
        ],
        repeats=100,
    )
    differences = {(r["strategy"], r["k"]): r["difference"] for r in table.to_pylist()}
    assert differences["rfm", 4] == pytest.approx(0.1)
    assert differences["rfm", 8] == pytest.approx(-0.1)
    assert differences["external", 5] == pytest.approx(-0.4)
    assert [(v.k, v.winner) for v in verdicts(table)] == [(4, "rfm"), (8, "learned")]


def test_the_same_seed_gives_the_same_table(judged):
    assert compare(judged, repeats=100, seed=2).equals(compare(judged, repeats=100, seed=2))
    assert not compare(judged, repeats=100, seed=2).equals(compare(judged, repeats=100, seed=3))


@pytest.mark.filterwarnings("error")
def test_nothing_to_compare():
    empty = compare([])
    assert empty.num_rows == 0
    assert verdicts(empty) == []
    table = compare([Judged("learned", 2, 4, lists={"ndcg": np.full(4, np.nan)})], repeats=100)
    assert table.to_pylist()[0]["value"] is None
    assert table.to_pylist()[0]["n"] == 0
    assert verdicts(table) == []


def test_without_learned_nothing_is_paired():
    table = compare([Judged("rfm", 2, 4, lists={"ndcg": np.arange(4.0)})], repeats=100)
    assert table.to_pylist()[0]["difference"] is None
    assert [(v.winner, v.established) for v in verdicts(table)] == [("rfm", False)]
