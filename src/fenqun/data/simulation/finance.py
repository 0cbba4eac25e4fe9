"""A bank: deposits, payments, transfers, savings, investments, loans with default, balances.

A client has a habit (the type: what they use the bank for), perhaps a second one that shows at the branch, and a tier
(high net worth, potential, ordinary) that decides income and how it grows. Whether a loan defaults follows from what can
be seen of the account (missed instalments, months below zero, the burden of the instalment) by a known law. Age and
gender are drawn apart from everything: no protected attribute is a cause of anything here.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa
from scipy.special import expit

from fenqun.data.simulation.accounts import (
    BORROWS,
    MONTH,
    MONTHS,
    Loans,
    Outgoing,
    draw_loans,
    run_accounts,
    signs_of,
)
from fenqun.data.simulation.banking import AGES, HABITS, PRODUCTS
from fenqun.data.simulation.base import Simulation, Tables, item_ids, user_ids, wall_clock
from fenqun.data.simulation.draws import CLOSES, DAY, OPENS, Bools, Floats, Grouped, Ints, popularity, sums_by
from fenqun.data.simulation.population import Interests, classified, followed, labels, ranked
from fenqun.data.simulation.syllabus import REGIONS

TIERS = ("high net worth", "potential", "ordinary")
TIER_SHARES = np.array([0.08, 0.22, 0.70])
INCOME = np.array([9.5, 8.15, 8.0])
"""Mean log income a month at the beginning, by tier."""
GROWTH = np.array([0.05, 0.45, 0.02])
"""Mean growth of log income over the log, by tier."""
INCOME_SPREAD, GROWTH_SPREAD, SALARY_NOISE = 0.35, 0.10, 0.04
SPENT = np.array([[0.45, 0.85], [0.65, 1.05], [0.75, 1.20]])
"""Share of the income that goes out again, from and to, by tier."""
OUTGOING = ("payment", "transfer", "deposit", "invest")
HABIT_SHARES = np.array(
    [[0.70, 0.20, 0.06, 0.04], [0.32, 0.20, 0.42, 0.06], [0.34, 0.16, 0.10, 0.40], [0.46, 0.44, 0.06, 0.04]]
)
"""What goes out, by habit: payments, transfers, savings, investments."""
SIGNS = ("missed", "below_zero", "burden")
WEIGHTS, INTERCEPT = np.array([5.0, 1.5, 4.0]), -3.6
"""Log-odds of default: intercept, and weights of the share of instalments missed, of months below zero, and of income."""
BRANCH, SPREAD = 0.35, 3.0


@dataclass(frozen=True)
class Bank(Simulation):
    """Clients of a bank."""

    scenario = "finance"
    note = "balances.parquet holds the balance at the end of each month of 28 days."
    least_per_user = 20.0

    @cached_property
    def interests(self) -> Interests:
        """Types, named by habit."""
        return Interests(HABITS[self.language])

    @cached_property
    def _starts(self) -> Ints:
        """(n_categories + 1,) first item of each category."""
        return np.cumsum([0, *(len(products) for products in PRODUCTS[self.language].values())])

    @cached_property
    def _products(self) -> Grouped:
        """Products that go out, rows (habit, kind): each habit prefers others."""
        random, n = self.random(), int(self._starts[-1])
        weights = np.zeros((len(HABIT_SHARES), len(OUTGOING), n))
        for habit in range(len(HABIT_SHARES)):
            for kind in range(len(OUTGOING)):
                first, end = self._starts[1 + kind], self._starts[2 + kind]
                weights[habit, kind, first:end] = random.permutation(popularity(end - first, 1.0))
        return Grouped(weights.reshape(-1, n))

    def shared(self) -> Tables:
        """``items`` (item_id, title, category)."""
        rows = [(title, category) for category, titles in PRODUCTS[self.language].items() for title in titles]
        titles, categories = zip(*rows, strict=True)
        return {
            "items": pa.table({"item_id": item_ids(len(rows)), "title": list(titles), "category": list(categories)})
        }

    def block(self, index: int) -> Tables:
        """``events``, ``balances`` (at the end of each month), ``users`` and ``truth`` of a block."""
        random, members = self.random(index), self.members(index)
        n = len(members)
        habit, second = self.interests.draw(random, n)
        tier = random.choice(len(TIERS), n, p=TIER_SHARES)
        income = self._income(random, tier)
        out = self._outgoing(random, habit, second, tier, income)
        loans = draw_loans(random, habit, income)
        paid, balance = run_accounts(random, income, out, loans)
        signs = signs_of(paid, balance, loans, income)
        log_odds = INTERCEPT + signs @ WEIGHTS
        defaults = np.where(loans.taken, random.random(n) < expit(log_odds), -1).astype(np.int64)
        ids = user_ids(members)
        truth = pa.table(
            {
                "user_id": ids,
                "type": self.interests.labels(habit),
                "second_type": self.interests.labels(second),
                "tier": labels(TIERS, tier),
                "default": labels(("no", "yes"), defaults),
                "best_type": self.interests.labels(self._guess_type(out, loans, n)),
                "best_tier": labels(TIERS, _guess_tier(income)),
                "default_probability": pa.array(expit(log_odds), mask=~loans.taken),
                "balance": np.round(balance[:, -1], 2),
                "income": np.round(income[:, -1], 2),
                **{name: pa.array(column, mask=~loans.taken) for name, column in zip(SIGNS, signs.T, strict=True)},
            }
        )
        ends = (np.arange(1, MONTHS + 1) * MONTH * DAY)[None, :].repeat(n, axis=0).ravel()
        return {
            "events": self._events(random, members, ids, income, out, loans, paid),
            "balances": pa.table(
                {
                    "user_id": ids.take(pa.array(np.repeat(np.arange(n), MONTHS))),
                    "time": wall_clock(ends),
                    "balance": np.round(balance.ravel(), 2),
                }
            ),
            "users": self._users(random, truth),
            "truth": truth,
        }

    def _income(self, random: np.random.Generator, tier: Ints) -> Floats:
        """Income of each month, (n, MONTHS)."""
        n = len(tier)
        level = INCOME[tier] + random.normal(0, INCOME_SPREAD, n)
        growth = GROWTH[tier] + random.normal(0, GROWTH_SPREAD, n)
        noise = random.normal(0, SALARY_NOISE, (n, MONTHS))
        return np.asarray(np.exp(level[:, None] + growth[:, None] * _progress() + noise))

    def _outgoing(
        self, random: np.random.Generator, habit: Ints, second: Ints, tier: Ints, income: Floats
    ) -> Outgoing:
        """Payments, transfers, savings and investments; more of them are smaller ones."""
        n = len(habit)
        repaid = float(self.interests.sizes @ BORROWS) * (MONTHS - 3)
        rate = max(self.per_user - MONTHS - repaid, 2.0) * random.gamma(SPREAD, 1 / SPREAD, n)
        owner = np.repeat(np.arange(n), random.poisson(rate))
        second_at = (random.integers(0, MONTHS * MONTH, len(owner)) * DAY).astype(np.int64)
        second_at += (random.uniform(OPENS, CLOSES, len(owner)) * 3600).astype(np.int64)
        branch = random.random(len(owner)) < BRANCH
        followed_habit = followed(habit, second, owner, branch)
        kind = Grouped(HABIT_SHARES).draw(random, followed_habit)
        item = self._products.draw(random, followed_habit * len(OUTGOING) + kind)
        low, high = SPENT[tier].T
        share = (low + (high - low) * random.random(n)) * MONTHS / np.maximum(rate, 1)
        month = second_at // (MONTH * DAY)
        amount = income[owner, month] * share[owner] * np.exp(random.normal(-0.18, 0.6, len(owner)))
        return Outgoing(owner, second_at, branch, kind, item, np.maximum(np.round(amount, 2), 0.01))

    def _events(
        self,
        random: np.random.Generator,
        members: Ints,
        ids: pa.Array,
        income: Floats,
        out: Outgoing,
        loans: Loans,
        paid: Bools,
    ) -> pa.Table:
        n, loan_item = len(members), self._starts[5] + loans.product
        everyone, month = (x.ravel() for x in np.indices((n, MONTHS)))
        payer, paid_month = np.nonzero(paid)
        borrower = np.flatnonzero(loans.taken)

        def at(months: Ints, day: int) -> Ints:
            moment = (months * MONTH + day) * DAY + random.uniform(OPENS, CLOSES, len(months)) * 3600
            return np.asarray(moment, dtype=np.int64)

        owner = np.concatenate([out.owner, everyone, borrower, payer])
        item = np.concatenate([out.item, np.zeros_like(everyone), loan_item[borrower], loan_item[payer]])
        time = np.concatenate([out.second, at(month, 1), at(loans.month[borrower], 3), at(paid_month, 5)])
        value = np.concatenate([out.amount, income.ravel(), loans.principal[borrower], loans.instalment[payer]])
        names = (*OUTGOING, "income", "loan", "repayment")
        kind = np.concatenate(
            [out.kind, np.full(len(everyone), 4), np.full(len(borrower), 5), np.full(len(payer), 6)]
        )
        branch = np.concatenate([out.branch, random.random(len(owner) - len(out.owner)) < BRANCH])
        order = np.lexsort([item, kind, time, owner])
        owner, item, time, value, kind, branch = (x[order] for x in (owner, item, time, value, kind, branch))
        count = np.bincount(owner, minlength=n)
        nth = np.arange(len(owner)) - np.repeat(np.cumsum(count) - count, count)
        return pa.table(
            {
                "user_id": ids.take(pa.array(owner)),
                "item_id": item_ids(int(self._starts[-1])).take(pa.array(item)),
                "timestamp": wall_clock(time),
                "event_type": pa.array(names, pa.string()).take(pa.array(kind)),
                "value": np.round(value, 2),
                "session": members[owner] * 1_000_000 + nth,
                "channel": pa.array(("app", "branch"), pa.string()).take(pa.array(branch.astype(np.int64))),
            }
        )

    def _users(self, random: np.random.Generator, truth: pa.Table) -> pa.Table:
        n = truth.num_rows

        def any_of(names: tuple[str, ...]) -> pa.Array:
            return pa.array(names, pa.string()).take(pa.array(random.integers(0, len(names), n)))

        judged = {name: truth[name] for name in ("type", "tier", "default")}
        words = {"region": any_of(REGIONS[self.language]), "age": any_of(AGES), "gender": any_of(("f", "m"))}
        return pa.table(
            {"user_id": truth["user_id"], **words, "client_since": random.integers(2005, 2024, n), **judged}
        )

    def _guess_type(self, out: Outgoing, loans: Loans, n: int) -> Ints:
        kinds = len(HABIT_SHARES)
        shares = self._products.shares.reshape(kinds, len(OUTGOING), -1)
        likely = np.log(HABIT_SHARES[:, out.kind] * shares[:, out.kind, out.item]).T
        here, there = (sums_by(out.owner[on], likely[on], n) for on in (~out.branch, out.branch))
        here = here + np.where(loans.taken[:, None], np.log(BORROWS), np.log1p(-BORROWS))
        return np.asarray(self.interests.log_posterior(here, there).argmax(axis=1))

    def settings(self) -> dict[str, Any]:
        """Columns of the log; labels ``type``, ``tier``, ``default``, and ``age`` and ``gender``, which only judge."""
        columns = {"value": "value", "context": ["channel"]}
        judged = ["type", "tier", "default", "age", "gender"]
        tree = self.common_settings(columns, judged, ["region", "client_since"])
        weights = {"payment": 0.5, "income": 0.5, "repayment": 0.5}
        tree["data"]["event_weights"] = weights
        tree["fairness"] = {"sensitive": ["age", "gender"]}
        return tree

    def figures(self, truth: pa.Table) -> dict[str, Any]:
        """Best guesses of habit and tier; how well default can be foretold from the account."""
        loans = truth.filter(truth["default"].is_valid())
        outcome = loans["default"].to_numpy(zero_copy_only=False) == "yes"
        return {
            "type": classified(truth, "type"),
            "tier": classified(truth, "tier"),
            "default": ranked(outcome, loans["default_probability"].to_numpy()),
        }

    def parameters(self) -> dict[str, Any]:
        """The law of default, and what tiers are."""
        return {
            "tiers": list(TIERS),
            "tier_shares": TIER_SHARES.tolist(),
            "two_sided": self.interests.two_sided,
            "outgoing": list(OUTGOING),
            "outgoing_by_habit": HABIT_SHARES.tolist(),
            "loans_by_habit": BORROWS.tolist(),
            "signs": list(SIGNS),
            "weights": WEIGHTS.tolist(),
            "intercept": INTERCEPT,
            "noise": "standard logistic",
        }


def _progress() -> Floats:
    """How far the log has come in each month, (MONTHS,)."""
    return np.arange(MONTHS) / (MONTHS - 1)


def _guess_tier(income: Floats) -> Ints:
    """Return the most probable tier by the months' incomes, whose logarithms are jointly normal."""
    progress = _progress()
    cover = (
        SALARY_NOISE**2 * np.eye(MONTHS)
        + INCOME_SPREAD**2
        + GROWTH_SPREAD**2 * progress[:, None] * progress[None, :]
    )
    apart = np.log(income)[:, None, :] - (INCOME[:, None] + GROWTH[:, None] * progress)
    distance = np.einsum("ntm,ml,ntl->nt", apart, np.linalg.inv(cover), apart)
    return np.asarray((np.log(TIER_SHARES) - distance / 2).argmax(axis=1))
