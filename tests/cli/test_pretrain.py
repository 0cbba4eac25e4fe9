"""From settings files to a foundation folder, and what is said when that cannot be."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from fenqun.behaviour.foundation import Foundation
from fenqun.data.synthetic import make_log

QUICK = ("--set", "behaviour.taste.epochs=2", "--set", "run.threads=1")


@pytest.fixture(scope="module")
def other(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_log(n_users=60, n_items=30, n_types=3, events_per_user=10, seed=3, language="zh").write(
        tmp_path_factory.mktemp("other")
    )


def test_two_catalogues_become_one_foundation(fenqun: Any, conf: Path, other: Path, tmp_path: Path) -> None:
    out = tmp_path / "foundation"
    licences = ("--licence", "MIT", "--licence", "research")
    told = fenqun("pretrain", conf, other, "-o", out, *licences, *QUICK)
    assert told.code == 0 and "licence: research" in told.out
    assert [path for path in tmp_path.iterdir() if path != out] == []
    again = fenqun("pretrain", conf, other, "-o", out, *licences, *QUICK, "--json")
    card = json.loads(again.out)
    assert again.err == "" and len({row["name"] for row in card["data"]}) == 2
    assert Foundation.load(out).matrix.shape == (64, 64)


def test_what_is_refused(fenqun: Any, conf: Path, other: Path, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine", encoding="utf-8")
    told = fenqun("pretrain", conf, "-o", tmp_path, *QUICK)
    assert told.code == 5 and "no foundation" in told.complaint
    out = tmp_path / "foundation"
    told = fenqun("pretrain", conf, other, "-o", out, "--licence", "MIT", *QUICK)
    assert told.code == 2 and "1 licences for 2 sources" in told.complaint
    told = fenqun("pretrain", conf, "-o", out, *QUICK, "--set", "content.encoder=none")
    assert told.code == 4 and "text" in told.complaint
    assert not out.exists()
