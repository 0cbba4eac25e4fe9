"""Every text is there in both languages, is used, and takes the same values."""

from __future__ import annotations

import math
import re
from importlib.resources import files
from pathlib import Path
from string import Formatter
from typing import get_args

import pytest

from fenqun.config import ClustererName, StrategyName
from fenqun.evaluation.comparison import AXES
from fenqun.report import terms
from fenqun.report.reasons import reason
from fenqun.report.said import Said, joined, same
from fenqun.report.words import WORDS, say
from fenqun.scenarios import SCENARIOS
from fenqun.segmentation.ranking import rank

TABLES = [value for name, value in vars(terms).items() if name.isupper() and isinstance(value, dict)]


@pytest.mark.parametrize("key", WORDS)
def test_a_text_is_complete(key: str) -> None:
    text = WORDS[key]
    assert text.en.strip()
    assert text.zh.strip()
    en, zh = ({name for _, name, _, _ in Formatter().parse(side) if name} for side in text)
    assert en == zh


def test_every_text_is_used() -> None:
    package = Path(str(files("fenqun.report")))
    source = "".join(
        path.read_text(encoding="utf-8")
        for path in [*package.glob("*.py"), *package.glob("templates/*")]
        if path.name != "words.py"
    )
    used = set(re.findall(r'"(\w+)"', source))
    composed = {f"kind_{kind}{end}" for kind in ("natural", "reproducible", "constructive") for end in ("", "_why")}
    composed |= {f"ask_{axis}" for axis in ("lists", "value", "labels")}
    composed |= {f"what_explained_{what}" for what in ("value", "events", "retained")}
    composed |= {f"macro_{why}" for why in ("knee", "no_gain", "unjudged", "few_segments", "switched_off")}
    composed |= {f"recommending_{how}" for how in ("ahead", "behind", "level")} | {"scope_segment", "scope_user"}
    composed |= {f"recommending_unjudged_{why}" for why in ("one_item", "nothing_held_out")}
    composed |= {f"micro_{why}" for why in ("pays", "no_gain", "small", "switched_off")}
    assert set(WORDS) - used - composed == set()


def test_every_text_asked_for_exists() -> None:
    template = (Path(str(files("fenqun.report"))) / "templates" / "report.html.jinja").read_text(encoding="utf-8")
    assert set(re.findall(r'\bt\("(\w+)"', template)) <= set(WORDS) | {"kind_"}


@pytest.mark.parametrize("table", TABLES)
def test_terms_are_complete(table: dict[str, Said]) -> None:
    assert table
    assert all(said.en.strip() and said.zh.strip() for said in table.values())


def test_terms_cover_the_codes() -> None:
    assert set(get_args(StrategyName)) <= set(terms.STRATEGIES)
    assert set(get_args(ClustererName)) <= set(terms.CLUSTERERS)
    assert set(AXES) == set(terms.AXES)
    assert set(SCENARIOS) == set(terms.SCENARIO)


def test_an_enumeration_reads_well() -> None:
    assert joined([same("a"), same("b"), same("c")]) == Said("a, b and c", "a、b和c")
    assert joined([same("a")]) == same("a")
    assert joined([]) == same("")


def test_a_said_goes_in_with_its_own_language() -> None:
    assert say("won", who=Said("Learned", "学习向量")) == Said("Learned won", "学习向量胜出")


def test_reasons_of_the_selection_are_all_said_in_chinese() -> None:
    def trial(k: int, **figures: float) -> tuple[int, dict[str, float]]:
        return k, {"noise": 0.0, "smallest": 50.0, "silhouette": 0.1, "lift": math.nan, "probe": math.nan} | figures

    rounds = [
        rank([trial(4, lift=1.2, lift_se=0.05), trial(8, lift=1.22, lift_se=0.05), trial(6, lift=1.0),
              trial(5), trial(7, lift=1.3, noise=0.5, smallest=1)],
             ["", "", "", "", "finds 7 segments, 4 to 6 were asked for"], least=10, max_noise=0.2),
        rank([trial(4, silhouette=0.2), trial(4), trial(4, silhouette=0.2)], ["", "", ""], least=10, max_noise=0.2),
        rank([trial(4, smallest=3, noise=0.4)], ["finds 4 segments, 6 or 8 were asked for"],
             least=10, max_noise=0.2),
        rank([trial(4, lift=1.2, probe=0.4), trial(4, lift=1.2, probe=0.3)], ["", ""], least=10, max_noise=0.2),
    ]  # fmt: skip
    for verdict in (one for found in rounds for one in found):
        said = reason(verdict.why)
        assert not re.search(r"[A-Za-z]{3,}", said.zh), (said.en, said.zh)
