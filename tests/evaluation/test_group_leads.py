import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fenqun.evaluation.group_leads import false_discovery, group_lead, group_means, paired_p
from fenqun.evaluation.intervals import mean_interval


def test_like_groups_go_together_and_unlike_ones_speak_for_themselves():
    rng = np.random.default_rng(0)
    groups = np.repeat(np.arange(5), 40)
    alike = group_lead(rng.normal(0.1, 1, 200), groups, 5)
    own = np.array([0.0, 2, -2, 4, 1])
    unlike = group_lead(rng.normal(0, 1, 200) + own[groups], groups, 5)
    assert np.ptp(alike.mean) < 0.3 and (alike.error < 1 / np.sqrt(40)).all()
    np.testing.assert_allclose(unlike.mean, own, atol=0.5)


def test_a_group_without_users_gets_what_is_known_of_all():
    rng = np.random.default_rng(1)
    found = group_lead(rng.normal(0.5, 0.1, 100), np.zeros(100, int), 2)
    assert found.mean[1] == pytest.approx(found.mean[0])
    assert np.isnan(group_lead([np.nan, 1.0], [0, 0], 1).mean[0])


def test_everybody_level_is_beyond_doubt():
    found = group_lead(np.full(20, 0.25), np.arange(20) % 2, 2)
    assert found.mean.tolist() == [0.25, 0.25] and found.established(1.96).all()
    assert not group_lead(np.zeros(20), np.arange(20) % 2, 2).established(1.96).any()


def test_doubt_is_as_large_as_it_says():
    covered = 0
    for seed in range(200):
        rng = np.random.default_rng(seed)
        own = rng.normal(0, 0.3, 8)
        groups = rng.integers(0, 8, 400)
        found = group_lead(rng.normal(0, 1, 400) + own[groups], groups, 8)
        covered += int((np.abs(found.mean - own) < 1.96 * found.error).sum())
    assert 0.90 < covered / 1600 < 0.98


def test_means_of_groups_are_those_of_one_group_at_a_time():
    rng = np.random.default_rng(2)
    values = rng.normal(size=(3, 90))
    values[1, :30] = np.nan
    groups = rng.integers(-1, 3, 90)
    found = group_means(values, groups, 4, repeats=200, seed=5)
    assert found.n[:, 3].tolist() == [0, 0, 0] and np.isnan(found.value[:, 3]).all()
    alone = mean_interval(values[0, groups == 1], repeats=200, seed=5)
    assert (found.value[0, 1], found.low[0, 1], found.high[0, 1]) == pytest.approx(
        (alone.value, alone.low, alone.high)
    )
    assert found.n[1].sum() == (groups[30:] >= 0).sum()


@settings(max_examples=20)
@given(st.integers(0, 10_000))
def test_p_is_that_of_scipy(seed):
    from scipy import stats

    rng = np.random.default_rng(seed)
    rows = rng.normal(0.1, 1, (2, 30))
    found = paired_p(rows, np.zeros(30, int), 1)
    assert found[:, 0] == pytest.approx(stats.ttest_1samp(rows, 0, axis=1).pvalue)


def test_p_of_few_and_of_level_users():
    found = paired_p(np.array([[0.0, 0.0, 1.0], [np.nan, 2.0, 2.0]]), [0, 0, 1], 2)
    assert found[0].tolist()[0] == 1.0 and np.isnan(found[1, 0]) and np.isnan(found[:, 1]).all()


def test_q_is_of_all_finite_p():
    q = false_discovery(np.array([[0.01, np.nan], [0.04, 0.03]]))
    assert np.isnan(q[0, 1]) and q[0, 0] == pytest.approx(0.03) and q[1, 0] == pytest.approx(0.04)
    assert np.isnan(false_discovery(np.full(3, np.nan))).all()
