"""Give each column its role, from what it is called, what it holds and what it joins."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from fenqun.data.guessing.lexicon import PERSONAL, normal, speaks_for
from fenqun.data.guessing.observe import Column, Observed
from fenqun.errors import ConfigError

_SURE = 0.55
_CLOSE = 0.12
_ID_LENGTH = 64


@dataclass
class Guess:
    """Columns of one file by role, each with why.

    Attributes
    ----------
    roles
        Role to a column, or to several (context, text, attributes).
    why
        Column to the reason in words.
    unsure
        Roles that rest on position or content alone.
    """

    roles: dict[str, str | list[str]] = field(default_factory=dict)
    why: dict[str, str] = field(default_factory=dict)
    unsure: set[str] = field(default_factory=set)

    def give(self, role: str, column: Column, why: str) -> None:
        """Give a column to a role that takes one."""
        self.roles[role] = column.name
        self.why[column.name] = why

    def add(self, role: str, column: Column, why: str) -> None:
        """Add a column to a role that takes several."""
        several = self.roles.setdefault(role, [])
        assert isinstance(several, list)
        several.append(column.name)
        self.why[column.name] = why

    def taken(self) -> set[str]:
        """Columns that have a role."""
        return {c for given in self.roles.values() for c in ([given] if isinstance(given, str) else given)}


Join = Callable[[Column], float]
"""Share of a column's cells that the key of another file holds."""


def guess_events(seen: Observed, user_join: Join | None, item_join: Join | None) -> Guess:
    """Find time, user, item and the optional columns of an event log.

    Raises
    ------
    ConfigError
        With one precise question where two columns could be the same thing, or nothing fits.
    """
    guess = Guess()
    _give_time(seen, guess)
    _give_ids(seen, guess, user_join, item_join)
    for role, fits in (
        ("event_type", lambda c: c.distinct <= 200 and c.unique < 0.5 and c.dated < 0.5),
        ("value", lambda c: c.numeric > 0.5),
        ("quantity", lambda c: c.integer > 0.9 and c.numeric > 0.9),
        ("duration", lambda c: c.numeric > 0.5),
        ("session", lambda c: c.unique <= 1 and c.numeric >= 0),
        ("currency", lambda c: c.distinct <= 200 and c.length <= 8),
    ):
        _give_best(seen, guess, role, fits)
    for column in _free(seen, guess):
        if speaks_for(column.name, "context") >= _SURE and column.distinct <= max(50, 0.05 * column.rows):
            guess.add("context", column, f"{column.distinct:,} circumstances of an event")
    return guess


def guess_items(seen: Observed, item_join: Join | None) -> Guess:
    """Find the key and the fields of an item catalogue."""
    guess = Guess()
    _give_key(seen, guess, "item", item_join)
    _give_best(seen, guess, "price", lambda c: c.numeric > 0.8)
    for role in ("image", "audio"):
        _give_best(seen, guess, role, lambda c: c.numeric < 0.5)
    _give_best(seen, guess, "category", lambda c: 1 < c.distinct <= max(200, 0.2 * c.rows) and c.unique < 0.9)
    named = [
        (speaks_for(c.name, "text"), speaks_for(c.name, "category"), c)
        for c in _free(seen, guess)
        if c.numeric < 0.5
    ]
    ranked = sorted(
        ((max(t, 0.7 * k), c) for t, k, c in named if max(t, k) >= _SURE and c.dated < 0.5),
        key=lambda pair: (-pair[0], [s.name for s in seen.columns].index(pair[1].name)),
    )
    for _, column in ranked[:5]:
        guess.add("text", column, f"words, {column.length:.0f} characters on average")
    if not ranked:
        longest = max(
            (c for c in _free(seen, guess) if c.numeric < 0.2 and c.dated < 0.5),
            key=lambda c: c.length,
            default=None,
        )
        if longest is not None and longest.length >= 4:
            guess.add("text", longest, f"the longest words, {longest.length:.0f} characters on average")
    return guess


def guess_users(seen: Observed, user_join: Join | None) -> Guess:
    """Find the key and the attributes of a user table."""
    guess = Guess()
    _give_key(seen, guess, "user", user_join)
    for column in _free(seen, guess):
        if PERSONAL.search(column.name) or column.distinct < 2:
            continue
        few = column.distinct <= max(50, 0.2 * column.rows)
        measured = column.numeric > 0.95 and column.length <= 12
        if few or (measured and not {"id", "code", "number", "no"} & set(normal(column.name).split("_"))):
            kind = f"{column.distinct:,} different" if few else f"numbers from {column.low:g} to {column.high:g}"
            guess.add("attributes", column, kind)
    return guess


def guess_links(seen: Observed, user_join: Join | None) -> Guess:
    """Find the two ends and the weight of links between users."""
    guess = Guess()
    ends = [c for c in seen.columns if c.rows and c.dated < 0.9 and c.length <= _ID_LENGTH]
    if user_join is not None:
        ends = [c for c in ends if user_join(c) >= 0.2] or ends
    if len(ends) < 2:
        raise ConfigError(
            "links need two columns of user ids",
            where=seen.table.label,
            mend=f"it has {', '.join(c.name for c in seen.columns)}",
        )
    friend = max(ends, key=lambda c: (speaks_for(c.name, "friend"), ends.index(c)))
    rest = [c for c in ends if c is not friend]
    user = max(rest, key=lambda c: (speaks_for(c.name, "user"), -ends.index(c)))
    guess.give("user", user, "one end of a link")
    guess.give("friend", friend, "the other end")
    _give_best(seen, guess, "weight", lambda c: c.numeric > 0.9)
    return guess


def guess_impressions(seen: Observed, user_join: Join | None, item_join: Join | None) -> Guess:
    """Find what was shown to whom, when and where, and what came of it.

    Raises
    ------
    ConfigError
        If no column says what was clicked, or two could be the same thing.
    """
    guess = Guess()
    _give_time(seen, guess)
    _give_ids(seen, guess, user_join, item_join)
    for role, fits in (
        ("position", lambda c: c.integer > 0.95 and c.distinct <= 1000),
        ("clicked", lambda c: c.distinct <= 2),
        ("converted", lambda c: c.distinct <= 2),
        ("propensity", lambda c: c.numeric > 0.5 and c.low >= 0 and c.high <= 1),
        ("policy", lambda c: c.distinct <= 200 and c.unique < 0.5),
        ("value", lambda c: c.numeric > 0.5),
    ):
        _give_best(seen, guess, role, fits)
    for role in ("item", "clicked"):
        if role not in guess.roles:
            raise ConfigError(
                f"no column says what was {'shown' if role == 'item' else 'clicked'}",
                where=seen.table.label,
                mend=f"name it {role}, or write data.impressions.{role} by hand; it has "
                f"{', '.join(c.name for c in seen.columns[:12])}",
            )
    return guess


def _give_time(seen: Observed, guess: Guess) -> None:
    scores = []
    for column in seen.columns:
        if column.dated < 0.7:
            continue
        # A number in the range of an epoch is a time only if it is called so, or hardly anything else fits.
        native = column.numeric < 0.5
        score = speaks_for(column.name, "time") + (0.35 if native else 0.1) + 0.1 * (column.ordered > 0.95)
        scores.append((score, column))
    if not scores:
        listed = ", ".join(f"{c.name} ({', '.join(c.samples[:1])})" for c in seen.columns[:12])
        raise ConfigError(
            "no column holds times",
            where=seen.table.label,
            mend=f"which one says when? Set data.events.time and time_format by hand; it has {listed}",
        )
    column = _decide(scores, seen, "time", "says when the event happened")
    guess.give("time", column, f"times such as {column.samples[0] if column.samples else ''}")


def _give_ids(seen: Observed, guess: Guess, user_join: Join | None, item_join: Join | None) -> None:
    candidates = [c for c in _free(seen, guess) if _is_id(c)]
    users = [(_id_score(c, "user", user_join), c) for c in candidates]
    items = [(_id_score(c, "item", item_join), c) for c in candidates]
    # What clearly is the one is not the other.
    users = [(s - 0.5 * o, c) for (s, c), (o, _) in zip(users, items, strict=True)]
    named = [(s, c) for s, c in users if s >= _SURE * 0.8]
    if named:
        user = _decide(named, seen, "user", "is the user")
        guess.give("user", user, f"{user.distinct:,} users in the rows looked at{_said(user_join, user, 'users')}")
    else:
        user = _by_content(candidates, seen)
        guess.give("user", user, f"{user.distinct:,} ids that repeat; found by content and position: check it")
        guess.unsure.add("user")
    others = [(s - 0.5 * speaks_for(c.name, "user"), c) for s, c in items if c is not user]
    named = [(s, c) for s, c in others if s >= _SURE * 0.8]
    if named:
        item = _decide(named, seen, "item", "is the item")
        guess.give("item", item, f"{item.distinct:,} items in the rows looked at{_said(item_join, item, 'items')}")
        return
    strangers = [c for _, c in others if not _speaks_otherwise(c, "item") and c.distinct > 1 and c.unique < 0.9]
    if strangers:
        item = strangers[0]
        guess.give("item", item, f"{item.distinct:,} ids that repeat; found by content and position: check it")
        guess.unsure.add("item")


def _id_score(column: Column, role: str, join: Join | None) -> float:
    score = speaks_for(column.name, role)
    if score and (
        normal(column.name).endswith(("_id", "id", "nummer", "nr", "no"))
        or column.name.endswith(("号", "编号", "编码"))
    ):
        score += 0.15
    if join is not None:
        share = join(column)
        score += 0.8 * share if share > 0.3 else -0.2
    return score


def _by_content(candidates: list[Column], seen: Observed) -> Column:
    """Without names or joins: the file is often grouped by user, and users stand before items."""
    free = [c for c in candidates if not _speaks_otherwise(c, "user") and c.unique < 0.9]
    if not free:
        listed = ", ".join(c.name for c in seen.columns[:12])
        raise ConfigError(
            "no column looks like a user id",
            where=seen.table.label,
            mend=f"which of {listed} is the user? Name it user_id, or set data.events.user by hand",
        )
    grouped = [c for c in free if c.runs * c.rows <= 1.2 * c.distinct]
    return (grouped or free)[0]


def _give_key(seen: Observed, guess: Guess, role: str, join: Join | None) -> None:
    """The column of a table that names its rows."""
    scores = []
    for column in seen.columns:
        if not _is_id(column):
            continue
        score = _id_score(column, role, join) + 0.5 * column.unique
        if normal(column.name) in ("id", "编号", "key", "code"):
            score += 0.5
        scores.append((score, column))
    if not scores:
        raise ConfigError(
            f"no column looks like the id of {role}s",
            where=seen.table.label,
            mend=f"it has {', '.join(c.name for c in seen.columns[:12])}",
        )
    best = max(scores, key=lambda pair: pair[0])
    if best[0] < _SURE:
        raise ConfigError(
            f"no column looks like the id of {role}s",
            where=seen.table.label,
            mend=f"which of {', '.join(c.name for c in seen.columns[:12])} is it? Name it {role}_id",
        )
    column = _decide(scores, seen, role, f"is the {role}'s id")
    guess.give(
        role, column, f"{column.distinct:,} different in {column.rows:,} rows{_said(join, column, 'events')}"
    )


def _give_best(seen: Observed, guess: Guess, role: str, fits: Callable[[Column], bool]) -> None:
    scores = [(speaks_for(c.name, role), c) for c in _free(seen, guess) if c.rows and fits(c)]
    scores = [(s, c) for s, c in scores if s >= _SURE]
    if scores:
        column = max(scores, key=lambda pair: pair[0])[1]
        guess.give(role, column, f"such as {', '.join(column.samples) or 'nothing'}")


def _decide(scores: Iterable[tuple[float, Column]], seen: Observed, role: str, question: str) -> Column:
    ranked = sorted(scores, key=lambda pair: -pair[0])
    rivals = [c for s, c in ranked[1:] if ranked[0][0] - s < _CLOSE and s >= _SURE]
    if rivals:
        best, rival = ranked[0][1], rivals[0]
        raise ConfigError(
            f"two columns could be the {role}: {best.name} ({', '.join(best.samples)}) "
            f"and {rival.name} ({', '.join(rival.samples)})",
            where=seen.table.label,
            mend=f"which one {question}? Leave the other out of the file, or write data.*.{role} by hand",
        )
    return ranked[0][1]


def _free(seen: Observed, guess: Guess) -> list[Column]:
    taken = guess.taken()
    return [c for c in seen.columns if c.name not in taken and c.rows]


def _is_id(column: Column) -> bool:
    whole = column.numeric < 0.5 or column.integer > 0.95
    return bool(column.rows) and whole and column.length <= _ID_LENGTH


def _speaks_otherwise(column: Column, role: str) -> bool:
    other = (
        "value",
        "quantity",
        "duration",
        "event_type",
        "session",
        "currency",
        "context",
        "time",
        "user",
        "item",
    )
    return any(speaks_for(column.name, o) >= _SURE for o in other if o != role)


def _said(join: Join | None, column: Column, file: str) -> str:
    if join is None:
        return ""
    share = join(column)
    return f"; {share:.0%} of them in the {file} file" if share else ""
