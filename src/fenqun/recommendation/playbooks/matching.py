"""Which entries of a playbook hold for which group, by which figures, and which nearly do."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, replace

from fenqun.explanation.abbreviations import expand, is_murky
from fenqun.explanation.wording import clean
from fenqun.recommendation.playbooks.conditions import (
    ActionCondition,
    AnyCondition,
    CategoryCondition,
    Comparison,
    Condition,
    ExpectedCondition,
    LevelCondition,
    SizeCondition,
    TierCondition,
    TraitCondition,
)
from fenqun.recommendation.playbooks.figures import CategoryFigure, Figure, Group
from fenqun.recommendation.playbooks.model import Entry, Playbook
from fenqun.schema.playbooks import PlayFigure, Verdict

ALPHA = 0.05
"""False discovery rate at which a difference is established."""

NAMED = 3
"""Categories that a text names at most."""

_NEAR = 0.5  # a figure that lacks at most this share of what was asked is near
_NEAR_MISSES = 3
_LEAST_SHARE = 0.01  # of a group's events, from which a category is worth naming


@dataclass(frozen=True)
class Play:
    """What a playbook says to a group: an entry, or that there is none.

    Attributes
    ----------
    rank
        Of what holds, 1 first; None for everything else.
    categories
        What texts name, as the source writes it.
    figures
        What was measured, one a condition.
    """

    group: Group
    verdict: Verdict
    rank: int | None = None
    entry: Entry | None = None
    categories: tuple[str, ...] = ()
    figures: tuple[PlayFigure, ...] = ()


def match_groups(playbook: Playbook, groups: Sequence[Group], min_users: int = 1) -> list[Play]:
    """Return what the playbook says to each group, in the order of the groups.

    Kinds of groups that no entry is for are left out. Within a group: what holds by rank (priority, then the place of its category among the group's most telling, then
    id), what is outranked within its theme, what nearly holds. A
    group of fewer than ``min_users`` gets ``few``, one that nothing holds for gets ``none``.
    """
    levels = {level for entry in playbook.entries if entry.tiers is None for level in entry.levels}
    tiered = any(entry.tiers is not None for entry in playbook.entries)
    spoken = [group for group in groups if (tiered if group.tier is not None else group.level in levels)]
    return [play for group in spoken for play in _plays(playbook.entries, group, min_users)]


def _plays(entries: Sequence[Entry], group: Group, min_users: int) -> list[Play]:
    if group.users < min_users:
        return [Play(group, "few")]
    tried = sorted((_try(entry, group) for entry in entries if _concerns(entry, group)), key=_order)
    held: list[Play] = []
    outranked: list[Play] = []
    themes: set[str] = set()
    for play in tried:
        if play.verdict != "match" or play.entry is None:
            continue
        theme = play.entry.theme
        if theme is not None and theme in themes:
            outranked.append(replace(play, verdict="outranked"))
            continue
        themes |= {theme} if theme is not None else set()
        held.append(replace(play, rank=len(held) + 1))
    near = [(_lack(play), i, play) for i, play in enumerate(tried) if play.verdict == "near"]
    misses = [play for _, _, play in sorted(near, key=lambda one: one[:2])[:_NEAR_MISSES]]
    return [*(held or [Play(group, "none")]), *outranked, *misses]


def _order(play: Play) -> tuple[int, int, str]:
    assert play.entry is not None
    categories = [one.name for one in play.group.categories]
    told = [figure.of for figure in play.figures if figure.figure == "category" and figure.met]
    return play.entry.priority, categories.index(told[0]) if told else 0, play.entry.id


def _concerns(entry: Entry, group: Group) -> bool:
    """Whether an entry is for groups of this kind at all."""
    if group.tier is None:
        return entry.tiers is None and group.level in entry.levels
    return entry.tiers is not None and bool({group.tier, group.role} & set(entry.tiers.is_))


def _try(entry: Entry, group: Group) -> Play:
    figures: list[PlayFigure] = []
    named: list[str] = []
    for condition in entry.when:
        found, categories = _check(condition, group)
        figures += found
        named += [name for name in categories if name not in named]
    missed = [figure for figure in figures if not figure.met]
    near = len(missed) == 1 and _is_near(missed[0])
    verdict: Verdict = "match" if not missed else "near" if near else "none"
    return Play(group, verdict, None, entry, tuple(named[:NAMED]) or _leading(group), tuple(figures))


def _is_near(figure: PlayFigure) -> bool:
    return figure.gap is not None and figure.gap <= _NEAR * _asked(figure)


def _asked(figure: PlayFigure) -> float:
    """Return how far from no difference a figure was asked to be: from 1 for a ratio, from 0 for all else."""
    level = 1.0 if figure.by in ("times", "ratio") else 0.0
    bounds = [abs(bound - level) for bound in (figure.at_least, figure.at_most) if bound is not None]
    return max([*bounds, 1e-9])


def _lack(play: Play) -> float:
    """Share of what was asked that a near miss lacks."""
    missed = next(figure for figure in play.figures if not figure.met)
    return round((missed.gap or 0.0) / _asked(missed), 9)


def _check(condition: Condition, group: Group) -> tuple[list[PlayFigure], list[str]]:
    """Return the figures that a condition compares, and the categories that meet it."""
    if isinstance(condition, LevelCondition):
        return [], []
    if isinstance(condition, TierCondition):
        return [PlayFigure(figure="tier", of=group.tier or "", by="is", met=True)], []
    if isinstance(condition, AnyCondition):
        tried = [_compare(one, group) for one in condition.of]
        met = [one for one in tried if one[0].met]
        best = met[0] if met else min(tried, key=lambda one: _any_order(one[0]))
        return [best[0]], best[1]
    figure, categories = _compare(condition, group)
    return [figure], categories


def _any_order(figure: PlayFigure) -> float:
    """Order the alternatives that all fail: the one that lacks least stands for them."""
    return float("inf") if figure.gap is None else figure.gap / _asked(figure)


def _compare(condition: Comparison, group: Group) -> tuple[PlayFigure, list[str]]:
    if isinstance(condition, CategoryCondition):
        return _category(condition, group.categories)
    if isinstance(condition, ActionCondition):
        return _category(condition, group.actions)[0], []
    if isinstance(condition, TraitCondition):
        return _trait(condition, group.traits.get(condition.of)), []
    if isinstance(condition, SizeCondition):
        value = float(group.users) if condition.figure == "users" else group.share
        by = "count" if condition.figure == "users" else "share"
        return _figure(condition, "", by, Figure(value), tested=False), []
    if isinstance(condition, ExpectedCondition):
        return _figure(condition, "", "times", group.expected), []
    found = group.tier_shares.get(condition.of)
    if found is not None and condition.by == "share":
        found = replace(found, value=found.here)
    return _figure(condition, condition.of, condition.by, found, tested=condition.by == "times"), []


def _trait(condition: TraitCondition, found: Figure | None) -> PlayFigure:
    if found is not None and condition.by == "median":
        found = replace(found, value=found.here)
    elif found is not None and condition.by == "ratio":
        known = found.here is not None and found.everyone
        found = replace(found, value=(found.here or 0.0) / (found.everyone or 1.0) if known else None)
    return _figure(condition, condition.of, condition.by, found, tested=condition.by == "effect")


def _category(
    condition: CategoryCondition | ActionCondition, found: Sequence[CategoryFigure]
) -> tuple[PlayFigure, list[str]]:
    """Compare the categories that the words speak of; the most telling that holds stands for them, else the nearest."""
    tried = []
    for one in found:
        if (one.here or 0.0) >= condition.least_share and names_category(condition.of, one.name):
            compared = one if condition.by == "times" else replace(one, value=one.here)
            tried.append(_figure(condition, one.name, condition.by, compared, tested=condition.by == "times"))
    met = sorted((figure for figure in tried if figure.met), key=lambda figure: is_murky(figure.of))
    if condition.by == "share":
        met.sort(key=lambda figure: (is_murky(figure.of), -(figure.value or 0.0), figure.of))
    if met:
        return met[0], [figure.of for figure in met if not is_murky(figure.of)][:NAMED]
    asked = "" if condition.of == "any" else condition.of[0]
    return min(tried, key=_any_order, default=_figure(condition, asked, condition.by, None)), []


def _figure(condition: Comparison, of: str, by: str, found: Figure | None, tested: bool = True) -> PlayFigure:
    """Hold a figure against the bounds of its condition; one that is ``tested`` must be established too."""
    value = None if found is None else found.value
    short = 0.0
    if value is not None:
        if condition.at_least is not None:
            short = max(short, condition.at_least - value)
        if condition.at_most is not None:
            short = max(short, value - condition.at_most)
    q = found.q if found is not None and tested else None
    established = not tested or (q is not None and q < ALPHA)
    met = value is not None and short == 0.0 and established
    return PlayFigure(
        figure=condition.figure,
        of=of,
        by=by,
        value=_round(value),
        here=_round(found.here) if found else None,
        everyone=_round(found.everyone) if found else None,
        q=None if q is None else float(f"{q:.4g}"),
        at_least=condition.at_least,
        at_most=condition.at_most,
        met=met,
        gap=None if met or value is None else _round(short),
    )


def _round(value: float | None) -> float | None:
    return None if value is None else round(value, 6)


def names_category(words: Sequence[str] | str, name: str) -> bool:
    """Whether the name of a category carries one of the words: whole words, Chinese ones anywhere.

    >>> names_category(["sport", "体育"], "Sport & Leisure"), names_category(["体育"], "国际体育")
    (True, True)
    >>> names_category(["art"], "Cartoon"), names_category("any", "Cartoon")
    (False, True)
    >>> names_category(["cart"], "add_to_cart")
    True
    """
    if words == "any":
        return True
    text = expand(clean(name, 200).replace("_", " ")).casefold()
    return any(_holds(text, clean(word, 200).casefold()) for word in words)


def _holds(text: str, word: str) -> bool:
    if not word:
        return False
    if any(unicodedata.east_asian_width(character) in "WF" for character in word):
        return word in text
    return re.search(rf"(?<!\w){re.escape(word)}(?!\w)", text) is not None


def _leading(group: Group) -> tuple[str, ...]:
    """Return what the group takes more than others, else what it takes most."""
    worth: list[CategoryFigure] = [
        one for one in group.categories if (one.here or 0.0) >= _LEAST_SHARE and not is_murky(one.name)
    ]
    more = [one for one in worth if (one.value or 0.0) > 1 and one.q is not None and one.q < ALPHA]
    most = sorted(worth, key=lambda one: (-(one.here or 0.0), one.name))
    return tuple(one.name for one in (more or most)[:NAMED])
