"""A person's name put into a finished run."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa

from fenqun.explanation.given_names import give
from fenqun.explanation.language_naming import warned
from fenqun.explanation.naming import Name
from fenqun.pipeline.describing import published_labels
from fenqun.report.html import write_report
from fenqun.schema import SEGMENT, SEGMENTS, USER, Naming
from fenqun.settings import load_config
from fenqun.store import Run


def rename_segment(path: Path, segment: str, name: Name) -> None:
    """Store a person's name of a segment, and show it in ``segments.parquet`` and the report.

    Parameters
    ----------
    path
        A finished run.
    segment
        One of its segments.
    name
        Fit to print and unlike the others', see :func:`fenqun.explanation.given_names.checked_name`.

    Raises
    ------
    RunError
        If the run is not finished, or another process is writing it.
    """
    Run.open(path)
    run = Run.create(path)
    try:
        ids, labels = published_labels(run)
        users = run.read_table("memberships.parquet", [USER])[USER].to_pylist()
        give(run, segment, name, ids, labels, users)
        rows = run.read_table("segments.parquet").to_pylist()
        language = load_config(run.require("config.yaml")).report.language
        for row in rows:
            if row[SEGMENT] == segment:
                record = Naming.model_validate_json(row["naming"])
                record = Naming(
                    source="person", rule_en=record.rule_en, rule_zh=record.rule_zh, warnings=warned(name)
                )
                row |= {"name": getattr(name, language), "name_en": name.en, "name_zh": name.zh}
                row["naming"] = record.model_dump_json()
        run.write_table("segments.parquet", pa.Table.from_pylist(rows, schema=SEGMENTS))
        write_report(run)
    finally:
        run.close()
