"""The command that simulates a scenario: simulate."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from fenqun.cli.printing import AsJson, Language, Quiet, print_json, print_table
from fenqun.cli.progress import make_progress
from fenqun.errors import ConfigError
from fenqun.scenarios import SCENARIOS

if TYPE_CHECKING:
    from fenqun.data.simulation import Simulation

_OWN_TITLES = ("ecommerce", "social")


def simulate(
    scenario: Annotated[str, typer.Argument(help=", ".join(SCENARIOS), metavar="SCENARIO")],
    output: Annotated[Path, typer.Option("--output", "-o", help="New folder for tables and settings.")],
    users: Annotated[int, typer.Option(help="Number of users.")] = 2000,
    events: Annotated[int | None, typer.Option(help="About how many events; 60 a user unless given.")] = None,
    language: Annotated[Language, typer.Option(help="Of titles and names.")] = Language.EN,
    seed: Annotated[int, typer.Option(help="The same seed gives the same files.")] = 7,
    items: Annotated[int | None, typer.Option(help="Number of items (ecommerce, social).")] = None,
    titles: Annotated[
        Path | None,
        typer.Option(help="Titles to use: a table with columns title and category (ecommerce, social)."),
    ] = None,
    dirty: Annotated[bool, typer.Option(help="Add known faults, listed in faults.json.")] = False,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Write a simulated log of known users, with settings: to learn, to teach, to test.

    Example: `fenqun simulate social --users 2000 --language zh --seed 7 -o simulated/feed`
    """
    import json

    from fenqun.data.simulation.writing import FAULTS, TRUTH, write_simulation

    simulation = _simulation(scenario, users, events, language, seed, items, titles)
    conf = write_simulation(simulation, output, dirty=dirty, progress=make_progress(quiet or as_json))
    told = json.loads((output / TRUTH).read_text(encoding="utf-8"))
    if as_json:
        print_json(told)
        return
    _print_files(output)
    best = told["best_possible"]
    print_table(
        "Best possible guess, by who knows how users were drawn",
        ["of", "figure", "value"],
        [[of, name, value] for of, row in best.items() for name, value in row.items() if name != "n"],
    )
    if dirty:
        print(f"faults: {output / FAULTS}")
    print(f"wrote {output}; next: fenqun run {conf} --out runs/{scenario}")


def _simulation(
    scenario: str,
    users: int,
    events: int | None,
    language: Language,
    seed: int,
    items: int | None,
    titles: Path | None,
) -> Simulation:
    from fenqun.data.simulation import SIMULATIONS
    from fenqun.data.simulation.catalogues import read_titles

    if scenario not in SIMULATIONS:
        raise ConfigError(f"no scenario {scenario!r}", where="SCENARIO", mend=f"one of {', '.join(SIMULATIONS)}")
    own: dict[str, Any] = {"items": items, "titles": read_titles(titles) if titles else None}
    own = {name: value for name, value in own.items() if value is not None}
    if own and scenario not in _OWN_TITLES:
        raise ConfigError(
            f"{scenario} has a catalogue of its own",
            where=f"--{', --'.join(own)}",
            mend=f"leave it out, or simulate {' or '.join(_OWN_TITLES)}",
        )
    if events is not None:
        own["per_user"] = events / max(users, 1)
    spoken: Literal["en", "zh"] = "zh" if language is Language.ZH else "en"
    return SIMULATIONS[scenario](users=users, language=spoken, seed=seed, **own)


def _print_files(folder: Path) -> None:
    import pyarrow.parquet as pq

    files = sorted(folder.glob("*.parquet"))
    print_table("Tables", ["file", "rows"], [[file.name, pq.read_metadata(file).num_rows] for file in files])
