"""``fenqun rename``: a person's name for a segment, which no machine overwrites."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from fenqun.cli.printing import AsJson, print_json
from fenqun.errors import RunError


def rename(
    run: Annotated[Path, typer.Argument(help="A finished run directory.", metavar="RUN")],
    segment: Annotated[str, typer.Argument(help="Segment id, such as S03.", metavar="SEGMENT")],
    en: Annotated[str, typer.Option("--en", help="The name in English.")],
    zh: Annotated[str, typer.Option("--zh", help="The name in Chinese.")],
    as_json: AsJson = False,
) -> None:
    """Give a segment a name of your own, in both languages.

    Later runs in the same directory, and runs that go on from it, keep the name.

    Example: `fenqun rename runs/shop S03 --en "Sunday bakers" --zh "周日烘焙族"`
    """
    from fenqun.explanation.given_names import checked_name
    from fenqun.explanation.naming import Name
    from fenqun.pipeline.renaming import rename_segment
    from fenqun.store import Run

    rows = {row["segment_id"]: row for row in Run.open(run).read_table("segments.parquet").to_pylist()}
    if segment not in rows:
        raise RunError(f"has no segment {segment!r}", where=str(run), mend=f"one of {', '.join(rows)}")
    levels = run / "hierarchy.parquet"
    further = Run.open(run).read_table(levels.name).to_pylist() if levels.is_file() else []
    named = rows | {row["segment_id"]: row for row in further}
    others = {s: Name(row["name_en"], row["name_zh"]) for s, row in named.items() if s != segment}
    name, warnings = checked_name(en, zh, others)
    rename_segment(run, segment, name)
    for warning in warnings:
        code, _, word = warning.partition(":")
        print(f"fenqun: warning: {word!r} may be a sensitive or demeaning word ({code})", file=sys.stderr)
    if as_json:
        print_json({"segment_id": segment, "name_en": name.en, "name_zh": name.zh, "warnings": warnings})
    else:
        rule = json.loads(rows[segment]["naming"])
        print(f"{segment} is now {name.en} / {name.zh} (by rules: {rule['rule_en']} / {rule['rule_zh']})")
