"""Texts of the report in English and Chinese, by key; a key without both cannot be written."""

from __future__ import annotations

from typing import NamedTuple


class Said(NamedTuple):
    """One text in both languages."""

    en: str
    zh: str

    def fill(self, **values: object) -> Said:
        """Put values into ``{names}``; a :class:`Said` goes in with its own language."""
        return Said(
            self.en.format(**{name: v.en if isinstance(v, Said) else v for name, v in values.items()}),
            self.zh.format(**{name: v.zh if isinstance(v, Said) else v for name, v in values.items()}),
        )


def same(text: object) -> Said:
    """Return a text that reads the same in both languages, such as an id."""
    return Said(str(text), str(text))


def joined(parts: list[Said]) -> Said:
    """Join an enumeration: ``a, b and c``, ``甲、乙和丙``."""
    if len(parts) < 2:
        return parts[0] if parts else same("")
    head, last = parts[:-1], parts[-1]
    return Said(f"{', '.join(p.en for p in head)} and {last.en}", f"{'、'.join(p.zh for p in head)}和{last.zh}")


def say(key: str, **values: object) -> Said:
    """Return a text by key, with values put in.

    >>> say("n_users", n="2,000").en
    'n = 2,000'

    Raises
    ------
    KeyError
        If there is no such text.
    """
    return WORDS[key].fill(**values)


WORDS: dict[str, Said] = {
    # frame
    "title": Said("Segments report", "分群报告"),
    "skip": Said("Skip to the report", "跳到正文"),
    "language": Said("中文", "English"),
    "theme": Said("Light or dark", "切换明暗"),
    "no_script": Said(
        "Charts need JavaScript; every figure is also in the tables.", "图表需要 JavaScript；所有数字也在表格中。"
    ),
    "n_users": Said("n = {n}", "n = {n}"),
    "interval": Said("95% interval", "95% 区间"),
    "none": Said("none", "无"),
    "yes": Said("yes", "是"),
    "no": Said("no", "否"),
    # headline
    "headline": Said("{k} segments of {users}", "{users}的 {k} 个分群"),
    "headline_one": Said("One segment of {users}", "{users}的 1 个分群"),
    "lead": Said(
        "From {events} events on {items} between {first} and {last}.",
        "来自 {first} 至 {last} 之间关于 {items} 的 {events} 条事件。",
    ),
    "fact_events": Said("events kept", "保留事件"),
    "fact_strategy": Said("published strategy", "发布策略"),
    "fact_k": Said("segments by {clusterer}", "个分群（{clusterer}）"),
    "fact_as_of": Said("as of", "基准时间"),
    "fact_kind": Said("kind of segmentation", "分群性质"),
    "source": Said("Data", "数据"),
    "run_id": Said("Run", "运行"),
    "verdict": Said("Verdict", "结论"),
    "verdict_lost": Said(
        "Another strategy did better on {n} of {all} figures: {rows}.",
        "在 {all} 项指标中，有 {n} 项其他策略更好：{rows}。",
    ),
    "verdict_lost_row": Said("{who} on {what} ({sure})", "{who}在{what}上领先（{sure}）"),
    "verdict_won": Said(
        "{who} led on {n} of {all}, {sure_n} of them established{example}.",
        "{who}在 {all} 项中领先 {n} 项，其中 {sure_n} 项已确证{example}。",
    ),
    "verdict_won_first": Said("No other strategy did better on any figure.", "没有其他策略在任何指标上更好。"),
    "verdict_example": Said("; {what} {value} against {other} for {rival}", "；{what} {value}，{rival}为 {other}"),
    "verdict_none": Said("{who} led on none of the {all} figures.", "{who}在 {all} 项指标中没有一项领先。"),
    "verdict_alone": Said(
        "{who} is the only strategy that was judged, so nothing here says that it is better than another.",
        "只评估了{who}一种策略，因此无从说明它优于其他策略。",
    ),
    "verdict_missing": Said("The strategies were not compared in this run.", "本次运行没有比较各策略。"),
    "verdict_published": Said("Published: {who}, as the settings ask.", "按设置发布：{who}。"),
    "verdict_more": Said(" and {n} more", "等另外 {n} 项"),
    "established": Said("established", "已确证"),
    "not_established": Said("not established", "未确证"),
    "untested": Said("not tested", "未检验"),
    # warnings
    "warnings": Said("Read this first", "请先阅读"),
    "no_warnings": Said("Nothing in the data or the segmentation calls for caution.", "数据与分群均无需特别注意。"),
    "warn_rejected": Said(
        "{share} of the rows of {table} were rejected ({rows}).", "{table}中有 {share} 的行被拒绝（{rows} 行）。"
    ),
    "warn_trial": Said(
        "Every clustering broke a rule; the best was published all the same.",
        "所有聚类都违反了规则；仍发布了其中最好的。",
    ),
    "warn_agreement": Said(
        "The judged and the published fit agree only in part (ARI {ari}): figures describe the former.",
        "评估用与发布用的拟合仅部分一致（ARI {ari}）：指标描述的是前者。",
    ),
    "warn_constructive": Said(
        "The segmentation is constructive: a useful cut of a continuum, not groups that the data keep apart.",
        "分群是构造性的：对连续体的一种有用切分，并非数据中天然分离的群体。",
    ),
    "warn_unavailable": Said("{who} was not compared: {why}.", "未比较{who}：{why}。"),
    "warn_noise": Said(
        "{n} users lay outside every cluster and went to the nearest segment.",
        "{n} 名用户不属于任何簇，已归入最近的分群。",
    ),
    # map
    "map": Said("The map", "用户地图"),
    "map_lead": Said(
        "Each point is one user; near points behave alike. Distances across the map mean little, and nothing was "
        "clustered on it.",
        "每个点是一名用户，相近的点行为相似。远距离没有含义，聚类也不在此图上进行。",
    ),
    "map_sample": Said("{drawn} of {all} users are drawn.", "绘制了 {all} 名用户中的 {drawn} 名。"),
    "map_all": Said("All {all} users are drawn.", "绘制了全部 {all} 名用户。"),
    "map_legend": Said("Show one segment alone", "单独显示一个分群"),
    "map_show_all": Said("All", "全部"),
    "map_alt": Said("Map of users, coloured by segment", "按分群着色的用户地图"),
    # cards
    "cards": Said("The segments", "各分群"),
    "cards_lead": Said(
        "Who they are, what sets them apart from everyone, and what to show them.",
        "他们是谁，与全体有何不同，以及向他们展示什么。",
    ),
    "sizes_alt": Said("Shares of the segments", "各分群占比"),
    "members": Said("{n} {users} · {share}", "{n} 名{users} · {share}"),
    "show_on_map": Said("Show on the map", "在地图上显示"),
    "drivers_over": Said("More than everyone", "高于全体"),
    "drivers_under": Said("Less than everyone", "低于全体"),
    "drivers_none": Said("No trait differs enough to be told.", "没有足够显著的差异。"),
    "driver_trait": Said("{here} against {all}", "{here}，全体 {all}"),
    "driver_share": Said("{times} ({here} against {all})", "{times}（{here}，全体 {all}）"),
    "times": Said("{n}× as much", "{n} 倍"),
    "never": Said("never", "从不"),
    "top_items": Said("Over-represented items", "偏好物品"),
    "lift_users": Said("{lift}× · {n} users", "{lift} 倍 · {n} 人"),
    "recommended": Said("Recommended", "推荐"),
    "medians": Said("Medians", "中位数"),
    "median_here": Said("here", "本群"),
    "median_all": Said("everyone", "全体"),
    "trait": Said("Trait", "特征"),
    "hours": Said("Hours", "时段"),
    "weekdays": Said("Weekdays", "星期"),
    "hours_axis": Said("0–23 h, local time", "0–23 时（当地）"),
    "weekdays_axis": Said("Mon–Sun", "一至日"),
    "ghost": Said("line: everyone", "线：全体"),
    "activity_alt": Said("Peak at {hour}:00 and on {day}", "高峰在 {hour}:00 与{day}"),
    "typical": Said("Typical users", "典型用户"),
    "confidence": Said("median confidence", "置信度中位数"),
    "jaccard": Said("stability (Jaccard)", "稳定性（Jaccard）"),
    "kind_natural": Said("natural", "天然"),
    "kind_reproducible": Said("reproducible", "可重现"),
    "kind_constructive": Said("constructive", "构造性"),
    "kind_natural_why": Said(
        "Clear in the data, and the same again on new samples.", "数据中清晰可辨，换样本仍会出现。"
    ),
    "kind_reproducible_why": Said(
        "The same again on new samples, without clear borders.", "换样本仍会出现，但边界不清晰。"
    ),
    "kind_constructive_why": Said("A useful cut of a continuum.", "对连续体的一种有用切分。"),
    # comparison
    "comparison": Said("Is it better?", "效果是否更好"),
    "comparison_lead": Said(
        "Every strategy at the same number of segments, judged on time that fitting never saw. Dots are values, "
        "bars are 95% intervals over users.",
        "各策略使用相同的分群数，并在拟合从未见过的时间段上评估。圆点为数值，横线为用户层面的 95% 区间。",
    ),
    "won": Said("{who} won", "{who}胜出"),
    "behind": Said("Figures behind the charts", "图表背后的数字"),
    "strategy": Said("Strategy", "策略"),
    "metric": Said("Metric", "指标"),
    "value": Said("Value", "数值"),
    "users_n": Said("n", "n"),
    "null": Said("Null", "零模型"),
    "null_hint": Said(
        "The tick is the null: the same figure on data whose columns were permuted one by one.",
        "竖线为零模型：逐列打乱数据后的同一指标。",
    ),
    "difference": Said("Less learned", "减去学习向量"),
    "lower_better": Said("lower is better", "越低越好"),
    "higher_better": Said("higher is better", "越高越好"),
    "established_hint": Said(
        "Established: the 95% interval of the paired difference leaves zero out. Shape and stability "
        "have no such test.",
        "已确证：配对差的 95% 区间不含零。形状与稳定性没有此检验。",
    ),
    "scoreboard": Said("Who won each row", "各项胜者"),
    # trials
    "trials": Said("How the clustering was chosen", "聚类如何选出"),
    "trials_lead": Said(
        "{n} clusterings were tried for the strategy {who}. Lift on validation time decides, then a probe of the future "
        "category; internal metrics only break ties.",
        "为策略“{who}”尝试了 {n} 种聚类。先看验证期提升，再看对未来类别的探针；内部指标仅用于打破平局。",
    ),
    "trials_alt": Said("Lift by number of segments for each clusterer", "各聚类算法在不同分群数下的提升"),
    "trials_won": Said("Chosen: {what}, {k} segments.", "选定：{what}，{k} 个分群。"),
    "trials_lost": Said("The best that lost", "落选中最好的"),
    "trials_all": Said("All trials", "全部尝试"),
    "segments_axis": Said("Number of segments", "分群数"),
    "lift_axis": Said("Lift of lists over popularity", "列表相对热门的提升"),
    "clusterer": Said("Clusterer", "聚类算法"),
    "why": Said("Why", "原因"),
    "outcome": Said("Outcome", "结果"),
    "verdict_chosen": Said("chosen", "选定"),
    "verdict_lost_trial": Said("lost", "落选"),
    "verdict_rejected": Said("rejected", "被拒"),
    # quality
    "quality": Said("What the data were worth", "数据质量"),
    "quality_lead": Said(
        "Every row is accounted for: read = kept + rejected.", "每一行都有去向：读入 = 保留 + 拒绝。"
    ),
    "table": Said("Table", "表"),
    "read": Said("Read", "读入"),
    "kept": Said("Kept", "保留"),
    "rejected": Said("Rejected", "拒绝"),
    "rule": Said("Rule", "规则"),
    "action": Said("Action", "处理"),
    "rows": Said("Rows", "行数"),
    "note": Said("Note", "备注"),
    "quiet_rules": Said("Rules that touched no row: {rules}.", "未触及任何行的规则：{rules}。"),
    # engineering
    "fit": Said("How it was made", "如何得出"),
    "agreement": Said("Judged and published fit", "评估拟合与发布拟合"),
    "agreement_lead": Said(
        "Figures come from a fit that never saw the test time; segments come from a refit on all events. Their "
        "adjusted Rand index says how far the figures carry over (1: the same segments).",
        "指标来自从未见过测试期的拟合；分群来自对全部事件的重新拟合。"
        "两者的调整兰德指数说明指标在多大程度上适用（1 表示分群相同）。",
    ),
    "gate": Said("Blocks of the user vector", "用户向量的各块"),
    "gate_lead": Said(
        "A block stays only if validation is no worse with it.", "只有在不使验证结果变差时，一个块才会保留。"
    ),
    "figure": Said("Figure", "项目"),
    "metrics": Said("Headline figures", "主要指标"),
    "protocol": Said("Protocol", "协议"),
    "timings": Said("Time and memory", "耗时与内存"),
    "timings_lead": Said("{seconds} in all; peak memory {memory}.", "共 {seconds}；峰值内存 {memory}。"),
    "stage": Said("Stage", "阶段"),
    "seconds": Said("Seconds", "秒"),
    "memory": Said("Peak MB", "峰值 MB"),
    "settings": Said("Settings", "设置"),
    "settings_lead": Said(
        "Complete, as this run used them; credentials are left out.", "本次运行使用的完整设置，不含凭据。"
    ),
    "stage_figures": Said("What each stage recorded", "各阶段记录"),
    "versions": Said("Versions", "版本"),
    "seed": Said("Seed", "随机种子"),
    "footer": Said(
        "Made by fenqun {version} from the artifacts of one run. Works offline; nothing is sent anywhere.",
        "由 fenqun {version} 依据一次运行的产物生成。可离线使用，不会发送任何数据。",
    ),
}
