"""Segment cards as the report shows them: drivers in words, hours as small bars, lists with texts."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from markupsafe import Markup

from fenqun.data.traits import TRAITS, trait
from fenqun.explanation.lexicon import word
from fenqun.explanation.wording import clean
from fenqun.report.artifacts import Artifacts
from fenqun.report.lists import TEXT_LIMIT, ListView, item_text, list_views, readable
from fenqun.report.naming import NamingView, naming_view
from fenqun.report.numbers import count, number, percent
from fenqun.report.palette import Mark, mark
from fenqun.report.said import NOTHING, Said, same
from fenqun.report.terms import DAYS, UNITS, column_term, term
from fenqun.report.words import say
from fenqun.scenarios import Scenario
from fenqun.schema import Card, Driver, Naming

_DRIVERS, _ITEMS, _MEDIANS = 5, 6, 10
_ONE_HOUR = 0.999  # share of events in one hour from which a log knows days only
_STABLE, _FAIR = 0.75, 0.5  # bootstrap Jaccard; below a half a segment dissolves (Hennig, 2007)


@dataclass(frozen=True)
class DriverLine:
    """One driver: its bar of ``strength`` in 0 to 1, the ratio, and what it is here and for everyone."""

    label: Said
    tag: Said
    strength: float
    ratio: str
    here: Said
    everyone: Said


@dataclass(frozen=True)
class ItemLine:
    """One over-represented item, with a bar of ``strength`` in 0 to 1."""

    text: str
    category: str
    lift: str
    users: str
    strength: float


@dataclass(frozen=True)
class CardView:
    """One segment, ready to print."""

    id: str
    name: Said
    naming: NamingView
    look: Mark
    size: str
    share: str
    fraction: float
    confidence: str
    jaccard: str
    stability: str
    over: list[DriverLine]
    under: list[DriverLine]
    items: list[ItemLine]
    recommended: ListView | None
    typical: list[str]
    medians: list[tuple[Said, Said, Said]]
    hours: Markup
    weekdays: Markup
    peak: Said


def card_views(found: Artifacts) -> list[CardView]:
    """Return the cards in the order of ``segments.parquet``."""
    if found.segments is None:
        return []
    rows = found.segments.to_pylist()
    cards = [Card.model_validate_json(row["card"]) for row in rows]
    weights = _events(found, [row["segment_id"] for row in rows], [row["size"] for row in rows])
    hours = _everyone([card.hours for card in cards], weights)
    weekdays = _everyone([card.weekdays for card in cards], weights)
    told = max(hours, default=0.0) < _ONE_HOUR
    medians = _medians(found.profiles, {name for card in cards for name in card.traits})
    lists = list_views(found)
    views = []
    for position, (row, card) in enumerate(zip(rows, cards, strict=True)):
        drivers = [Driver.model_validate(driver) for driver in json.loads(row["drivers"])]
        views.append(
            CardView(
                id=row["segment_id"],
                name=Said(clean(row["name_en"], TEXT_LIMIT), clean(row["name_zh"], TEXT_LIMIT)),
                naming=naming_view(Naming.model_validate_json(row["naming"]), card),
                look=mark(position),
                size=count(row["size"]),
                share=percent(row["share"]),
                fraction=row["share"],
                confidence=number(card.confidence),
                jaccard=number(card.jaccard),
                stability=_stability(card.jaccard),
                over=_drivers([d for d in drivers if d.effect > 0], found.config.domain),
                under=_drivers([d for d in drivers if d.effect < 0], found.config.domain),
                items=_items(card),
                recommended=lists.get(row["segment_id"]),
                typical=[clean(user, 40) for user in card.typical_users],
                medians=[
                    (_titled(name), _amount(name, value), _amount(name, medians[name]))
                    for name, value in sorted(card.traits.items(), key=lambda pair: _rank(pair[0]))
                    if name in medians
                ][:_MEDIANS],
                hours=bars(card.hours, hours) if told else Markup(),
                weekdays=bars(card.weekdays, weekdays),
                peak=_peak(card, told),
            )
        )
    return views


def card_lines(
    card: Card, drivers: Sequence[Mapping[str, Any]], domain: Scenario
) -> tuple[list[DriverLine], list[DriverLine], list[ItemLine]]:
    """Return what a group does more and less than those it is compared with, and its items."""
    told = [Driver.model_validate(driver) for driver in drivers]
    over, under = ([d for d in told if (d.effect > 0) == more] for more in (True, False))
    return _drivers(over, domain), _drivers(under, domain), _items(card)


def _items(card: Card) -> list[ItemLine]:
    shown = card.items[:_ITEMS]
    most = max((item.lift for item in shown), default=1.0)
    return [
        ItemLine(
            *item_text(item.text, item.category, item.item_id),
            number(item.lift),
            count(item.users),
            item.lift / most,
        )
        for item in shown
    ]


def _stability(jaccard: float | None) -> str:
    """Return the key of the word for a bootstrap Jaccard, empty where there is none."""
    if jaccard is None:
        return ""
    return "stable" if jaccard >= _STABLE else "fairly_stable" if jaccard >= _FAIR else "loose"


def bars(shares: Sequence[float], everyone: Sequence[float], width: int = 240, height: int = 46) -> Markup:
    """Draw shares as bars, with those of everyone as a line over them, in inline SVG without texts."""
    top = max([*shares, *everyone, 1e-9])
    step = width / max(len(shares), 1)
    parts = []
    for i, share in enumerate(shares):
        tall = share / top * (height - 2)
        parts.append(
            f'<rect x="{i * step + step * 0.1:.1f}" y="{height - tall:.1f}" width="{step * 0.8:.1f}" '
            f'height="{tall:.1f}" rx="1.2"/>'
        )
    points = " ".join(
        f"{x:.1f},{height - share / top * (height - 2):.1f}"
        for i, share in enumerate(everyone)
        for x in (i * step, (i + 1) * step)
    )
    return Markup(
        f'<svg viewBox="0 0 {width} {height}" preserveAspectRatio="none" aria-hidden="true" focusable="false">'
        f'{"".join(parts)}<polyline points="{points}"/></svg>'
    )  # only numbers go in


def _drivers(drivers: list[Driver], domain: Scenario) -> list[DriverLine]:
    """Return the first drivers whose two figures differ in print, and the way that the effect says."""
    lines = [_driver(d, domain) for d in drivers if (d.segment > d.everyone) == (d.effect > 0)]
    return [line for line in lines if line.here != line.everyone][:_DRIVERS]


def _driver(driver: Driver, domain: Scenario) -> DriverLine:
    if driver.kind == "trait":
        spoken = word(domain, driver.feature, driver.effect > 0)
        return DriverLine(
            label=_titled(driver.feature),
            tag=Said(spoken.en, spoken.zh) if spoken else NOTHING,
            strength=min(1.0, abs(driver.effect) / 1.5),
            ratio="",
            here=_amount(driver.feature, driver.segment),
            everyone=_amount(driver.feature, driver.everyone),
        )
    label = readable(driver.feature, 60)
    if driver.kind == "attribute":
        column, _, level = driver.feature.partition("=")
        label = f"{column_term(column)}: {readable(level, 40)}"
    ratio = driver.segment / driver.everyone if driver.everyone > 0 else 2.0**driver.effect
    return DriverLine(
        label=same(label),
        tag=NOTHING,
        strength=min(1.0, abs(driver.effect) / 3),
        ratio=f"{ratio:.1f}×" if ratio >= 0.1 else f"{ratio:.1g}×",
        here=same(percent(driver.segment)),
        everyone=same(percent(driver.everyone)),
    )


def _titled(name: str) -> Said:
    known = trait(name)
    return Said(known.en[:1].upper() + known.en[1:], known.zh)


def _amount(name: str, value: float) -> Said:
    unit = trait(name).unit
    if unit == "share":
        return same(percent(value))
    if unit in UNITS and unit != "days":
        spoken = term(UNITS, unit)
        return Said(f"{number(value)} {spoken.en}", f"{number(value)} {spoken.zh}")
    return same(number(value))


def _rank(name: str) -> tuple[int, str]:
    order = list(TRAITS)
    return (order.index(name) if name in TRAITS else len(order), name)


def _events(found: Artifacts, ids: list[str], sizes: list[int]) -> list[float]:
    """Return the number of events of each segment; its size where profiles do not say."""
    if found.profiles is None or found.memberships is None or "n_events" not in found.profiles.column_names:
        return [float(size) for size in sizes]
    joined = found.memberships.select(["user_id", "segment_id"]).join(
        found.profiles.select(["user_id", "n_events"]), "user_id"
    )
    total = joined.group_by("segment_id").aggregate([("n_events", "sum")]).to_pydict()
    events = dict(zip(total["segment_id"], total["n_events_sum"], strict=True))
    return [float(events.get(segment) or 0) for segment in ids]


def _everyone(shares: list[list[float]], weights: list[float]) -> list[float]:
    mass = np.asarray(weights) @ np.asarray(shares)
    total = float(mass.sum())
    return [float(x) for x in (mass / total if total > 0 else mass)]


def _medians(profiles: pa.Table | None, names: set[str]) -> dict[str, float]:
    medians: dict[str, float] = {}
    for name in names & set(profiles.column_names if profiles is not None else ()):
        column = profiles[name]  # type: ignore[index]
        if pa.types.is_integer(column.type) or pa.types.is_floating(column.type):
            middle = pc.quantile(column, 0.5)[0].as_py()
            if middle is not None:
                medians[name] = float(middle)
    return medians


def _peak(card: Card, hours: bool) -> Said:
    if not any(card.hours) or not any(card.weekdays):
        return NOTHING
    day = DAYS[int(np.argmax(card.weekdays))]
    return say("peak", hour=int(np.argmax(card.hours)), day=day) if hours else say("peak_day", day=day)
