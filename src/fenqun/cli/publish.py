"""Commands that use a finished run: assign, recommend, explain, compare, export."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from fenqun.cli.printing import AsJson, Quiet, print_json, print_table
from fenqun.cli.progress import make_progress
from fenqun.errors import ConfigError, RunError, SourceError

RunFolder = Annotated[Path, typer.Argument(help="A finished run directory.", metavar="RUN")]


def assign(
    run: RunFolder,
    output: Annotated[Path, typer.Option("--output", "-o", help="Parquet or CSV file for the memberships.")],
    events: Annotated[
        str | None, typer.Option(help="New events, with the columns that the run's settings name.")
    ] = None,
    users: Annotated[str | None, typer.Option(help="User table with the attributes of new users.")] = None,
    links: Annotated[str | None, typer.Option(help="Links of new users to those whom the run knows.")] = None,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Place users with new events, known or new, into the segments of a run.

    New users of whom there are few events or none are placed by attributes and links; the column placed_by says so.

    Example: `fenqun assign runs/shop --events today.parquet -o today-segments.parquet`
    """
    from fenqun.assignment.assigner import Assigner
    from fenqun.cli.tables import check_ending, write_table
    from fenqun.store import Run

    check_ending(output)
    assigner = Assigner(Run.open(run))
    memberships = assigner.assign(assigner.sources(events, users, links), make_progress(quiet or as_json))
    write_table(memberships, output)
    sizes = (
        memberships.group_by("segment_id").aggregate([("segment_id", "count")]).sort_by("segment_id").to_pylist()
    )
    ways = memberships.group_by("placed_by").aggregate([("placed_by", "count")]).sort_by("placed_by").to_pylist()
    if as_json:
        print_json(
            {
                "output": str(output),
                "users": memberships.num_rows,
                "segments": {row["segment_id"]: row["segment_id_count"] for row in sizes},
                "placed_by": {row["placed_by"]: row["placed_by_count"] for row in ways},
            }
        )
        return
    print_table(
        "Users placed", ["segment", "users"], [[row["segment_id"], row["segment_id_count"]] for row in sizes]
    )
    if [row["placed_by"] for row in ways] != ["events"]:
        print_table("By what", ["placed by", "users"], [[row["placed_by"], row["placed_by_count"]] for row in ways])
    print(f"wrote {memberships.num_rows:,} memberships to {output}")


def recommend(
    run: RunFolder,
    segment: Annotated[str | None, typer.Option(help="Segment id, such as S03.")] = None,
    user: Annotated[str | None, typer.Option(help="User id: the list of the user's segment.")] = None,
    length: Annotated[int, typer.Option("-n", min=1, help="Items to show.")] = 10,
    as_json: AsJson = False,
) -> None:
    """Show the list of a segment, or of the segment that a user is in.

    Example: `fenqun recommend runs/shop --segment S03 -n 5`
    """
    from fenqun.cli.recommending import worth_of
    from fenqun.cli.tables import item_texts, membership_of
    from fenqun.store import Run

    opened = Run.open(run)
    if (segment is None) == (user is None):
        raise ConfigError("give either --segment or --user", where="fenqun recommend")
    if user is not None:
        segment = membership_of(opened, user)["segment_id"]
    rows = [row for row in opened.read_table("recommendations.parquet").to_pylist() if row["segment_id"] == segment]
    if not rows:
        known = opened.read_table("segments.parquet", ["segment_id"])["segment_id"].to_pylist()
        raise RunError(f"has no segment {segment!r}", where=str(run), mend=f"one of {', '.join(known)}")
    rows = rows[:length]
    texts = item_texts(opened, [row["item_id"] for row in rows])
    rows = [{**row, "text": texts.get(str(row["item_id"]))} for row in rows]
    if as_json:
        print_json(rows)
        return
    print_table(
        f"List of {segment}",
        ["rank", "item", "text", "score"],
        [[row["rank"], str(row["item_id"]), row["text"], row["score"]] for row in rows],
    )
    print(worth_of(opened, rows[0]["segment_id"], rows[0]["recommender"]))


def compare(
    runs: Annotated[list[Path], typer.Argument(help="One run: its strategies. Several: run against run.")],
    axis: Annotated[str | None, typer.Option(help="lists, value, shape, stability or labels.")] = None,
    as_json: AsJson = False,
) -> None:
    """Put strategies of a run, or several runs, side by side.

    Example: `fenqun compare runs/shop --axis lists`
    """
    from fenqun.evaluation.comparison import AXES
    from fenqun.store import Run

    if axis is not None and axis not in AXES:
        raise ConfigError(f"no axis {axis!r}", where="--axis", mend=f"one of {', '.join(AXES)}")
    rows = []
    for path in runs:
        opened = Run.open(path)
        published = opened.read_manifest().stages
        strategy = next(s.figures["strategy"] for s in published if s.name == "segmentation")
        rows += [
            {"run": str(path), **row}
            for row in opened.read_table("comparison.parquet").to_pylist()
            if (axis is None or row["axis"] == axis) and (len(runs) == 1 or row["strategy"] == strategy)
        ]
    if as_json:
        print_json(rows)
        return
    first = "strategy" if len(runs) == 1 else "run"
    print_table(
        "Comparison on held-out data",
        ["axis", "metric", first, "k", "value", "low", "high", "less learned", "n"],
        [
            [r["axis"], r["metric"], r[first], r["k"], r["value"], r["low"], r["high"], r["difference"], r["n"]]
            for r in rows
        ],
    )


def export(
    run: RunFolder,
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder, or a .duckdb or .sqlite file.")],
    file_format: Annotated[str, typer.Option("--format", help="csv or parquet, for a folder.")] = "csv",
) -> None:
    """Write memberships, segments and lists for other programs.

    Cells that a spreadsheet would run as a formula are neutralised in CSV.

    Example: `fenqun export runs/shop -o exports/ --format csv`
    """
    from fenqun.cli.tables import export_run
    from fenqun.store import Run

    if file_format not in ("csv", "parquet"):
        raise ConfigError(f"no format {file_format!r}", where="--format", mend="csv or parquet")
    if output.is_file() and output.suffix not in (".duckdb", ".db", ".sqlite"):
        raise SourceError("is a file", where=str(output), mend="give a folder, or a .duckdb or .sqlite file")
    for name, rows in export_run(Run.open(run), output, file_format).items():
        print(f"wrote {rows:,} rows of {name} to {output}")
