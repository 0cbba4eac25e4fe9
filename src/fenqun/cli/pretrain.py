"""The command that learns a foundation: pretrain."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from fenqun.cli.printing import AsJson, Quiet, print_json, print_table
from fenqun.cli.progress import make_progress


def pretrain(
    configs: Annotated[list[Path], typer.Argument(help="Settings, one file a catalogue.", metavar="CONF.yaml...")],
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder for the foundation.")],
    licence: Annotated[
        list[str], typer.Option(help="Licence of each source, in their order; the strictest goes on the card.")
    ] = [],  # noqa: B006
    overrides: Annotated[
        list[str], typer.Option("--set", help="Change one setting of every file.", metavar="a.b=c")
    ] = [],  # noqa: B006
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Learn what texts say of taste, from one or several logs, for runs on other logs.

    Example: `fenqun pretrain films.yaml music.yaml -o foundations/media --licence research --licence research`
    """
    from fenqun.pipeline.pretraining import make_foundation
    from fenqun.settings import load_config

    sources = [(name, load_config(path, overrides)) for name, path in _named(configs)]
    foundation = make_foundation(sources, output, licence, make_progress(quiet or as_json))
    if as_json:
        print_json(foundation.card)
        return
    card = foundation.card
    print_table(
        "Learned from",
        ["source", "users", "items", "lists NDCG", "of text alone"],
        [
            [
                row["name"],
                row["users"],
                row["items"],
                card["metrics"][row["name"]]["neighbour_ndcg@20"],
                card["metrics"][row["name"]]["text_alone"],
            ]
            for row in card["data"]
        ],
    )
    print(f"licence: {card['licence']}")
    print(f"wrote {output}; next: fenqun run CONF.yaml --set behaviour.foundation={output}")


def _named(paths: list[Path]) -> list[tuple[str, Path]]:
    """Name each source by its settings file; files of one name get a number."""
    stems = [path.stem for path in paths]
    return [
        (stem if stems.count(stem) == 1 else f"{stem} {stems[: place + 1].count(stem)}", path)
        for place, (stem, path) in enumerate(zip(stems, paths, strict=True))
    ]
