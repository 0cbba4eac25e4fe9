"""Every sentence that the code may leave in an artifact is said in Chinese too."""

from __future__ import annotations

import ast
import re
from importlib.resources import files
from pathlib import Path

import pytest

from fenqun.report.notices import notice
from fenqun.report.terms import RULES

SOURCE = Path(str(files("fenqun")))
MODULES = [
    *sorted((SOURCE / "data" / "rules").glob("*.py")),
    *(SOURCE / "data" / f"{name}.py" for name in ("splits", "quality", "mending", "times", "imputation")),
    SOURCE / "data" / "reading" / "jsonlines.py",
    SOURCE / "segmentation" / "strategies.py",
    SOURCE / "pipeline" / "metrics.py",
]
RULE_CALLS = {"rule", "discard", "discard_later", "touch", "_apply", "_apply_to_users"}
PIECE = re.compile(r"(above|below) 12 events( in one day)?")  # of a note that names the users in front
NOT_TOLD = re.compile(
    r"[A-Z]{2,}|[%\\]|=|\w\(|^timestamp with"  # SQL, patterns, types
)


class Sentences(ast.NodeVisitor):
    """Collects texts of two words and more, outside docstrings, errors and progress."""

    def __init__(self) -> None:
        self.found: set[str] = set()

    def visit_Expr(self, node: ast.Expr) -> None:
        if not isinstance(node.value, ast.Constant):
            self.generic_visit(node)

    def visit_Raise(self, node: ast.Raise) -> None:
        pass

    def visit_Call(self, node: ast.Call) -> None:
        called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        if called not in ("note", "bar", "compile", "execute", "table") and not called.endswith("Error"):
            self.generic_visit(node)

    def visit_Constant(self, node: ast.Constant) -> None:
        if isinstance(node.value, str):
            self.add(node.value)

    def visit_JoinedStr(self, node: ast.JoinedStr) -> None:
        self.add("".join(part.value if isinstance(part, ast.Constant) else "12" for part in node.values))

    def add(self, text: str) -> None:
        if re.search(r"[a-z]{2,} [a-z]{2,}|[a-z]{2,} 12|12 [a-z]{2,}", text):
            self.found.add(text.strip())


def sentences(path: Path) -> set[str]:
    collector = Sentences()
    collector.visit(ast.parse(path.read_text(encoding="utf-8")))
    return {text for text in collector.found if not NOT_TOLD.search(text)}


def test_modules_are_where_they_were() -> None:
    assert all(path.is_file() for path in MODULES)
    assert len({text for path in MODULES for text in sentences(path)}) > 25


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.stem)
def test_every_sentence_of_the_code_has_a_chinese_one(path: Path) -> None:
    for text in sentences(path):
        if text == "12 users 12":
            continue
        text = re.sub(r"^12 (?=[A-Z])", "", text)  # what came before in the same notice
        whole = f"12 users {text}" if PIECE.fullmatch(text) else text
        chinese = notice(whole).zh
        assert re.search(r"[\u4e00-\u9fff]", chinese), whole
        assert not re.search(r"[A-Za-z]{3,} [A-Za-z]{2,}", chinese), (whole, chinese)


def test_every_rule_of_the_code_has_a_term() -> None:
    rules = set()
    for path in (SOURCE / "data").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call):
                called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
                if called in RULE_CALLS:
                    rules |= {arg.value for arg in node.args[:3] if isinstance(arg, ast.Constant)}
            if isinstance(node, ast.FunctionDef) and node.name == "_row_rules":
                pairs = [n for n in ast.walk(node) if isinstance(n, ast.Tuple)]
                rules |= {pair.elts[0].value for pair in pairs if isinstance(pair.elts[0], ast.Constant)}
    tables_and_actions = {
        "events",
        "items",
        "users",
        "links",
        "impressions",
        "keep",
        "reject",
        "repair",
        "drop",
        "impute",
    }
    named = {rule for rule in rules if isinstance(rule, str)} - tables_and_actions
    assert len(named) > 15
    assert named <= set(RULES)


def test_what_is_not_known_stays() -> None:
    assert notice("a notice nobody has seen").zh == "a notice nobody has seen"


def test_sentences_of_one_notice_are_translated_one_by_one() -> None:
    said = notice(
        "Only 84 of 943 users were seen both before and after 1998-03-21T17:45:49Z: one cut in time cannot judge "
        "here. Each user's own last events are held out: other users' later events are known to the model, and "
        "future value, activity and retention are not judged. No event lies in validation and test: nothing can "
        "be judged there."
    )
    assert "1998-03-21 17:45 UTC" in said.en
    assert "943 名用户中只有 84 名" in said.zh
    assert said.zh.endswith("验证期、测试期内没有事件：该处无法评估。")
    assert not re.search(r"[A-Za-z]{4,}", said.zh)


def test_limits_of_columns_are_named() -> None:
    assert notice("value above 1,143.18, quantity above 39.1711").zh == "价值高于 1,143.18，数量高于 39.1711"
