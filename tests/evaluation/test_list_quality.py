import numpy as np
import pytest
from scipy import sparse

from fenqun.evaluation.list_quality import exposure_gini, miscalibration, novelty

LISTS = np.array([[0, 1], [2, -1], [-1, -1]], dtype=np.int32)


def test_novelty_is_the_mean_of_the_bits():
    found = novelty(LISTS, [8, 4, 0], 8)
    assert found[:2] == pytest.approx([0.5, 3.0])  # 0 and 1 bits; an item of nobody counts as one user's
    assert np.isnan(found[2])


def test_a_list_with_the_users_own_mix_is_calibrated():
    codes = np.array([0, 1, 1])
    history = sparse.csr_matrix(np.array([[3.0, 3.0, 0], [0, 0, 5.0], [1, 0, 0]]))
    found = miscalibration(LISTS, history, codes, 2)
    assert found[:2] == pytest.approx([0, 0])
    assert np.isnan(found[2])
    one_sided = miscalibration(np.array([[0, 0]]), sparse.csr_matrix([[1.0, 1.0, 0]]), codes, 2)[0]
    assert one_sided == pytest.approx(0.5 * np.log(0.5 / 0.995) + 0.5 * np.log(0.5 / 0.005))


def test_items_of_unknown_category_say_nothing():
    history = sparse.csr_matrix(np.array([[1.0, 0, 0]]))
    assert np.isnan(miscalibration(np.array([[1, 2]]), history, np.array([0, -1, -1]), 1)[0])
    assert np.isnan(miscalibration(np.array([[0, 2]]), history, np.array([-1, 0, 0]), 1)[0])


def test_gini_runs_from_all_alike_to_one_alone():
    assert exposure_gini(np.array([[0, 1], [2, 3]]), 4) == pytest.approx(0)
    assert exposure_gini(np.zeros((50, 1), int), 100) == pytest.approx(0.99)
    assert np.isnan(exposure_gini(np.array([[-1]]), 4))
