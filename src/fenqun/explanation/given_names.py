"""Names that persons gave: which segments they belong to now, and the rule that no machine overwrites them.

``names.json`` holds the names by the id that a segment had when it was named. A run that goes on from another
keeps ids, so names stay with them. Where a directory is computed anew with other settings, an id may come to
mean other people: each name then follows its people, told by a sketch of their ids, and rests if no segment is
theirs any more.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from fenqun.errors import ConfigError
from fenqun.explanation.lint import lint
from fenqun.explanation.naming import Name
from fenqun.explanation.wording import clean
from fenqun.schema import GivenName, GivenNames
from fenqun.store import Run, explain_damage

NAMES, MEMBERS = "names.json", "work/named.json"
LONGEST = 80
"""Characters of a name that a person gives."""
SKETCH = 512
"""Hashes in a sketch of a segment's members."""
SAME_PEOPLE = 0.5
"""Estimated Jaccard index of members from which a segment is the one that was named."""


def sketch(users: Iterable[object]) -> list[str]:
    """Return the smallest hashes of some users' ids (bottom-k sketch; Cohen and Kaplan 2007, PODC).

    >>> sketch(["b", "a"]) == sketch(["a", "b"])
    True
    """
    hashes = {hashlib.blake2b(str(user).encode(), digest_size=8).hexdigest() for user in users}
    return sorted(hashes)[:SKETCH]


def likeness(one: Sequence[str], other: Sequence[str]) -> float:
    """Estimate the Jaccard index of two sketched sets.

    >>> likeness(sketch(range(100)), sketch(range(50))), likeness(sketch("ab"), sketch("cd"))
    (0.5, 0.0)
    """
    union = sorted({*one, *other})[:SKETCH]
    both = set(one) & set(other)
    return sum(h in both for h in union) / len(union) if union else 0.0


def read_given(run: Run) -> dict[str, GivenName]:
    """Return the names that persons gave in a run, by the id at the time."""
    return dict(run.read_model(NAMES, GivenNames).names) if run.artifact(NAMES).is_file() else {}


def _members(run: Run) -> dict[str, list[str]]:
    """Return the sketches of the people who were named, by the id at the time."""
    if not run.artifact(MEMBERS).is_file():
        return {}
    with explain_damage(f"{MEMBERS} is damaged", run.path, "delete it: names then stay with their ids"):
        return {str(segment): [str(h) for h in hashes] for segment, hashes in run.read_json(MEMBERS).items()}


def placed(
    run: Run, ids: Sequence[str], labels: NDArray[np.int64], users: Sequence[object]
) -> tuple[dict[int, Name], list[str]]:
    """Return which segment carries which given name, and the ids whose names rest.

    Parameters
    ----------
    run
        With or without ``names.json``.
    ids, labels, users
        Segments, the index of each user's one, and the users' ids.
    """
    given = read_given(run)
    if not given:
        return {}, []
    known = _members(run)
    now = _sketches(ids, labels, users)
    at: dict[int, Name] = {}
    resting = []
    # a segment under its old id comes first, so that a name moves only where it must
    for segment in sorted(given, key=lambda s: (s not in now or _like(known, s, now[s]) < SAME_PEOPLE, s)):
        place = _place(segment, known, now, list(ids), at)
        if place is None:
            resting.append(segment)
        else:
            at[place] = Name(given[segment].en, given[segment].zh)
    return at, sorted(resting)


def _place(
    segment: str,
    known: Mapping[str, list[str]],
    now: Mapping[str, list[str]],
    ids: list[str],
    at: Mapping[int, Name],
) -> int | None:
    if segment in now and _like(known, segment, now[segment]) >= SAME_PEOPLE:
        return ids.index(segment)
    if segment not in known:
        return None
    free = [s for s in ids if ids.index(s) not in at]
    best = max(free, key=lambda s: (likeness(known[segment], now[s]), s), default=None)
    return ids.index(best) if best is not None and likeness(known[segment], now[best]) >= SAME_PEOPLE else None


def _like(known: Mapping[str, list[str]], segment: str, members: Sequence[str]) -> float:
    """Likeness to the people who were named; a name that came with its id is with its people."""
    return likeness(known[segment], members) if segment in known else 1.0


def _sketches(ids: Sequence[str], labels: NDArray[np.int64], users: Sequence[object]) -> dict[str, list[str]]:
    return {segment: sketch(users[int(i)] for i in np.flatnonzero(labels == g)) for g, segment in enumerate(ids)}


def give(
    run: Run, segment: str, name: Name, ids: Sequence[str], labels: NDArray[np.int64], users: Sequence[object]
) -> None:
    """Write a person's name of a segment; names given before move to the ids that their people have now."""
    at, resting = placed(run, ids, labels, users)
    before = read_given(run)
    known = _members(run)
    names = {s: before[s] for s in resting if s not in ids} | {
        ids[g]: GivenName(en=one.en, zh=one.zh) for g, one in at.items()
    }
    names[segment] = GivenName(en=name.en, zh=name.zh)
    sketches = {s: members for s, members in known.items() if s in resting and s in names}
    sketches |= {s: members for s, members in _sketches(ids, labels, users).items() if s in names}
    # members first: a name without them would stay with its id
    run.write_json(MEMBERS, dict(sorted(sketches.items())))
    run.write_json(NAMES, GivenNames(names=dict(sorted(names.items()))))


def checked_name(en: str, zh: str, others: Mapping[str, Name]) -> tuple[Name, list[str]]:
    """Return a person's name made fit to print, and what the lint warns of.

    Parameters
    ----------
    en, zh
        As given.
    others
        Names of the other segments by id.

    Raises
    ------
    ConfigError
        If it is empty, too long, or another segment's.
    """
    name = Name(clean(en), clean(zh))
    for option, text in (("--en", name.en), ("--zh", name.zh)):
        if not any(c.isalnum() for c in text):
            raise ConfigError("a name needs a letter", where=option)
        if len(text) > LONGEST:
            raise ConfigError(f"has {len(text)} characters", where=option, mend=f"use at most {LONGEST}")
        for segment, other in others.items():
            if text.casefold() in (other.en.casefold(), other.zh.casefold()):
                raise ConfigError(f"{text!r} is the name of {segment}", where=option, mend="choose another")
    return name, list(dict.fromkeys([*lint(name.en), *lint(name.zh)]))
