"""Why a trial won or lost, in Chinese: the English sentences of the selection, clause by clause."""

from __future__ import annotations

from fenqun.report.notices import patterns, translated
from fenqun.report.said import Said

_FIGURES = {
    "lift": "提升",
    "probe": "探针",
    "value": "价值解释率",
    "retention": "留存解释率",
    "readability": "可读性",
    "target": "目标探针",
}
_FIGURE = f"({'|'.join(_FIGURES)})"
_CLAUSES = patterns(
    (r"smallest segment (\S+) users? < (\S+)", "最小分群 {0} 人，少于 {1} 人"),
    (r"noise (\S+) % > (\S+) %", "噪声 {0}%，高于 {1}%"),
    (rf"no {_FIGURE} could be computed", "无法计算{0}"),
    (
        rf"{_FIGURE} (\S+) below the best (\S+) by more than one standard error \((\S+)\)",
        "{0} {1} 低于最佳 {2}，超过一个标准误（{3}）",
    ),
    (rf"{_FIGURE} (\S+) below the best (\S+)", "{0} {1} 低于最佳 {2}"),
    (
        rf"{_FIGURE} (\S+) is level with the best, but (\S+) segments against (\S+)",
        "{0} {1} 与最佳持平，但分群数为 {2}，多于 {3}",
    ),
    (rf"highest {_FIGURE} (\S+)", "{0}最高，为 {1}"),
    (
        rf"{_FIGURE} (\S+) within one standard error \((\S+)\) of the best (\S+), with fewest segments \((\S+)\)",
        "{0} {1} 与最佳 {3} 相差不到一个标准误（{2}），且分群数最少（{4}）",
    ),
    (rf"{_FIGURE} (\S+) the highest among them", "其中{0}最高，为 {1}"),
    (r"best mean rank of internal metrics", "内部指标平均名次最佳"),
    (r"level in every figure with the chosen trial, which ran first", "各项均与选定者持平，后者先运行"),
    (r"mean rank (\S+) of internal metrics behind (\S+)", "内部指标平均名次 {0}，落后于 {1}"),
    (r"the earlier run's choice stays", "沿用此前运行的选择"),
    (
        r"the earlier run's choice stays: (\S+) (\S+) is not clearly below (\S+)",
        "沿用此前运行的选择：{0} {1} 并不明显低于 {2}",
    ),
    (r"finds (\S+) segments?, (.+) were asked for", "得到 {0} 个分群，而要求的是 {1} 个"),
)
_ALTHOUGH, _NONE_PASSED = "chosen although ", ", as no trial passed"


def reason(text: str) -> Said:
    """Return a reason in both languages; a clause that is not known stays as it is.

    >>> reason("noise 41 % > 20 %").zh
    '噪声 41%，高于 20%'
    """
    return Said(text, "；".join(_chinese(clause) for clause in text.split("; ")))


def _chinese(clause: str) -> str:
    if clause.startswith(_ALTHOUGH):
        return "仍被选定，尽管" + _chinese(clause.removeprefix(_ALTHOUGH))
    if clause.endswith(_NONE_PASSED):
        return _chinese(clause.removesuffix(_NONE_PASSED)) + "，因为没有尝试通过"
    return translated(clause, _CLAUSES, _word) or clause


def _word(text: str) -> str:
    return _FIGURES.get(text, text).replace(" to ", " 至 ").replace(" or ", " 或 ")
