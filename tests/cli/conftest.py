"""The command line in this process: arguments in; exit code, output and errors out."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from fenqun.cli import main
from fenqun.data.synthetic import SyntheticLog, make_log
from fenqun.pipeline import run_pipeline
from fenqun.settings import load_config
from fenqun.store import Run

QUICK = (
    "content.encoder=none",
    "behaviour.taste.epochs=2",
    "behaviour.taste.scales=[20]",
    "behaviour.intent={width: 8, depth: 1, length: 20, events: 3000, checks: 2}",
    "behaviour.rhythm.forecast=false",
    "segmentation.clusterers=[kmeans]",
    "segmentation.k=3",
    "evaluation.bootstrap=2",
    "evaluation.resamples=100",
    "vectors.map=pca",
    "run.threads=1",
)


@dataclass(frozen=True)
class Told:
    code: int
    out: str
    err: str

    @property
    def complaint(self) -> str:
        """The one line of a failure, of which nothing but progress may come before."""
        assert "Traceback" not in self.err + self.out
        lines = [line for line in self.err.splitlines() if line.startswith("fenqun: ")]
        assert len(lines) == 1 and self.err.splitlines()[-1] == lines[0], self.err
        return lines[0]


Fenqun = Callable[..., Told]


@pytest.fixture
def fenqun(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Fenqun:
    def call(*arguments: object) -> Told:
        monkeypatch.setattr(sys, "argv", ["fenqun", *map(str, arguments)])
        capsys.readouterr()
        code = 0
        try:
            main()
        except SystemExit as leaving:
            code = leaving.code if isinstance(leaving.code, int) else int(bool(leaving.code))
        captured = capsys.readouterr()
        return Told(code, captured.out, captured.err)

    return call


@pytest.fixture(scope="session")
def quick() -> list[str]:
    """Overrides under which a run takes a second."""
    return [word for override in QUICK for word in ("--set", override)]


@pytest.fixture(scope="session")
def log() -> SyntheticLog:
    return make_log(n_users=80, n_items=30, n_types=3, events_per_user=12)


@pytest.fixture(scope="session")
def conf(log: SyntheticLog, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return log.write(tmp_path_factory.mktemp("log"))


@pytest.fixture(scope="session")
def finished(conf: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    return run_pipeline(load_config(conf, QUICK), tmp_path_factory.mktemp("finished") / "run")
