"""The verdict on structure: planted types are found, groups drawn by lot are not."""

from __future__ import annotations

import numpy as np
import pytest

from fenqun.pipeline.judging import PhaseJudge
from fenqun.pipeline.phases import Phases
from fenqun.pipeline.structure import structure


@pytest.fixture(scope="module")
def judge(settings, finished):
    return PhaseJudge(Phases(settings, finished), "judge")


def test_planted_types_are_structure(finished, judge):
    labels = np.asarray(finished.read_table("work/judged.parquet")["learned"])
    found = structure(judge, labels, 7)
    assert found.found and found.low > 0 and found.n == len(labels)
    assert finished.stage_record("evaluation").figures["structure"] == found.told()
    (metric,) = [m for m in finished.read_json("metrics.json")["metrics"] if m["name"] == "published.gain_over_lot"]
    assert (metric["value"], metric["low"], metric["high"]) == (found.gain, found.low, found.high)


def test_groups_drawn_by_lot_are_none(judge):
    labels = np.random.default_rng(3).integers(5, size=int(judge.active.sum()))
    found = structure(judge, labels, 7)
    assert found.found is False
    assert found.low <= 0


def test_one_group_cannot_be_told_from_a_lot(judge):
    assert not structure(judge, np.zeros(int(judge.active.sum()), dtype=np.int64), 7).found
