"""Commands that take a log to segments: init, check, run, demo."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from fenqun.cli.printing import AsJson, Quiet, print_json, print_table
from fenqun.cli.progress import make_progress
from fenqun.errors import ConfigError, RunError
from fenqun.scenarios import SCENARIOS

if TYPE_CHECKING:
    from fenqun.config import Config
    from fenqun.store import Run

ConfigFile = Annotated[Path, typer.Argument(help="Settings in YAML.", metavar="CONF.yaml")]
Override = Annotated[
    list[str], typer.Option("--set", help="Change one setting, such as segmentation.k=12.", metavar="a.b=c")
]
_DEMO = "run.time_budget=5min"


def init(
    events: Annotated[str, typer.Option(help="Event log: file or glob.")],
    items: Annotated[str | None, typer.Option(help="Item catalogue.")] = None,
    users: Annotated[str | None, typer.Option(help="User table.")] = None,
    links: Annotated[str | None, typer.Option(help="Links between users.")] = None,
    impressions: Annotated[str | None, typer.Option(help="What users were shown, and what they clicked.")] = None,
    scenario: Annotated[str | None, typer.Option(help=", ".join(SCENARIOS))] = None,
    output: Annotated[Path, typer.Option("--output", "-o", help="Where the settings go.")] = Path("conf.yaml"),
    force: Annotated[bool, typer.Option(help="Write over an existing file.")] = False,
) -> None:
    """Look at the files, guess the columns, write commented settings.

    Example: `fenqun init --events "log/*.csv" --items items.csv -o shop.yaml`
    """
    from fenqun.data.guess import guess_config
    from fenqun.settings import load_config
    from fenqun.store import explain_io

    if scenario is not None and scenario not in SCENARIOS:
        raise ConfigError(f"no scenario {scenario!r}", where="--scenario", mend=f"one of {', '.join(SCENARIOS)}")
    if output.exists() and not force:
        raise RunError("exists already", where=str(output), mend="choose another -o or add --force")
    text = guess_config(events, items, users, links, scenario, output.parent, impressions)
    with explain_io(output):
        output.parent.mkdir(parents=True, exist_ok=True)
        output.write_text(text, encoding="utf-8")
    load_config(output)
    print(f"wrote {output}; next: fenqun check {output}")


def check(config: ConfigFile, overrides: Override = [], as_json: AsJson = False, quiet: Quiet = False) -> None:  # noqa: B006
    """Read the sources and say what is wrong with them; nothing is written.

    Example: `fenqun check shop.yaml`
    """
    from fenqun.data.ingest import check as check_sources
    from fenqun.engines.duckdb import DuckDBEngine
    from fenqun.settings import load_config

    settings = load_config(config, overrides)
    engine = DuckDBEngine(settings.run.threads, settings.run.memory, settings.data.timezone)
    try:
        report, rejected = check_sources(settings, engine, make_progress(quiet or as_json))
    finally:
        engine.close()
    if as_json:
        print_json(report.model_dump(mode="json"))
        return
    print_table(
        "Rows",
        ["table", "read", "kept", "rejected"],
        [[t.table, t.read, t.kept, t.rejected] for t in report.tables],
    )
    print_table(
        "Rules",
        ["rule", "table", "action", "rows", "note"],
        [[r.rule, r.table, r.action, r.rows, r.note] for r in report.rules if r.rows],
    )
    if rejected.num_rows:
        print_table(
            "First rejected rows",
            ["source", "row", "reason"],
            [[r["source"], r["row"], r["reason"]] for r in rejected.slice(0, 10).to_pylist()],
        )
    print(f"{report.users:,} users, {report.items:,} items, {report.first_event} to {report.last_event}")
    for notice in report.notices:
        print(f"note: {notice}")


def run(
    config: ConfigFile,
    out: Annotated[Path, typer.Option("--out", "-o", help="Run directory.", metavar="RUN")] = Path("runs/latest"),
    overrides: Override = [],  # noqa: B006
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Take the log to judged, named segments with recommendations and a report.

    The same directory again resumes at the first stage whose inputs or settings changed.

    Example: `fenqun run shop.yaml --out runs/shop --set segmentation.k=12`
    """
    from fenqun.settings import load_config

    _run(load_config(config, overrides), out, as_json, quiet)


def demo(
    out: Annotated[Path, typer.Option("--out", "-o", help="Run directory.", metavar="RUN")] = Path("runs/demo"),
    dataset: Annotated[
        str, typer.Option(help="complete_journey, movielens_100k, movielens_1m or cdnow.")
    ] = "complete_journey",
    data: Annotated[Path, typer.Option(help="Where downloaded data goes.")] = Path(".cache/data"),
    overrides: Override = [],  # noqa: B006
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Run the road on a public data set, within about five minutes on two cores unless `run.time_budget` says otherwise.

    Example: `fenqun demo --out runs/demo`
    """
    from fenqun.cli.summary import print_next
    from fenqun.data.datasets import prepare
    from fenqun.settings import load_config

    settings = prepare(dataset, data, make_progress(quiet or as_json))
    finished = _run(load_config(settings, [_DEMO, *overrides]), out, as_json, quiet)
    if not as_json:
        print_next(finished)


def _run(config: Config, out: Path, as_json: bool, quiet: bool) -> Run:
    from fenqun.cli.summary import print_summary, summary
    from fenqun.pipeline import run_pipeline

    finished = run_pipeline(config, out, make_progress(quiet or as_json))
    if as_json:
        print_json(summary(finished))
    else:
        print_summary(finished)
    return finished
