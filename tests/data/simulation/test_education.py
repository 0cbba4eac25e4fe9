"""Simulated courses: work by the week, and a result that hangs on the first weeks in a known way."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import cross_val_predict

from fenqun.data.simulation import School
from fenqun.data.simulation.education import CENTRES, EARLY, SCALES, SIGNS, WEIGHTS

START = pd.Timestamp("2024-01-01")


@pytest.fixture(scope="module")
def school() -> School:
    return School(users=3072)


@pytest.fixture(scope="module")
def tables(school: School) -> dict[str, pd.DataFrame]:
    blocks = list(school.stream())
    return {name: pd.concat([block[name].to_pandas() for block in blocks]) for name in blocks[0]}


def test_the_log_ends_with_the_first_weeks(tables: dict[str, pd.DataFrame]) -> None:
    cut = START + pd.Timedelta(weeks=EARLY)
    assert tables["events"]["timestamp"].max() < cut <= tables["events_late"]["timestamp"].min()


def test_scores_belong_to_homework_and_quizzes(tables: dict[str, pd.DataFrame]) -> None:
    events = tables["events"]
    assert (events["value"].notna() == events["event_type"].isin(["homework", "quiz"])).all()
    assert events["value"].min() >= 0 and events["value"].max() <= 100


def test_signs_can_be_counted_from_the_log(tables: dict[str, pd.DataFrame]) -> None:
    events, truth = tables["events"], tables["truth"].set_index("user_id")
    week = (events["timestamp"] - START).dt.days // 7
    weeks = week.groupby(events["user_id"]).nunique() / EARLY
    assert np.allclose(weeks[truth.index], truth["active_weeks"])
    quizzes = events[events["event_type"] == "quiz"].groupby("user_id")["value"].mean() / 100
    assert np.allclose(quizzes.reindex(truth.index).fillna(0), truth["quiz_mean"])


def test_the_law_of_the_result_can_be_learned(tables: dict[str, pd.DataFrame]) -> None:
    truth = tables["truth"]
    signs = (truth[list(SIGNS)].to_numpy() - CENTRES) / SCALES
    learned = LogisticRegression(C=1e6).fit(signs, truth["result"] == "pass")
    assert np.allclose(learned.coef_[0], WEIGHTS, atol=0.2)


def test_nothing_ranks_the_result_better_than_the_stored_auc(
    school: School, tables: dict[str, pd.DataFrame]
) -> None:
    truth = tables["truth"]
    passed = (truth["result"] == "pass").to_numpy()
    best = school.figures(pa.Table.from_pandas(truth, preserve_index=False))["result"]
    assert 0.75 < best["expected_auc"] < 0.9
    assert best["auc"] == pytest.approx(best["expected_auc"], abs=0.025)
    # Not even ability and diligence, which nobody sees.
    everything = truth[[*SIGNS, "ability", "diligence"]].to_numpy()
    guess = cross_val_predict(LogisticRegression(), everything, passed, method="predict_proba")[:, 1]
    assert roc_auc_score(passed, guess) < best["auc"] + 0.005


def test_probabilities_are_calibrated(tables: dict[str, pd.DataFrame]) -> None:
    truth = tables["truth"]
    for _, rows in truth.groupby(pd.qcut(truth["pass_probability"], 5)):
        assert (rows["result"] == "pass").mean() == pytest.approx(rows["pass_probability"].mean(), abs=0.06)


def test_tiers_are_cuts_of_the_final_score(tables: dict[str, pd.DataFrame]) -> None:
    truth = tables["truth"]
    bounds = truth.groupby("tier")["final_score"].agg(["min", "max"])
    assert bounds.loc["support", "max"] <= 50 <= bounds.loc["middle", "min"]
    assert bounds.loc["middle", "max"] <= 75 <= bounds.loc["top", "min"]
    assert ((truth["tier"] == "support") == (truth["result"] == "fail")).all()


def test_who_leaves_does_nothing_afterwards(tables: dict[str, pd.DataFrame], school: School) -> None:
    truth, late = tables["truth"].set_index("user_id"), tables["events_late"]
    left = truth[truth["last_week"] < 16]
    assert (left["result"] == "fail").all() and len(left) > 100
    rows = late[late["user_id"].isin(left.index)]
    week = (rows["timestamp"] - START).dt.days // 7
    # Homework of the last week may come in a few days after its deadline.
    assert (week <= left["last_week"][rows["user_id"]].to_numpy()).all()


def test_crammers_work_at_the_end_of_the_week(tables: dict[str, pd.DataFrame]) -> None:
    events = tables["events"].merge(tables["truth"][["user_id", "style"]], on="user_id")
    weekend = events["timestamp"].dt.day_of_week >= 5
    shares = weekend.groupby(events["style"]).mean()
    assert shares["crammer"] > 0.8 > 0.4 > shares["steady"]
    forum = (events["event_type"] == "forum").groupby(events["style"]).mean()
    assert forum["social"] > 3 * forum["steady"]
