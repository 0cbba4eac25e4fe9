"""The command that learns a target on a finished run: finetune."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from fenqun.cli.printing import AsJson, Quiet, print_json, print_table
from fenqun.cli.progress import make_progress
from fenqun.cli.publish import RunFolder

_NAMES = {
    "auc": "AUC",
    "brier": "Brier score",
    "ece": "calibration error",
    "r2": "R2",
    "mae": "mean absolute error",
}

_WAYS = {"frozen": "head", "ranker": "ranker of categories", "unfrozen": "head, encoder tuned"}


def finetune(
    run: RunFolder,
    target: Annotated[
        str, typer.Option(help="churn, value, events, next_category, or a name among the settings' targets.")
    ],
    unfrozen: Annotated[
        bool, typer.Option("--unfrozen", help="Also tune the sequence encoder; kept only where that is better.")
    ] = False,
    out: Annotated[Path | None, typer.Option(help="Folder; by default finetuned/TARGET in the run.")] = None,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Learn a target on the user vectors of a run, judge it on later time, predict it for every user.

    Example: `fenqun finetune runs/shop --target churn`
    """
    from fenqun.pipeline.finetuning import finetune_run
    from fenqun.store import Run

    opened = Run.open(run)
    folder, report = finetune_run(opened, target, out, unfrozen=unfrozen, progress=make_progress(quiet or as_json))
    if as_json:
        print_json({"output": str(folder), **report})
        return
    print_summary(report)
    print(f"wrote {folder}: predictions.parquet, report.json, head")


def print_summary(report: dict[str, Any]) -> None:
    """Say what was learned, how good it is beside something simple, and what was kept."""
    judged, moments = report["judged"], report["moments"]
    when = f"users as of {moments[-1]['time'][:10]}, and what they did after" if report["horizon_days"] else "users"
    how = "fitted on earlier cuts" if judged["on"] == "later time" else "each held out once"
    names = _WAYS | {"competitor": report["competitor"]}
    rows = [
        [_NAMES.get(figure, figure), names[row], found["value"], found["low"], found["high"]]
        for figure in report["figures"]["frozen"]
        for row, figures in report["figures"].items()
        if (found := figures.get(figure)) is not None
    ]
    print_table(
        f"{report['target']}: {judged['n']:,} {when}; {how}", ["figure", "of", "value", "low", "high"], rows
    )
    for figure, found in report["difference"].items():
        if figure in ("auc", "r2", "accuracy"):
            print(f"{_NAMES.get(figure, figure)}, {_verdict(found)} {report['competitor']}")
    if len(report["figures"]) > 2:
        print(f"kept: {_WAYS[report['kept']]}, the best on users held out in learning")


def _verdict(found: dict[str, float | None]) -> str:
    value, low, high = (found[name] for name in ("value", "low", "high"))
    if value is None or low is None or high is None:
        return "not to be compared with"
    told = f"({value:+.3f}, {low:+.3f} to {high:+.3f})"
    if low > 0:
        return f"better {told} than"
    return f"worse {told} than" if high < 0 else f"level {told} with"
