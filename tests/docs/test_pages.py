"""Pages keep their word: links lead somewhere, settings validate, commands exist, examples run."""

from __future__ import annotations

import importlib
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from fenqun.content.text import TextEncoder
from fenqun.recommendation.recommenders import Recommender
from fenqun.settings import load_config

ROOT = Path(__file__).parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])


def name(path: Path) -> str:
    return str(path.relative_to(ROOT))


def blocks(page: Path, language: str) -> Iterator[str]:
    """Fenced blocks of one language."""
    yield from re.findall(rf"```{language}\n(.*?)```", page.read_text(encoding="utf-8"), flags=re.DOTALL)


def anchors(page: Path) -> set[str]:
    """Anchors of a page's headings, as renderers make them."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_links_lead_somewhere(page: Path) -> None:
    text = re.sub(r"```.*?```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if re.match(r"[a-z]+:", target):
            continue
        path, _, anchor = target.partition("#")
        linked = (page.parent / path).resolve() if path else page
        assert linked.exists(), f"{name(page)} links to {target}, which is not there"
        assert not anchor or anchor in anchors(linked), f"{name(page)} links to {target}: no such heading"


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_settings_on_pages_validate(page: Path) -> None:
    for block in blocks(page, "yaml"):
        tree: dict[str, Any] = yaml.safe_load(block)
        tree.setdefault("data", {"events": {"path": "log.csv", "user": "u", "time": "t"}})
        load_config(tree)


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_commands_on_pages_exist(page: Path) -> None:
    cli = importlib.import_module("fenqun.cli.main")
    import typer

    commands = typer.main.get_command(cli.app).commands  # type: ignore[attr-defined]
    for line in re.findall(r"^fenqun ([a-z]+)((?: [^\n#]*)?)", commands_of(page), flags=re.MULTILINE):
        assert line[0] in commands, f"{name(page)} shows fenqun {line[0]}"
        known = {option for parameter in commands[line[0]].params for option in parameter.opts} | {"--help"}
        options = set(re.findall(r"(?<!\S)(--?[a-z][a-z-]*)", line[1]))
        assert options <= known, f"{name(page)} shows fenqun {line[0]} with {sorted(options - known)}"


def commands_of(page: Path) -> str:
    """Everything on a page that is set as code."""
    text = page.read_text(encoding="utf-8")
    shell = "\n".join(blocks(page, "bash"))
    inline = "\n".join(re.findall(r"`(fenqun [^`]+)`", text))
    return f"{shell}\n{inline}"


@pytest.mark.parametrize("pair", [("README.md", "README.zh-CN.md")], ids="·".join)
def test_both_readmes_list_the_same(pair: tuple[str, str]) -> None:
    texts = [(ROOT / one).read_text(encoding="utf-8") for one in pair]
    for pattern in (r"^\| `(fenqun [a-z]+)`", r"^\| `([a-z_0-9]+)`", r"```yaml\n.*?scenario: (\w+)"):
        found = [re.findall(pattern, text, flags=re.MULTILINE | re.DOTALL) for text in texts]
        assert found[0] and found[0] == found[1]


def test_examples_of_extending_work() -> None:
    """Each example class is defined and does what its interface asks."""
    import numpy as np
    from scipy import sparse
    from sklearn.base import clone

    scope: dict[str, Any] = {"__name__": "extending"}
    for block in blocks(ROOT / "docs" / "guide" / "extending.md", "python"):
        exec(compile(block, "extending.md", "exec"), scope)

    rows = np.random.default_rng(0).normal(size=(60, 3)) + np.repeat([[0.0], [9.0], [18.0]], 20, axis=0)
    clusterer = clone(scope["BisectingKMeans"](3)).fit(rows)
    assert clusterer.n_clusters_ == 3
    assert (clusterer.predict(rows) == clusterer.labels_).all()

    encoder = scope["Characters"]()
    assert isinstance(encoder, TextEncoder)
    assert encoder.encode(["abc", "分群", "a"]).shape == (3, 256)

    counts = sparse.csr_matrix(np.array([[2.0, 0, 0], [0, 1, 0]]))
    recommender = scope["Recent"]().fit(counts, np.array([0, 1]), 2)
    assert isinstance(recommender, Recommender)
    assert recommender.segment_scores().argmax(axis=1).tolist() == [0, 1]
    assert np.isneginf(recommender.scores(np.array([0, 1]))[:, 2]).all()


def test_every_decision_is_in_the_index() -> None:
    index = (ROOT / "docs" / "decisions" / "README.md").read_text(encoding="utf-8")
    pages = {page.name for page in (ROOT / "docs" / "decisions").glob("*.md")} - {"README.md"}
    assert [page for page in sorted(pages) if f"]({page})" not in index] == []
