"""Write guessed settings as YAML that a person likes to read."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import yaml

from fenqun.data.guessing.observe import Observed
from fenqun.data.guessing.roles import Guess

_WIDTH = 24


def scalar(value: object) -> str:
    """One value on one line of YAML."""
    text = yaml.safe_dump(value, default_flow_style=True, allow_unicode=True, width=float("inf")).strip()
    return text.removesuffix("...").strip()


def relative(path: str, base: Path) -> str:
    """Path as written into the settings: from their folder; addresses stay as they are."""
    if "://" in path or path.startswith("python:"):
        return path
    return Path(os.path.relpath(path, base)).as_posix()


def source_lines(name: str, path: str, seen: Observed, guess: Guess) -> list[str]:
    """Lines of one source: each column with why it was taken, then what was left out."""
    lines = [f"  {name}:", f"    path: {scalar(path)}"]
    lines += [f"    {key}: {scalar(value)}" for key, value in seen.options.items()]
    for role, given in guess.roles.items():
        if isinstance(given, str):
            lines.append(_commented(f"    {role}: {scalar(given)}", guess.why[given]))
            continue
        lines.append(f"    {role}:")
        lines += [_commented(f"      - {scalar(column)}", guess.why[column]) for column in given]
    left = [c for c in seen.columns if c.name not in guess.taken()]
    if left:
        lines.append("    # not used:")
        lines += [_one_line(f"    #   {c.name}: {_told(c.distinct, c.samples)}") for c in left]
    return lines


def document(head: list[str], data: list[list[str]], tail: list[str]) -> str:
    """Put the parts together."""
    body = "\n".join("\n".join(lines) for lines in data)
    return "\n".join([*head, "data:", body, *tail]) + "\n"


def timezone_lines(zone: str, why: str) -> list[str]:
    """Line of the time zone."""
    return [_commented(f"  timezone: {zone}", why)]


def weights_lines(weights: Mapping[str, float], strange: list[str]) -> list[str]:
    """What event types weigh that the scenario calls by another word or does not know at all."""
    lines = ["  event_weights:"] if weights else []
    lines += [
        _commented(f"    {scalar(kind)}: {weight:g}", "as the scenario weighs it")
        for kind, weight in weights.items()
    ]
    if strange:
        lines.append(_one_line(f"  # these event types weigh 1, see event_weights: {', '.join(strange[:12])}"))
    return lines


def _commented(line: str, why: str) -> str:
    return _one_line(f"{line:<{_WIDTH + 20}} # {why}") if why else line


def _one_line(text: str) -> str:
    return "".join(c if c.isprintable() else " " for c in text).rstrip()


def _told(distinct: int, samples: tuple[str, ...]) -> str:
    return f"{distinct:,} different, such as {', '.join(samples)}" if samples else "empty"
