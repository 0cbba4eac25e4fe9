"""A simulated bank: accounts add up, default follows a known law, protected attributes cause nothing."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from scipy.stats import chi2_contingency
from sklearn.linear_model import LogisticRegression

from fenqun.data.simulation import Bank
from fenqun.data.simulation.finance import MONTH, SIGNS, WEIGHTS


@pytest.fixture(scope="module")
def bank() -> Bank:
    return Bank(users=8192, per_user=40)


@pytest.fixture(scope="module")
def tables(bank: Bank) -> dict[str, pd.DataFrame]:
    blocks = list(bank.stream())
    return {name: pd.concat([block[name].to_pandas() for block in blocks]) for name in blocks[0]}


def test_accounts_add_up(tables: dict[str, pd.DataFrame]) -> None:
    """From month to month a balance moves by what the log says; half of a loan is spent at once."""
    events = tables["events"]
    sign = events["event_type"].map({"income": 1.0, "loan": 0.5}).fillna(-1.0)
    month = (events["timestamp"] - pd.Timestamp("2024-01-01")).dt.days // MONTH
    net = (events["value"] * sign).groupby([events["user_id"], month]).sum().unstack(fill_value=0)
    balances = tables["balances"].copy()
    balances["month"] = (balances["time"] - pd.Timestamp("2024-01-01")).dt.days // MONTH - 1
    balance = balances.pivot(index="user_id", columns="month", values="balance")
    assert np.allclose(balance.diff(axis=1).to_numpy()[:, 1:], net.loc[balance.index].to_numpy()[:, 1:], atol=0.5)
    final = tables["truth"].set_index("user_id")["balance"]
    assert np.allclose(balance[12], final[balance.index], atol=0.01)


def test_amounts_are_positive(tables: dict[str, pd.DataFrame]) -> None:
    assert tables["events"]["value"].min() > 0
    kinds = set(tables["events"]["event_type"])
    assert kinds == {"income", "payment", "transfer", "deposit", "invest", "loan", "repayment"}


def test_tiers_have_their_incomes_and_growth(tables: dict[str, pd.DataFrame]) -> None:
    events = tables["events"].merge(tables["truth"][["user_id", "tier"]], on="user_id")
    salary = events[events["event_type"] == "income"]
    month = (salary["timestamp"] - pd.Timestamp("2024-01-01")).dt.days // MONTH
    first, last = (salary[month == m].groupby("tier")["value"].median() for m in (0, 12))
    assert first["high net worth"] > 3 * first["ordinary"]
    growth = last / first
    assert growth["potential"] > 1.4 and abs(growth["ordinary"] - 1) < 0.08
    balance = tables["truth"].groupby("tier")["balance"].median()
    assert balance["high net worth"] > balance["potential"] > 0


def test_only_loans_default_and_the_law_can_be_learned(tables: dict[str, pd.DataFrame]) -> None:
    truth = tables["truth"]
    events = tables["events"]
    borrowers = set(events[events["event_type"] == "loan"]["user_id"])
    loans = truth[truth["default"].notna()]
    assert set(loans["user_id"]) == borrowers
    assert 0.1 < (loans["default"] == "yes").mean() < 0.4
    learned = LogisticRegression(C=1e6).fit(loans[list(SIGNS)], loans["default"] == "yes")
    assert np.allclose(learned.coef_[0], WEIGHTS, rtol=0.35, atol=0.3)
    for _, rows in loans.groupby(pd.qcut(loans["default_probability"], 4)):
        assert (rows["default"] == "yes").mean() == pytest.approx(rows["default_probability"].mean(), abs=0.07)


def test_the_best_auc_is_stored(bank: Bank, tables: dict[str, pd.DataFrame]) -> None:
    best = bank.figures(pa.Table.from_pandas(tables["truth"], preserve_index=False))["default"]
    assert best["n"] == tables["truth"]["default"].notna().sum()
    assert best["auc"] == pytest.approx(best["expected_auc"], abs=0.04)


@pytest.mark.parametrize("attribute", ["age", "gender"])
@pytest.mark.parametrize("label", ["type", "tier", "default"])
def test_protected_attributes_cause_nothing(tables: dict[str, pd.DataFrame], attribute: str, label: str) -> None:
    users = tables["users"].dropna(subset=label)
    counts = users.groupby([attribute, label]).size().unstack(fill_value=0)
    assert chi2_contingency(counts).pvalue > 1e-3


def test_protected_attributes_only_judge(bank: Bank) -> None:
    tree = bank.settings()
    assert {"age", "gender"} <= set(tree["labels"])
    assert tree["fairness"]["sensitive"] == ["age", "gender"]
    assert not {"age", "gender"} & set(tree["data"]["users"]["attributes"])
