import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import (
    adjusted_rand_score,
    normalized_mutual_info_score,
    precision_recall_fscore_support,
)

from fenqun.evaluation.agreement import dense, encode
from fenqun.evaluation.external import external_metrics, external_statistics, mapped_classes
from fenqun.evaluation.intervals import point


def case(seed, n=200):
    generator = np.random.default_rng(seed)
    truth = generator.integers(0, 3, n)
    groups = np.where(generator.random(n) < 0.6, truth, generator.integers(0, 5, n))
    return groups, np.array(["low", "mid", "high"], dtype=object)[truth]


@pytest.mark.parametrize("seed", range(5))
def test_equal_to_scikit_learn(seed):
    groups, truth = case(seed)
    codes, _ = encode(truth)
    found = external_metrics(groups, truth)
    read = mapped_classes(groups, codes)
    precision, recall, f1, _ = precision_recall_fscore_support(codes, read, average="macro", zero_division=0)
    assert (found.precision, found.recall, found.f1) == pytest.approx((precision, recall, f1))
    assert found.nmi == pytest.approx(normalized_mutual_info_score(groups, codes))
    assert found.ari == pytest.approx(adjusted_rand_score(groups, codes))
    assert found.n == sum(found.classes.values()) == 200


def test_statistics_give_the_same_figures():
    groups, truth = case(3)
    truth[:20] = None
    found = external_metrics(groups, truth, seed=5)
    for name, (statistic, n) in external_statistics(groups, truth, "income", seed=5).items():
        assert n == found.n == 180
        assert point(statistic, 200) == pytest.approx(getattr(found, name.removeprefix("income.")))


@settings(max_examples=20)
@given(st.integers(0, 1000), st.permutations(range(5)))
def test_names_of_groups_change_nothing(seed, names):
    groups, truth = case(seed, 60)
    first, again = external_metrics(groups, truth), external_metrics(np.array(names)[groups], truth)
    for name in ("precision", "recall", "f1", "nmi"):
        assert getattr(first, name) == pytest.approx(getattr(again, name))
        assert 0 <= getattr(first, name) <= 1


def test_every_user_a_segment_gains_nothing():
    _, truth = case(0)
    codes, _ = encode(truth)
    read = mapped_classes(np.arange(200), codes)
    assert len(np.unique(read)) <= 2  # the majority of either half
    assert external_metrics(np.arange(200), truth).f1 < 0.3


def test_a_perfect_segmentation():
    _, truth = case(0)
    found = external_metrics(dense(encode(truth)[0])[0], truth)
    assert (found.precision, found.recall, found.f1) == (1.0, 1.0, 1.0)
    assert (found.nmi, found.ari) == pytest.approx((1.0, 1.0))


def test_a_user_s_own_class_does_not_read_it():
    groups, truth = case(1)
    codes, _ = encode(truth)
    before = mapped_classes(groups, codes)
    for user in range(0, 200, 20):
        changed = codes.copy()
        changed[user] = (changed[user] + 1) % 3
        assert mapped_classes(groups, changed)[user] == before[user]


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("truth", [[None] * 4, [float("nan")] * 4, [""] * 4])
def test_no_labels(truth):
    found = external_metrics([0, 0, 1, 1], truth)
    assert found.n == 0
    assert np.isnan([found.f1, found.nmi, found.ari]).all()
    assert external_statistics([0, 0, 1, 1], truth, "income") == {}


@pytest.mark.filterwarnings("error")
def test_one_labelled_user():
    assert external_metrics([0, 1], ["a", None]).n == 1
