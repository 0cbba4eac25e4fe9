"""Users split by context: those of two kinds are found, those of one are not, and nobody hangs on anybody else."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from fenqun.config import Contexts
from fenqun.data.event_contexts import Visits, visit_intents
from fenqun.explanation.statistics import benjamini_hochberg
from fenqun.segmentation.contexts import ContextParts, joined, split_by_context

N_ITEMS, KINDS = 40, 4
VECTORS = np.eye(KINDS)[np.arange(N_ITEMS) % KINDS]


def log(n_users: int, two_sided: np.ndarray, seed: int = 0, visits: int = 16) -> tuple[Visits, np.ndarray]:
    """Users whose visits are mostly about one kind, but for the two-sided in context 1."""
    random = np.random.default_rng(seed)
    users, codes, items, visit = [], [], [], []
    for user in range(n_users):
        for v in range(visits):
            code = int(random.random() < 0.4)
            main = user % KINDS if not (code and two_sided[user]) else (user + 1) % KINDS
            for _ in range(1 + random.poisson(2)):
                kind = main if random.random() < 0.6 else int(random.integers(KINDS))
                users.append(user)
                codes.append(code)
                items.append(kind + KINDS * int(random.integers(N_ITEMS // KINDS)))
                visit.append(user * visits + v)
    item, number = np.array(items), np.array(visit)
    found = Visits(
        users=np.array(users),
        position=np.arange(len(users)),
        item=item,
        kind=item % KINDS,
        visit=number,
        weight=np.ones(len(users)),
        starts=np.flatnonzero(np.diff(number, prepend=-1)),
    )
    return found, np.array(codes)


def split(visits: Visits, codes: np.ndarray, by_content: bool = False, **settings: int) -> ContextParts:
    return split_by_context(visits, codes, 3, VECTORS, Contexts(**settings), by_content=by_content, seed=7)


def q_of_users(parts: ContextParts) -> dict[int, float]:
    first = np.unique(parts.users, return_index=True)[1]
    q = benjamini_hochberg(parts.p[first])
    return dict(zip(parts.users[first].tolist(), q.tolist(), strict=True))


def test_two_sided_users_are_found_and_others_are_not() -> None:
    two_sided = np.arange(200) % 4 == 0
    q = q_of_users(split(*log(200, two_sided)))
    said = {user for user, value in q.items() if value <= 0.1}
    right = {user for user in said if two_sided[user]}
    assert len(right) > 0.7 * two_sided.sum()
    assert len(said - right) <= 0.1 * len(said) + 3 * np.sqrt(0.09 * len(said))


def test_nobody_is_found_where_nobody_differs() -> None:
    parts = split(*log(200, np.zeros(200, dtype=bool)))
    first = np.unique(parts.users, return_index=True)[1]
    p = parts.p[first][~np.isnan(parts.p[first])]
    assert len(p) > 150 and np.mean(p <= 0.1) < 0.17
    assert sum(value <= 0.1 for value in q_of_users(parts).values()) <= 2


def test_intents_are_read_off_again_in_the_null() -> None:
    visits, _ = log(150, np.zeros(150, dtype=bool), visits=20)
    keys = visits.users * N_ITEMS + visits.item
    codes = visit_intents(keys[None], visits.kind[None], visits.starts)[0][visits.visit]
    assert set(codes) == {0, 1, 2}
    level = {}
    for by_content in (False, True):
        parts = split(visits, codes, by_content)
        first = np.unique(parts.users, return_index=True)[1]
        p = parts.p[first][~np.isnan(parts.p[first])]
        assert len(p) > 100
        level[by_content] = np.mean(p <= 0.05)
    assert (
        level[True] < 0.1 < 0.2 < level[False]
    )  # one category a visit is mostly the main one, whatever people want


def test_counts_are_those_of_the_context() -> None:
    visits, codes = log(3, np.zeros(3, dtype=bool))
    parts = split(visits, codes)
    for row in range(len(parts.users)):
        own = (visits.users == parts.users[row]) & (codes == parts.values[row])
        assert parts.events[row] == own.sum() == parts.counts[row].sum()
        assert parts.visits[row] == len(np.unique(visits.visit[own]))
        assert (
            parts.counts[row].toarray().ravel().tolist()
            == np.bincount(visits.item[own], minlength=N_ITEMS).tolist()
        )


def test_who_never_acts_in_a_context_has_no_row_there_and_no_test() -> None:
    visits, codes = log(20, np.zeros(20, dtype=bool))
    codes[visits.users == 3] = 0
    codes[visits.users == 5] = -1
    rare = np.flatnonzero(visits.users == 8)
    codes[rare], codes[rare[:2]] = 0, 1
    parts = split(visits, codes)
    assert parts.values[parts.users == 3].tolist() == [0] and np.isnan(parts.p[parts.users == 3]).all()
    assert not (parts.users == 5).any()
    assert parts.values[parts.users == 8].tolist() == [0]
    assert not parts.tested[np.isin(parts.users, [3, 8])].any()
    few = split(visits, codes, min_events=10_000)
    assert len(few.users) == 0 and few.counts.shape == (0, N_ITEMS)


def test_a_context_with_events_of_few_visits_is_placed_but_not_tested() -> None:
    visits, codes = log(1, np.zeros(1, dtype=bool))
    codes[:], codes[visits.visit < 3] = 0, 1
    parts = split(visits, codes, min_events=2, min_visits=4)
    assert parts.values.tolist() == [0, 1] and not parts.tested.any() and np.isnan(parts.p).all()


@pytest.mark.parametrize("by_content", [False, True])
def test_a_user_gets_the_same_alone_as_among_others(by_content: bool) -> None:
    visits, codes = log(6, np.arange(6) % 2 == 0, visits=24)
    if by_content:
        keys = visits.users * N_ITEMS + visits.item
        codes = visit_intents(keys[None], visits.kind[None], visits.starts)[0][visits.visit]
    whole = split(visits, codes, by_content)
    for user in range(6):
        own = visits.users == user
        alone = {
            field.name: getattr(visits, field.name)[own]
            for field in dataclasses.fields(Visits)
            if field.name != "starts"
        }
        alone["visit"] = alone["visit"] - alone["visit"].min()
        starts = np.flatnonzero(np.diff(alone["visit"], prepend=-1))
        found = split(Visits(**alone, starts=starts), codes[own], by_content)
        mine = whole.users == user
        assert found.values.tolist() == whole.values[mine].tolist()
        assert np.array_equal(found.p, whole.p[mine], equal_nan=True)


def test_parts_are_put_together_in_order() -> None:
    visits, codes = log(4, np.zeros(4, dtype=bool))
    parts = split(visits, codes)
    twice = joined([parts, parts])
    assert twice.users.tolist() == [*parts.users, *parts.users]
    assert twice.counts.shape == (2 * len(parts.users), N_ITEMS)
