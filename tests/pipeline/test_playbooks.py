"""The stage that matches playbooks: everyone gets an answer, from one's own file too, and only on request."""

from __future__ import annotations

from pathlib import Path

import pyarrow.compute as pc
import pytest
import yaml

from fenqun.config import Config
from fenqun.errors import ConfigError
from fenqun.pipeline import run_pipeline
from fenqun.recommendation.playbooks import built_in, read_playbook
from fenqun.store import Run


def test_every_segment_has_an_answer(finished: Run) -> None:
    table = finished.read_table("playbooks.parquet")
    segments = finished.read_table("segments.parquet")["segment_id"].to_pylist()
    whole = table.filter(pc.and_(pc.equal(table["level"], "segment"), pc.is_null(table["tier"])))
    assert set(whole["segment_id"].to_pylist()) == set(segments)
    assert read_playbook(finished.artifact("playbooks.yaml")) == built_in("ecommerce")
    assert 'class="plays"' in finished.artifact("report.html").read_text(encoding="utf-8")


def test_an_own_playbook_is_read_again_when_it_changes(settings: Config, tmp_path: Path) -> None:
    own = tmp_path / "own.yaml"

    def write(least: float) -> None:
        entry = {
            "id": "many", "title": "many", "why": "many", "when": [{"figure": "users", "at_least": least}],
            "do": [{"kind": "show", "channel": "site", "text": "x"}], "guard": {"rules": ["x"]},
            "measure": {"text": "x", "kind": "mean", "days": 1, "control": 0.1},
        }  # fmt: skip
        own.write_text(yaml.safe_dump({"scenario": "ecommerce", "entries": [entry]}), encoding="utf-8")

    write(1)
    mine = settings.model_copy(
        update={
            "playbooks": settings.playbooks.model_copy(update={"path": str(own), "use": "replace", "min_users": 1})
        }
    )
    run = run_pipeline(mine, tmp_path / "run")
    before = run.read_manifest()
    assert set(run.read_table("playbooks.parquet")["verdict"].to_pylist()) == {"match"}
    write(1000)
    again = run_pipeline(mine, tmp_path / "run")
    assert set(again.read_table("playbooks.parquet")["verdict"].to_pylist()) == {"none"}
    kept = {stage.name: stage.fingerprint for stage in before.stages}
    changed = {stage.name for stage in again.read_manifest().stages if kept[stage.name] != stage.fingerprint}
    assert changed == {"playbooks", "report"}
    none = mine.model_copy(update={"playbooks": mine.playbooks.model_copy(update={"use": "none"})})
    bare = run_pipeline(none, tmp_path / "run")
    assert not bare.artifact("playbooks.parquet").exists() and not bare.artifact("playbooks.yaml").exists()


def test_a_bad_playbook_is_told_before_anything_is_learned(settings: Config, tmp_path: Path) -> None:
    own = tmp_path / "own.yaml"
    own.write_text("scenario: ecommerce\nentries: [{id: x}]\n", encoding="utf-8")
    bad = settings.model_copy(update={"playbooks": settings.playbooks.model_copy(update={"path": str(own)})})
    with pytest.raises(ConfigError, match=r"entries.0 \(x\).title: is required"):
        run_pipeline(bad, tmp_path / "run")
    assert not (tmp_path / "run").exists()
