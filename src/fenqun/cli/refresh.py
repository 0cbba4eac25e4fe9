"""The command that takes a newer log to a new run whose segments keep their ids."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from fenqun.cli.printing import AsJson, Quiet, print_json, print_table
from fenqun.cli.progress import make_progress
from fenqun.cli.road import ConfigFile, Override

if TYPE_CHECKING:
    from fenqun.schema import Identity
    from fenqun.store import Run


def refresh(
    previous: Annotated[Path, typer.Argument(help="The finished run to go on from.", metavar="RUN")],
    config: ConfigFile,
    out: Annotated[Path, typer.Option("--out", "-o", help="Directory of the new run.", metavar="NEW")],
    overrides: Override = [],  # noqa: B006
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Take a newer log to a new run whose segments keep ids and names, and say who moved.

    The same command again resumes; the earlier run stays as it is.

    Example: `fenqun refresh runs/may shop.yaml --out runs/june`
    """
    from fenqun.cli.summary import print_summary, summary
    from fenqun.pipeline.refreshing import refresh as go_on
    from fenqun.schema import Identity
    from fenqun.settings import load_config

    run = go_on(previous, load_config(config, overrides), out, make_progress(quiet or as_json))
    found = run.read_model("identity.json", Identity)
    if as_json:
        print_json(summary(run) | {"identity": found.model_dump(exclude={"schema_version", "used"})})
        return
    print_summary(run)
    print()
    _print_moves(run, found)


def _print_moves(run: Run, found: Identity) -> None:
    """Print which segments live on, and where each one's users went."""
    survived = f"{found.survived} of {found.segments_before} segments keep their id"
    print(f"{survived}; {found.moved:.1%} of {found.shared_users:,} shared users changed theirs")
    for word, ids in (("new", found.births), ("gone", found.deaths)):
        if ids:
            print(f"{word}: {', '.join(ids)}")
    for word, flows in (("split into", found.splits), ("put together from", found.merges)):
        for one in flows:
            shares = (f"{other} ({share:.0%})" for other, share in zip(one.others, one.shares, strict=True))
            print(f"{one.segment_id} {word} {', '.join(shares)}")
    rows: list[dict[str, Any]] = run.read_table("migration.parquet").to_pylist()
    moved = sorted((row for row in rows if row["from_id"] != row["to_id"]), key=lambda row: -row["users"])
    if moved:
        print_table(
            "Largest moves",
            ["from", "to", "users", "share of from", "share of to"],
            [
                [
                    row["from_id"] or "newcomers",
                    row["to_id"] or "left the log",
                    row["users"],
                    "–" if row["share_of_from"] is None else f"{row['share_of_from']:.1%}",
                    "–" if row["share_of_to"] is None else f"{row['share_of_to']:.1%}",
                ]
                for row in moved[:10]
            ],
        )
