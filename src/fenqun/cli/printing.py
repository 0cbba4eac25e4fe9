"""How commands print: tables for people, JSON for programs."""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from enum import StrEnum
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text


class Language(StrEnum):
    """Languages that sentences are printed in."""

    EN = "en"
    ZH = "zh"


AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for programs instead of a table.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="No progress.")]


def print_json(value: Any) -> None:
    """Print one JSON document."""
    print(json.dumps(value, ensure_ascii=False, indent=1, default=str))


def line_width() -> int:
    """Columns of the terminal, or of what rich takes for one elsewhere."""
    return Console().width


def print_table(
    title: str, columns: Sequence[str], rows: Sequence[Sequence[Any]], right: Collection[int] = ()
) -> None:
    """Print a table; numbers and the columns ``right`` go right, and nothing in a cell is read as markup."""
    table = Table(title=Text(title), title_justify="left", header_style="bold", show_edge=False, pad_edge=False)
    for i, name in enumerate(columns):
        numeric = i in right or all(isinstance(row[i], int | float | None) for row in rows)
        table.add_column(Text(name), justify="right" if numeric else "left", overflow="fold")
    for row in rows:
        table.add_row(*(Text(_cell(value)) for value in row))
    Console(highlight=False).print(table)


def _cell(value: Any) -> str:
    if value is None or value != value:
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float):
        return f"{value:.3f}" if abs(value) < 100 else f"{value:,.0f}"
    return "".join(c for c in str(value) if c.isprintable())
