"""Measured figures of plays as short phrases: what was compared, what was asked, how much is lacking."""

from __future__ import annotations

from fenqun.data.traits import trait
from fenqun.explanation.phrases import say_topic
from fenqun.explanation.wording import capitalise, clean
from fenqun.report.numbers import count, number, percent
from fenqun.report.said import Said, same
from fenqun.report.terms import UNITS, term
from fenqun.report.texts.plays import ROLES
from fenqun.report.words import say
from fenqun.schema import PlayFigure


def say_figure(figure: PlayFigure, tier: Said | None = None, value_name: Said | None = None) -> Said:
    """Return what was measured, and what the playbook asked.

    Parameters
    ----------
    figure
        One condition's.
    tier
        Name of the tier that the group is, None where it is none: its traits are held against the tier.
    value_name
        What is expected of users.
    """
    if figure.figure == "tier":
        return say("figure_tier", name=tier or same(figure.of))
    what = _what(figure, value_name)
    if figure.value is None:
        return say("figure_unknown", what=what)
    others = say("figure_tier_users" if tier and figure.figure == "trait" else "figure_everyone")
    amounts = {"here": _amount(figure, figure.here), "everyone": _amount(figure, figure.everyone)}
    return say(
        _key(figure, amounts["here"] == amounts["everyone"]),
        what=what,
        others=others,
        value=number(figure.value),
        asked=_asked(figure),
        **amounts,
    )


def say_lack(figure: PlayFigure) -> Said:
    """Return by how much a figure fails, or that a large enough difference is not established."""
    if figure.gap == 0 and figure.q is not None:
        return say("play_not_established", q=number(figure.q))
    return say("play_short", gap=_bound(figure, figure.gap or 0.0))


def _key(figure: PlayFigure, alike: bool) -> str:
    if figure.by == "effect":
        # two medians may read the same where the means behind the effect do not
        return "figure_effect_alone" if alike else "figure_effect"
    if figure.by in ("times", "ratio"):
        return "figure_times"
    return "figure_median" if figure.by == "median" else "figure_share"


def _what(figure: PlayFigure, value_name: Said | None) -> Said:
    if figure.figure == "trait":
        known = trait(figure.of)
        return Said(capitalise(known.en), known.zh)
    if figure.figure == "category":
        return Said(*say_topic(figure.of)) if figure.of else same("–")
    if figure.figure == "action":
        return same(clean(figure.of.replace("_", " "), 40))
    if figure.figure == "tier_share":
        return say("figure_tier_share", role=term(ROLES, figure.of))
    if figure.figure == "expected":
        said = say("figure_expected")
        return said if value_name is None else Said(f"{said.en} ({value_name.en})", f"{said.zh}（{value_name.zh}）")
    return say("figure_users" if figure.figure == "users" else "figure_of_all")


def _amount(figure: PlayFigure, value: float | None) -> Said:
    """Return a figure in its own unit."""
    if value is None:
        value = figure.value
    if figure.figure in ("category", "action", "tier_share", "share"):
        return same(percent(value or 0.0))
    if figure.figure == "users":
        return same(count(value or 0.0))
    unit = trait(figure.of).unit if figure.figure == "trait" else ""
    if unit == "share":
        return same(percent(value or 0.0))
    if unit in UNITS and unit != "days":
        spoken = term(UNITS, unit)
        return Said(f"{number(value)} {spoken.en}", f"{number(value)} {spoken.zh}")
    return same(number(value))


def _bound(figure: PlayFigure, value: float) -> str:
    if figure.by == "count":
        return count(value)
    return percent(value) if figure.by == "share" else f"{value:.3g}".replace("-", "−")


def _asked(figure: PlayFigure) -> Said:
    low, high = (None if x is None else _bound(figure, x) for x in (figure.at_least, figure.at_most))
    if low is not None and high is not None:
        return say("asked_between", low=low, high=high)
    return say("asked_at_most", high=high) if low is None else say("asked_at_least", low=low)
