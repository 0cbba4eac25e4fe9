"""Tasks of the representation benchmark: what is asked of the users of a log.

*Who* looks at all events and asks for traits that only judge. *Future* cuts the log, keeps what is before the cut
for the vectors, and asks for what came after.

who/movielens_100k    gender; age quartile (each holds its upper bound).
who/movielens_1m      gender; age >= 35.
who/complete_journey  income >= 75K, age >= 45, kids, of the households with demographics.
future/complete_journey
    Cut 90 days before the last midnight. Spend: log(1 + dollars) of the 90 days. Churn: no purchase in them.
    Category: the one bought most often in them.
future/cdnow
    Cut at 1 October 1997, the middle of the log (Fader and Hardie). Spend: log(1 + dollars) afterwards. Back: any
    purchase afterwards.
future/movielens_1m
    Most people rate in one sitting, so everyone is cut by their own clock: at the first midnight at least a day
    after their first rating. Over the 365 days that follow: log(1 + ratings); churn, no rating; the genre rated most
    often, of those who come back. People whose 365 days the log does not cover are left out of the tasks.
future/oulad
    Enrolments, cut 60 days after the presentation's first day (1 February or 1 October). Passed or distinction
    against failed or withdrawn later. Who unregistered before the cut is left out; the event itself is never read.
future/berka
    Accounts, cut on the day of their loan (loan.asc); those without one, after the log's first part. Loan in debt
    or unpaid against paid or running in order.

Categories are the twelve commonest before the cut; ties go to the commoner one.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import pyarrow as pa
import pyarrow.csv as pv

from fenqun.pipeline.phases import Phases
from logs import DAY, Raw, align, as_text, read, read_raw, settings_path, take_road

Measure = Literal["auc", "accuracy", "r2"]
WEALTHY = ("75-99K", "100-124K", "125-149K", "150-174K", "175-199K", "200-249K", "250K+")
MATURE = ("45-54", "55-64", "65+")
CATEGORIES = 12


@dataclass(frozen=True)
class Task:
    """What is asked; ``outcome`` has one number a user of the log, NaN where it is unknown."""

    name: str
    measure: Measure
    outcome: np.ndarray


@dataclass(frozen=True)
class Log:
    """A log that went through the road's data stages, and what is asked of its users."""

    name: str
    phases: Phases
    tasks: tuple[Task, ...]


def load(name: str, data: Path, cache: Path, threads: int) -> Log | None:
    """Return a log by its name in :data:`LOGS`; None where its files are not on this machine."""
    data_set, build = LOGS[name]
    path = settings_path(data_set, data)
    if path is None:
        return None
    raw = read_raw(path)
    before, ask = build(raw)
    phases = take_road(before, cache / name, threads)
    return Log(name, phases, tuple(ask(as_text(pa.chunked_array([phases.store.users])))))


Ask = Callable[[np.ndarray], list[Task]]


# -- who ---------------------------------------------------------------------------------------


def who(raw: Raw) -> tuple[Raw, Ask]:
    """All events; traits of the user table."""
    source = raw.config.data.users
    assert source is not None
    shop = source.user == "household_id"
    traits = ["income", "age", "kids_count"] if shop else ["gender", "age"]
    table = read(source, [source.user, *traits])
    ids = as_text(table[source.user])
    told = {trait: as_text(table[trait]) for trait in traits}

    def ask(users: np.ndarray) -> list[Task]:
        found = _shoppers(told) if shop else _raters(told, len(users) < 2000)
        place = {key: row for row, key in enumerate(ids)}
        row = np.array([place.get(key, -1) for key in users])
        return [
            Task(name, measure, np.where(row >= 0, values.astype(np.float64)[row], np.nan))
            for name, measure, values in found
        ]

    return raw, ask


def _shoppers(told: dict[str, np.ndarray]) -> list[tuple[str, Measure, np.ndarray]]:
    return [
        ("income>=75K", "auc", np.isin(told["income"], WEALTHY)),
        ("age>=45", "auc", np.isin(told["age"], MATURE)),
        ("kids", "auc", told["kids_count"] != "0"),
    ]


def _raters(told: dict[str, np.ndarray], years: bool) -> list[tuple[str, Measure, np.ndarray]]:
    """The small set tells ages in years, the large one in brackets."""
    age = told["age"].astype(np.float64)
    quartile = np.digitize(age, np.quantile(age, [0.25, 0.5, 0.75]), right=True)
    second: tuple[str, Measure, np.ndarray]
    second = ("age quartile", "accuracy", quartile) if years else ("age>=35", "auc", age >= 35)
    return [("gender", "auc", told["gender"] == "F"), second]


# -- how much and when -------------------------------------------------------------------------


def shop(raw: Raw) -> tuple[Raw, Ask]:
    """complete_journey: spend, churn and category of the last 90 days."""
    cut = int(raw.time.max()) // DAY * DAY - 90 * DAY
    before, after = parts(raw, cut)

    def ask(users: np.ndarray) -> list[Task]:
        spend, events = totals(after, users)
        return [
            Task("spend", "r2", np.log1p(spend)),
            Task("churn", "auc", (events == 0).astype(np.float64)),
            Task("category", "accuracy", commonest(before, after, users)),
        ]

    return before, ask


def records(raw: Raw) -> tuple[Raw, Ask]:
    """cdnow: spend and return after 1 October 1997."""
    before, after = parts(raw, int(np.datetime64("1997-10-01", "s").astype(np.int64)))

    def ask(users: np.ndarray) -> list[Task]:
        spend, events = totals(after, users)
        return [Task("spend", "r2", np.log1p(spend)), Task("back", "auc", (events > 0).astype(np.float64))]

    return before, ask


def films(raw: Raw) -> tuple[Raw, Ask]:
    """movielens_1m: what people do in the year after their first day."""
    _, user = np.unique(raw.user, return_inverse=True)
    first = np.full(user.max() + 1, np.iinfo(np.int64).max)
    np.minimum.at(first, user, raw.time)
    cut = -(-(first + DAY) // DAY) * DAY
    covered = set(np.unique(raw.user)[cut + 365 * DAY <= raw.time.max()])
    moved, now = align(raw, cut[user])
    before, after = parts(moved, now)
    after = after.select(after.time < now + 365 * DAY)

    def ask(users: np.ndarray) -> list[Task]:
        known = np.array([key in covered for key in users])
        events = totals(after, users)[1]
        asked = [
            Task("ratings", "r2", np.log1p(events)),
            Task("churn", "auc", (events == 0).astype(np.float64)),
            Task("genre", "accuracy", commonest(before, after, users)),
        ]
        return [Task(task.name, task.measure, np.where(known, task.outcome, np.nan)) for task in asked]

    return before, ask


def course(raw: Raw) -> tuple[Raw, Ask]:
    """oulad: who passes, from the first 60 days."""
    _, presentation = np.unique([key.rsplit("_", 1)[1] for key in raw.user], return_inverse=True)
    names = np.unique([key.rsplit("_", 1)[1] for key in raw.user])
    start = np.array([f"{name[:4]}-{'02' if name[4] == 'B' else '10'}-01" for name in names], dtype="datetime64[s]")
    cut = start.astype(np.int64)[presentation] + 60 * DAY
    log, source = raw.config.data.events, raw.config.data.users
    assert source is not None and log.event_type is not None
    left = as_text(raw.columns[log.event_type]) == "unregister"
    gone = np.unique(raw.user[left & (raw.time < cut)])
    moved, now = align(raw, cut)
    before, _ = parts(moved.select(~left & ~np.isin(raw.user, gone)), now)
    table = read(source, [source.user, "final_result"])
    results = dict(zip(as_text(table[source.user]), as_text(table["final_result"]), strict=True))

    def ask(users: np.ndarray) -> list[Task]:
        passed = [float(results[key] in ("Pass", "Distinction")) for key in users]
        return [Task("passed", "auc", np.array(passed))]

    return before, ask


def bank(raw: Raw) -> tuple[Raw, Ask]:
    """berka: whose loan goes bad, from what came before it."""
    folder = Path(str(raw.config.data.events.path)).parent
    loans = pv.read_csv(folder / "loan.asc", parse_options=pv.ParseOptions(delimiter=";")).to_pydict()
    days = [f"19{d // 10000:02}-{d // 100 % 100:02}-{d % 100:02}" for d in loans["date"]]
    of = {str(a): (day, status) for a, day, status in zip(loans["account_id"], days, loans["status"], strict=True)}
    users, user = np.unique(raw.user, return_inverse=True)
    cuts = np.array([of[key][0] if key in of else "1994-04-01" for key in users], dtype="datetime64[s]")
    moved, now = align(raw, cuts.astype(np.int64)[user])
    before, _ = parts(moved, now)

    def ask(users: np.ndarray) -> list[Task]:
        bad = [float(of[key][1] in ("B", "D")) if key in of else np.nan for key in users]
        return [Task("bad loan", "auc", np.array(bad))]

    return before, ask


# -- outcomes ----------------------------------------------------------------------------------


def parts(raw: Raw, cut: int) -> tuple[Raw, Raw]:
    """Divide the events at a moment; an event at the moment comes after."""
    before, after = raw.select(raw.time < cut), raw.select(raw.time >= cut)
    assert before.time.max() < cut <= after.time.min()
    return before, after


def totals(after: Raw, users: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return value and number of later events of each user of the log, in its order."""
    row, known = _places(after.user, users)
    value = np.bincount(row[known], weights=after.value()[known], minlength=len(users))
    return value, np.bincount(row[known], minlength=len(users)).astype(np.float64)


def commonest(before: Raw, after: Raw, users: np.ndarray) -> np.ndarray:
    """Return which of the commonest categories each user takes most often later; NaN for none of them."""
    source = before.config.data.items
    assert source is not None and source.category is not None
    assert before.item is not None and after.item is not None
    table = read(source, [source.item, source.category])
    items, first = np.unique(as_text(table[source.item]), return_index=True)
    names, code = np.unique(as_text(table[source.category])[first], return_inverse=True)
    earlier, known = _places(before.item, items)
    heat = np.bincount(code[earlier[known]], minlength=len(names)).astype(np.float64)
    heat[names == ""] = 0.0
    leading = np.argsort(-heat, kind="stable")[:CATEGORIES]
    rank = np.full(len(names), -1)
    rank[leading] = np.arange(len(leading))
    user, asked = _places(after.user, users)
    item, told = _places(after.item, items)
    kept = asked & told
    user, taken = user[kept], rank[code[item[kept]]]
    counts = np.zeros((len(users), CATEGORIES))
    np.add.at(counts, (user[taken >= 0], taken[taken >= 0]), 1.0)
    return np.where(counts.sum(axis=1) > 0, counts.argmax(axis=1).astype(np.float64), np.nan)


def _places(keys: np.ndarray, among: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return where each key stands among others, and whether it does."""
    order = np.argsort(among, kind="stable")
    place = np.minimum(np.searchsorted(among[order], keys), len(among) - 1)
    return order[place], among[order][place] == keys


LOGS: dict[str, tuple[str, Callable[[Raw], tuple[Raw, Ask]]]] = {
    "who/movielens_100k": ("movielens_100k", who),
    "who/movielens_1m": ("movielens_1m", who),
    "who/complete_journey": ("complete_journey", who),
    "future/complete_journey": ("complete_journey", shop),
    "future/cdnow": ("cdnow", records),
    "future/movielens_1m": ("movielens_1m", films),
    "future/oulad": ("oulad_partial", course),
    "future/berka": ("berka_partial", bank),
}
"""Logs, the data set of each, and what makes it."""
