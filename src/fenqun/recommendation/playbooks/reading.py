"""Playbooks as files: built in, a company's own, and the two together."""

from __future__ import annotations

import re
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from fenqun.config import Playbooks
from fenqun.errors import ConfigError
from fenqun.recommendation.playbooks.model import Entry, Playbook
from fenqun.scenarios import SCENARIOS, ScenarioName

_MEND = "fenqun playbook --show SCENARIO prints one that works"
_UNION = re.compile(r"^(trait|category|action|tier|tier_share|expected|users|share|level|any)$")


def built_in_text(scenario: str) -> str:
    """Return the YAML of a scenario's playbook, with its comments.

    Raises
    ------
    ConfigError
        If there is no such scenario.
    """
    if scenario not in SCENARIOS:
        raise ConfigError(f"no scenario {scenario!r}", where="playbook", mend=f"one of {', '.join(SCENARIOS)}")
    return (files("fenqun.recommendation.playbooks") / "scenario" / f"{scenario}.yaml").read_text(encoding="utf-8")


@cache
def built_in(scenario: ScenarioName) -> Playbook:
    """Return the playbook of a scenario."""
    return parse_playbook(built_in_text(scenario), f"{scenario}.yaml")


def read_playbook(path: str | Path) -> Playbook:
    """Read a playbook from YAML.

    Raises
    ------
    ConfigError
        In one line: the file, the entry and the field, what is wrong, and what is allowed.
    """
    path = Path(path)
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise ConfigError("no such playbook", where=str(path), mend=_MEND) from error
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"cannot be read ({error})", where=str(path)) from error
    return parse_playbook(text, str(path))


def parse_playbook(text: str, where: str) -> Playbook:
    """Return the playbook that a YAML text holds; ``where`` is named in errors."""
    try:
        tree = yaml.safe_load(text)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        problem = getattr(error, "problem", None) or "not YAML"
        raise ConfigError(
            f"not valid YAML ({problem})", where=f"{where}:{mark.line + 1}" if mark else where
        ) from error
    if not isinstance(tree, dict):
        raise ConfigError("holds no playbook (scenario, entries)", where=where, mend=_MEND)
    try:
        return Playbook.model_validate(tree)
    except ValidationError as error:
        raise ConfigError(_first_problem(error, tree), where=where, mend=_MEND) from error


def dump_playbook(playbook: Playbook) -> str:
    """Return a playbook as YAML that :func:`read_playbook` reads; what is unset is left out."""
    tree = playbook.model_dump(mode="json", by_alias=True, exclude_none=True)
    return yaml.safe_dump(tree, sort_keys=False, allow_unicode=True, width=110)


def chosen_playbook(settings: Playbooks, scenario: ScenarioName) -> Playbook | None:
    """Return the playbook that a run goes by; None where the settings want none.

    Raises
    ------
    ConfigError
        If the own file is bad, or written for another scenario.
    """
    if settings.use == "none":
        return None
    if settings.path is None:
        return built_in(scenario)
    own = read_playbook(settings.path)
    if own.scenario != scenario:
        raise ConfigError(
            f"is a playbook for {own.scenario}, the settings' scenario is {scenario}",
            where=settings.path,
            mend="change scenario there, which checks its entries for it",
        )
    return own if settings.use == "replace" else _extended(built_in(scenario), own)


def _extended(base: Playbook, own: Playbook) -> Playbook:
    """Put own entries in the place of those with their id, and the others behind."""
    given = {entry.id: entry for entry in own.entries}
    entries: list[Entry] = [given.pop(entry.id, entry) for entry in base.entries]
    return Playbook(scenario=base.scenario, entries=(*entries, *given.values()))


def _first_problem(error: ValidationError, tree: dict[str, Any]) -> str:
    """Say the first problem with its place; an entry is named by its id, the kinds of a condition are left out."""
    problem = error.errors()[0]
    place = [str(part) for part in problem["loc"] if not (isinstance(part, str) and _UNION.match(part))]
    if len(place) > 1 and place[0] == "entries" and place[1].isdigit():
        entries = tree.get("entries")
        entry = entries[int(place[1])] if isinstance(entries, list) else None
        name = entry.get("id") if isinstance(entry, dict) else None
        place[:2] = [f"entries.{place[1]}" + (f" ({name})" if isinstance(name, str) else "")]
    message = problem["msg"].removeprefix("Value error, ")
    if problem["type"] == "extra_forbidden":
        message = "no such field"
    elif problem["type"] == "missing":
        message = "is required"
    elif problem["type"] in ("union_tag_invalid", "union_tag_not_found"):
        known = problem["ctx"].get("expected_tags", "")
        message = f"figure is none of {known}" if known else "needs figure: what is compared"
    where = ".".join(place)
    return f"{where}: {message}" if where else message
