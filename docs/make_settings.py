"""Write docs/reference/settings.md from the settings tree; ``--check`` only says whether it is current.

Usage: python docs/make_settings.py [--check]
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from fenqun.config import Config, Source, parse_duration
from fenqun.scenarios import SCENARIOS

PAGE = Path(__file__).parent / "reference" / "settings.md"

# Meaning of settings whose name and type say enough in the code.
OBVIOUS = {
    "*.format": "How to read it; auto goes by the name's ending or the address",
    "*.delimiter": "Of CSV; none: look",
    "*.encoding": "Of text files",
    "data.events.user": "Column of the user id; kept as it is, to the letter",
    "data.events.time": "Column of the timestamp",
    "data.events.event_type": "Column of the kind of event, which decides its weight",
    "data.events.value": "Column of what the event is worth: price paid, rating, score, amount",
    "data.events.quantity": "Column of the number of pieces",
    "data.events.duration": "Column of seconds spent",
    "data.events.session": "Column of the session id; without it a pause ends a session",
    "data.events.currency": "Column of the currency code",
    "data.events.context": "Columns such as device or channel",
    "data.items.item": "Column of the item id",
    "data.items.category": "Column of the category",
    "data.items.price": "Column of the list price",
    "behaviour.intent.width": "Of event vectors and states",
    "behaviour.intent.dropout": "Share of numbers left out in training",
    "behaviour.intent.learning_rate": "At its highest",
    "vectors.weights.intent": "Of the sequence model's block",
    "data.users.user": "Column of the user id",
    "data.users.attributes": "Columns that describe the user; they feed the static strategy only",
    "data.links.user": "Column of the user id",
    "data.links.friend": "Column of the other user's id",
    "data.links.weight": "Column of the link's strength",
    "data.impressions.user": "Column of the user id",
    "data.impressions.item": "Column of the item id",
    "data.impressions.time": "Column of the timestamp",
    "data.impressions.clicked": "Column of yes or no: 1 or 0, true or false",
    "data.impressions.converted": "Column of yes or no: bought, signed up, redeemed",
    "data.impressions.value": "Column of what came of it, such as an amount; missing counts as nothing",
    "data.impressions.policy": "Column of the name of the policy that chose the item",
    "segmentation.external.user": "Column of the user id",
    "segmentation.external.segment": "Column of the segment",
    "scenario": "Brings event weights, the meaning of value, and whether lists may repeat items; table below",
    "strategy": "The strategy whose segments are published",
    "targets.name": "Name of the target",
    "targets.horizon": "How far ahead; required for value and events",
    "quality.duplicate": "Exact repetitions of a row",
    "quality.negative_value": "Values below zero",
    "quality.bot": "Users above the rate of bot_events_per_day",
    "quality.bot_events_per_day": "Most events of one user on one day that a person can make",
    "quality.unknown_item": "Events with items that the catalogue lacks",
    "quality.broken_text": "Item text with a broken encoding",
    "quality.missing_value": "Events without a value",
    "quality.missing_price": "Items without a price",
    "profiles.half_lives": "Of the time-decayed activity, one figure each",
    "splits.validation": "Share of the time span (or of each user's events) for choosing",
    "splits.test": "Share of the time span (or of each user's events) for judging, the last part",
    "behaviour.taste.width": "Numbers in a taste vector",
    "behaviour.taste.als_iterations": "Sweeps of the factorisation",
    "behaviour.taste.als_regularization": "Of the factorisation",
    "behaviour.taste.epochs": "Of the contrastive tuning",
    "behaviour.taste.batch": "Users in a batch",
    "behaviour.taste.learning_rate": "Of Adam",
    "behaviour.taste.temperature": "Of InfoNCE",
    "vectors.weights.taste": "Weight of the taste block (who, order-free)",
    "vectors.weights.rhythm": "Weight of the rhythm block (when and how much)",
    "vectors.map": "How the map of the report is drawn; umap needs the extra of that name",
    "segmentation.clusterers": "Clusterers to try",
    "segmentation.k_min": "Fewest segments to try",
    "segmentation.k_max": "Most segments to try",
    "segmentation.max_noise": "Largest share of users that a clusterer may leave out",
    "evaluation.list_length": "Items in the lists that judge segments",
    "recommendation.list_length": "Items in the published lists",
    "report.language": "Language of the report",
    "run.seed": "The one seed of every random choice",
    "run.threads": "Threads of every library",
}


TITLES = {"": "Top level", "*": "Every source: `data.*` and `segmentation.external`"}


def settings(model: type[BaseModel] = Config, path: str = "") -> Iterator[tuple[str, FieldInfo, type[BaseModel]]]:
    """Yield every setting as (dotted path, field, model that holds it): a table's own first, then its parts'.

    What all sources share is yielded once, under a star.
    """
    shared = Source.model_fields if issubclass(model, Source) else {}
    own = {name: info for name, info in model.model_fields.items() if name not in shared}
    yield from ((f"{path}{name}", info, model) for name, info in own.items() if not nested(info.annotation))
    if model is Config:
        yield from ((f"*.{name}", info, Source) for name, info in Source.model_fields.items())
    for name, info in own.items():
        if inner := nested(info.annotation):
            yield from settings(inner, f"{path}{name}.")


def nested(annotation: Any) -> type[BaseModel] | None:
    """Return the settings model inside an annotation, if there is one."""
    for candidate in (annotation, *get_args(annotation)):
        if isinstance(candidate, type) and issubclass(candidate, BaseModel):
            return candidate
    return None


def meaning(path: str, info: FieldInfo) -> str:
    """What a setting means: its description in the code, or the line above."""
    return info.description or OBVIOUS.get(path, "")


def type_words(annotation: Any, info: FieldInfo) -> str:
    """Name a type as a reader of YAML would."""
    origin, inner = get_origin(annotation), get_args(annotation)
    if origin is Literal:
        return ", ".join(f"`{value}`" for value in inner)
    if origin in (Union, UnionType):
        return " or ".join(type_words(part, info) for part in inner if part is not NoneType)
    if origin is tuple:
        return f"list of {plural(type_words(inner[0], info))}"
    if origin is dict:
        return "mapping"
    if hasattr(annotation, "__metadata__"):
        return "duration" if is_duration(annotation.__metadata__) else type_words(inner[0], info)
    if annotation is float and is_duration(info.metadata):
        return "duration"
    names = {str: "text", int: "whole number", float: "number", bool: "true or false"}
    return names.get(annotation, str(annotation))


def plural(words: str) -> str:
    """Plural of a type's name; literal values stay."""
    return words if words.startswith("`") else f"{words}s"


def is_duration(metadata: Any) -> bool:
    """Whether a validator that reads durations is attached."""
    return any(getattr(item, "func", None) is parse_duration for item in metadata)


def bounds(info: FieldInfo) -> str:
    """Limits of a number, such as ``≥ 1``."""
    signs = {"gt": ">", "ge": "≥", "lt": "<", "le": "≤"}
    found = [
        f"{sign} {getattr(item, key):g}"
        for item in info.metadata
        for key, sign in signs.items()
        if getattr(item, key, None) is not None and not is_duration(info.metadata)
    ]
    return ", ".join(found)


def default_words(info: FieldInfo, kind: str) -> str:
    """Write a default as in YAML; durations with their unit."""
    if info.is_required():
        return "**required**"
    value = info.get_default(call_default_factory=True)
    if value is None or value is PydanticUndefined:
        return "–"
    if "duration" in kind:
        return f"`{', '.join(map(duration, value))}`" if isinstance(value, tuple) else f"`{duration(value)}`"
    if isinstance(value, tuple | dict):
        return f"`{json.dumps(value)}`" if value else "–"
    return f"`{json.dumps(value)}`" if isinstance(value, bool) else f"`{value}`"


def duration(seconds: float) -> str:
    """Write seconds in the largest unit that divides them."""
    for unit, size in (("d", 86400), ("h", 3600), ("m", 60)):
        if seconds % size == 0:
            return f"{seconds / size:g}{unit}"
    return f"{seconds:g}s"


def page() -> str:
    """Return the whole page."""
    lines = [
        "# Settings",
        "",
        "Written by `docs/make_settings.py` from `src/fenqun/config/`; change the code, not this page.",
        "",
        "Any setting can be changed for one run: `fenqun run shop.yaml --out RUN --set segmentation.k=12`.",
        "Durations are written `90s`, `5m`, `36h`, `90d` or `2w`. Relative paths are taken from the folder of the",
        "YAML file. A name that is not listed here is an error. A dash means: not set (`null`, in Python `None`).",
        "The complete settings of a run are in its `config.yaml`.",
    ]
    group: str | None = None
    for path, info, model in settings():
        parent = path.rpartition(".")[0]
        if parent != group:
            group = parent
            lines += [
                "",
                f"## {TITLES.get(parent, f'`{parent}`')}",
                "",
                (model.__doc__ or "").strip().replace("``", "`"),
                "",
            ]
            lines += ["| setting | values | default | meaning |", "|---|---|---|---|"]
        kind = type_words(info.annotation, info)
        limits = bounds(info)
        values = f"{kind} {limits}".strip() if limits else kind
        lines.append(f"| `{path}` | {values} | {default_words(info, kind)} | {meaning(path, info)} |")
    return "\n".join(lines + scenario_lines()) + "\n"


def scenario_lines() -> list[str]:
    """Describe the scenarios."""
    lines = ["", "## Scenarios", "", "Types of events are matched in lower case; a type not named weighs 1.", ""]
    lines += [
        "| scenario | users · items | `value` is | lists repeat items | event weights |",
        "|---|---|---|---|---|",
    ]
    for name, scenario in SCENARIOS.items():
        weights = ", ".join(f"{kind} {weight:g}" for kind, weight in scenario.event_weights.items())
        who = f"{scenario.user_name[0]} · {scenario.item_name[0]}"
        lines.append(
            f"| `{name}` | {who} | {scenario.value_name[0]} | {'yes' if scenario.repeats else 'no'} | {weights} |"
        )
    return lines


def main(arguments: list[str]) -> int:
    """Write the page, or compare it."""
    text = page()
    if "--check" in arguments:
        current = PAGE.is_file() and PAGE.read_text(encoding="utf-8") == text
        print("current" if current else f"{PAGE} is out of date: run python docs/make_settings.py")
        return 0 if current else 1
    PAGE.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
