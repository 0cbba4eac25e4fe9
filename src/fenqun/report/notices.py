"""Notices, notes, protocols and reasons that artifacts carry as English sentences, said in Chinese too."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from fenqun.report.said import Said

Pattern = tuple[re.Pattern[str], str]

_INSTANT = re.compile(r"(\d{4}-\d\d-\d\d)T(\d\d:\d\d):\d\d(?:Z|\+00:00)")
_COLUMNS = {
    "value": "价值",
    "quantity": "数量",
    "duration": "时长",
    "price": "价格",
    "weight": "权重",
    "attributes": "属性",
    "text": "文本",
    "category": "类别",
    "clicked": "点击",
    "converted": "转化",
}
_FOLDS = {"train": "训练期", "validation": "验证期", "test": "测试期"}
_ORDERS = {"day first": "日在前", "month first": "月在前"}


def patterns(*pairs: tuple[str, str]) -> tuple[Pattern, ...]:
    """Compile pairs of an English pattern and its Chinese text, in which ``{0}`` is the first group."""
    return tuple((re.compile(pattern, re.DOTALL), text) for pattern, text in pairs)


_SENTENCES = patterns(
    # splits
    (
        r"Only (\S+) of (\S+) users were seen both before and after (.+): one cut in time cannot judge here\.",
        "{1} 名用户中只有 {0} 名在 {2} 前后都出现过：单一时间切分在此无法评估。",
    ),
    (
        r"Each user's own last events are held out: other users' later events are known to the model, and future "
        r"value, activity and retention are not judged\.",
        "留出的是每名用户各自最后的事件：模型已知其他用户更晚的事件，因此不评估未来价值、活跃度与留存。",
    ),
    (r"No event lies in (.+): nothing can be judged there\.", "{0}内没有事件：该处无法评估。"),
    # contexts
    (
        r"Contexts were not looked at: the segments do not come from vectors with a block of taste\.",
        "未按情境分析：分群并非来自含品味块的向量。",
    ),
    (
        r"The context daypart was not looked at: the log has days, but no hours\.",
        "未按时段分析：日志只有日期，没有钟点。",
    ),
    # quality
    (
        r"(\S+) of events are about items that the catalogue does not have: check that data\.events\.item and "
        r"data\.items\.item mean the same id",
        "{0} 的事件涉及目录中没有的物品：请检查 data.events.item 与 data.items.item 是否为同一标识",
    ),
    (r"(.+) left out of the attributes: part of a label", "{0} 属于标签，未作为属性使用"),
    (
        r"(\S+) dates such as (\S+) were read day first: set time_format to be sure",
        "{0} 个形如 {1} 的日期按日在前读取；设置 time_format 可确保无误",
    ),
    (
        r"days and months come in both orders; (\S+) ambiguous dates were read (.+)",
        "日与月的先后顺序混用；{0} 个有歧义的日期按{1}读取",
    ),
    (r"field (.+) not read: its name is taken or empty", "字段 {0} 未读取：名称重复或为空"),
    (
        r"(\S+) of (\S+) rows not used \(no kept event, no segment, or a second row\)",
        "{1} 行中有 {0} 行未使用（没有保留的事件、没有分群或重复出现）",
    ),
    # notes of rules
    (r"in (.+), missing too", "涉及{0}，含缺失"),
    (r"in ([\w.]+(?:, [\w.]+)*)", "涉及{0}"),
    (r"above (\S+) characters", "超过 {0} 个字符"),
    (r"((?:[\w.]+ above [\d.,e+-]*\d)(?:, [\w.]+ above [\d.,e+-]*\d)*)", "{0}"),
    (r"no spread to judge by", "没有可供判断的离散程度"),
    (r"(\S+) users above (\S+) events in one day", "{0} 名用户一天内超过 {1} 条事件"),
    (r"(\S+) users below (\S+) events", "{0} 名用户少于 {1} 条事件"),
    (r"(\S+) items that the catalogue does not have", "目录中没有的 {0} 个物品"),
    (r"median of numbers, most frequent word", "数值取中位数，文字取最常见者"),
    (r"median of the category, else of all", "取同类别中位数，否则取全体中位数"),
    (r"median of the item, else of all", "取同一物品的中位数，否则取全体中位数"),
    (r"users of the table without a kept event", "用户表中没有保留事件的用户"),
    (r"a user without a kept event", "没有保留事件的用户"),
    (r"merged: the first filled cell counts", "已合并：以首个非空单元格为准"),
    # why a strategy was not compared
    (r"the user table has no attributes", "用户表没有属性"),
    (r"every attribute is missing or the same for all users", "所有属性均缺失或对全体用户相同"),
    (r"the profiles have no (\S+)", "画像中没有 {0}"),
    (r"the log is about one item only and has no categories", "日志只涉及一种物品，且没有类别"),
    (r"no user vectors were learned", "没有学习到用户向量"),
    (r"no file of segments is given", "没有给出分群文件"),
    (r"the file of segments names none of the users", "分群文件未包含任何用户"),
    # protocols
    (
        r"segments fitted before the cut, their lists judged on what each user took after it",
        "分群在切分点之前拟合，其列表按每名用户在切分点之后的选择评估",
    ),
    (
        r"variance of each user's outcome after the cut that segments fitted before it explain, adjusted",
        "切分点之前拟合的分群对每名用户此后结果方差的解释比例（已校正）",
    ),
    (
        r"one common space of all strategies' features with equal weight",
        "在一个公共空间中计算：各策略的特征权重相等",
    ),
    (
        r"refits on bootstrap samples of users against the judged fit",
        "在用户的自助样本上重新拟合，并与评估用的拟合比较",
    ),
    (
        r"segments read as the majority label of half the users, scored on the other half",
        "以一半用户的多数标签解读分群，在另一半用户上评分",
    ),
    (
        r"refits of the published segmentation on bootstrap samples of users",
        "在用户的自助样本上重新拟合发布的分群",
    ),
    (
        r"variance of log activity that the judged segments explain: near 1, they are little but volume",
        "评估用的分群对对数活跃度方差的解释比例：接近 1 时，分群几乎只反映活跃量",
    ),
    (
        r"the published clusterer fitted to the same vectors with other seeds; mean of 3",
        "以其他随机种子在同样的向量上拟合所发布的聚类器；3 次的均值",
    ),
    (
        r"halves of the users foretell each other's groups: pairs kept together in the weakest, mean over splits",
        "用户的两半互相预测对方的分组：最弱一组中仍在一起的用户对占比，对多次切分取均值",
    ),
    (r"the same where the columns of the vectors are shuffled one by one", "逐列打乱向量后的同一指标"),
    (r"adjusted Rand index with deciles of activity", "与活跃度十分位的调整兰德指数"),
    (
        r"the goal's first figure on held-out time, less that of groups of the same sizes drawn by lot",
        "目标首要指标在留出时间段上的值，减去同样大小的随机分组的值",
    ),
    (
        r"the attribute of half of the users predicted from their published segment alone, as the other half has it; "
        r"chance: the attribute shuffled among users",
        "仅凭发布的分群预测一半用户的属性，以另一半用户的情况为准；随机：在用户间打乱属性",
    ),
    (
        r"macro average over levels, of the level's share in the segment in the other half of the users; chance: the "
        r"attribute shuffled among users",
        "对各取值求宏平均，以该取值在另一半用户的同一分群中的占比打分；随机：在用户间打乱属性",
    ),
    (
        r"association of published segments and attribute, corrected for chance",
        "发布的分群与属性的关联（已校正随机）",
    ),
    (r"the same with the attribute shuffled among users", "在用户间打乱属性后的同一指标"),
)


def translated(text: str, known: Sequence[Pattern], word: Callable[[str], str]) -> str | None:
    """Return the Chinese of an English text that matches a pattern; ``word`` translates what it captures."""
    for pattern, chinese in known:
        found = pattern.fullmatch(text)
        if found:
            return chinese.format(*(word(group) for group in found.groups()))
    return None


def notice(text: str) -> Said:
    """Return a sentence of an artifact in both languages; what is not known stays English in both.

    >>> notice("no user vectors were learned").zh
    '没有学习到用户向量'
    >>> notice("value above 12.5, quantity above 3").zh
    '价值高于 12.5，数量高于 3'
    """
    text = _INSTANT.sub(r"\1 \2 UTC", text)
    whole = _chinese(text)
    if whole is None:
        parts = re.split(r"(?<=\.) (?=[A-Z])", text)
        whole = "".join(_chinese(part) or part for part in parts) if len(parts) > 1 else text
    return Said(text, whole)


def _chinese(text: str) -> str | None:
    """Return a sentence in Chinese; the place that may stand in front of it stays."""
    found = translated(text, _SENTENCES, _word)
    if found is None and ": " in text:
        place, _, rest = text.partition(": ")
        told = translated(rest, _SENTENCES, _word)
        return None if told is None else f"{place}：{told}"
    return found


def _word(text: str) -> str:
    """Return a captured piece in Chinese: an enumeration of columns or folds, an order, or as it is."""
    if " above " in text:
        limits = (piece.partition(" above ") for piece in text.split(", "))
        return "，".join(f"{_COLUMNS.get(name, name)}高于 {top}" for name, _, top in limits)
    if text in _ORDERS:
        return _ORDERS[text]
    pieces = re.split(r", | and ", text)
    if all(piece in _FOLDS or piece in _COLUMNS for piece in pieces):
        return "、".join(_FOLDS.get(piece) or _COLUMNS[piece] for piece in pieces)
    return text
