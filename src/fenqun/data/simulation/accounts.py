"""Accounts of simulated clients through the months: what leaves them, loans, instalments, balances."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from fenqun.data.simulation.draws import DAY, Bools, Floats, Ints

MONTHS, MONTH = 13, 28
"""Length of the log in months of 28 days."""
BORROWS = np.array([0.12, 0.06, 0.10, 0.75])
"""Probability to take a loan, by habit."""
INSTALMENTS, INTEREST = 18, 1.08
MISSES = np.array([0.03, 0.35])
"""Probability to miss an instalment: with a balance above zero, and below."""


@dataclass(frozen=True)
class Outgoing:
    """What leaves the account but for loans, one entry an operation."""

    owner: Ints
    second: Ints
    branch: Bools
    kind: Ints
    item: Ints
    amount: Floats


@dataclass(frozen=True)
class Loans:
    """At most one loan a client: whether, in which month, of which product, how much."""

    taken: Bools
    month: Ints
    product: Ints
    principal: Floats
    instalment: Floats


def draw_loans(random: np.random.Generator, habit: Ints, income: Floats) -> Loans:
    n = len(habit)
    month = random.integers(1, 6, n)
    principal = np.round(income[np.arange(n), month] * random.uniform(3, 10, n), 2)
    instalment = np.round(principal * INTEREST / INSTALMENTS, 2)
    return Loans(random.random(n) < BORROWS[habit], month, random.integers(0, 3, n), principal, instalment)


def run_accounts(random: np.random.Generator, income: Floats, out: Outgoing, loans: Loans) -> tuple[Bools, Floats]:
    """Take the accounts through the months: which instalments are paid, and the balance at each end, (n, MONTHS)."""
    n = len(income)
    cell = out.owner * MONTHS + out.second // (MONTH * DAY)
    net = income - np.bincount(cell, out.amount, minlength=n * MONTHS).reshape(n, MONTHS)
    balance = np.empty((n, MONTHS))
    paid = np.zeros((n, MONTHS), dtype=bool)
    now = income[:, 0] * random.uniform(0.5, 3, n)
    for month in range(MONTHS):
        due = loans.taken & (month > loans.month)
        paid[:, month] = due & (random.random(n) >= MISSES[(now < 0).astype(np.int64)])
        now = now + net[:, month] - paid[:, month] * loans.instalment
        # Half of a loan pays for what it was taken for in the same month.
        now = now + (loans.taken & (month == loans.month)) * loans.principal / 2
        balance[:, month] = now
    return paid, balance


def signs_of(paid: Bools, balance: Floats, loans: Loans, income: Floats) -> Floats:
    """Signs of the account by which default is decided, (n, 3); of no meaning without a loan."""
    due = np.arange(MONTHS) > loans.month[:, None]
    missed = 1 - paid.sum(axis=1) / due.sum(axis=1)
    below = ((balance < 0) & due).sum(axis=1) / due.sum(axis=1)
    return np.stack([missed, below, loans.instalment / income[np.arange(len(income)), loans.month]], axis=1)
