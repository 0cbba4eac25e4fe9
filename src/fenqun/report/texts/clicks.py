"""Texts of what impressions say: clicks by position and segment, and what other lists would have got."""

from __future__ import annotations

from fenqun.report.said import Said

CLICKS: dict[str, Said] = {
    "clicks": Said("Clicks", "点击"),
    "clicks_lead": Said(
        "Judged by {n} impressions from {start} on, after everything that the segments were learned from.",
        "依据 {start} 起的 {n} 次曝光评估，均晚于分群学习所用的全部事件。",
    ),
    "clicks_final": Said(
        "Judged by {n} impressions after the end of the log, which the published segments have not seen.",
        "依据日志结束之后的 {n} 次曝光评估，发布的分群从未见过它们。",
    ),
    "clicks_none": Said(
        "All {n} impressions lie before {start}, in the time that the segments were learned from: they judge nothing.",
        "全部 {n} 次曝光都早于 {start}，处于分群学习所用的时间内：不能用于评估。",
    ),
    "clicks_shown": Said("What was shown", "实际展示"),
    "clicks_places": Said("By position", "按位置"),
    "clicks_segments": Said("By segment", "按分群"),
    "clicks_lists": Said("What the segments' lists would have got", "若展示各分群列表，结果会如何"),
    "clicks_lists_note": Said(
        "These lists were never shown. Estimated from the impressions that agree with them, weighted by one over the chance "
        "with which each was shown. The effective sample size is how many equally weighted impressions would tell as much.",
        "这些列表从未实际展示。估计依据与列表一致的曝光，并按各自展示概率的倒数加权。有效样本量表示等权曝光下的等价数量。",
    ),
    "clicks_no_propensities": Said(
        "It cannot be said: the impressions do not carry the chance with which each item was shown (propensity). Log it, or "
        "show a small share at random.",
        "无法判断：曝光未记录各物品的展示概率（propensity）。请记录该概率，或随机展示一小部分。",
    ),
    "clicks_one_item": Said(
        "It cannot be said: the log is about one item, so there are no lists.",
        "无法判断：日志只涉及一种物品，没有列表。",
    ),
    "clicks_policy": Said("Shown by", "展示策略"),
    "clicks_all": Said("All", "全部"),
    "clicks_position": Said("Position", "位置"),
    "clicks_segment": Said("Segment", "分群"),
    "clicks_list_of": Said("Lists of", "列表来源"),
    "clicks_impressions": Said("Impressions", "曝光数"),
    "clicks_ctr": Said("Click-through rate", "点击率"),
    "clicks_conversion": Said("Conversion rate", "转化率"),
    "clicks_value": Said("Value an impression", "每次曝光价值"),
    "clicks_looks": Said("Looked at, to the first", "相对首位的查看率"),
    "clicks_corrected": Said("Click-through rate in the first position", "首位点击率"),
    "clicks_own": Said("Its own list, instead", "改用本群列表"),
    "clicks_effective": Said("Effective sample size", "有效样本量"),
    "clicks_less": Said("Less what was shown, points", "与实际展示之差（百分点）"),
    "clicks_q": Said("q = {q}", "q = {q}"),
    "clicks_q_small": Said("q < 0.001", "q < 0.001"),
    "clicks_by": Said("{who}, from {policy}", "{who}，依据 {policy}"),
    "clicks_how": Said(
        "95% intervals over users. Rates: Wilson, with the sample size that users' own variance leaves. Estimates: "
        "self-normalised inverse propensities, with the sample size that weights leave. q: against everyone else, after Benjamini–Hochberg. A figure "
        "is refused below {effective} effective impressions or {outcomes} clicks. Segments are those of the fit "
        "that ends before the impressions, called by the published segment that shares most users; {unnamed} of them have no "
        "such name, and {strangers} impressions are of users without a segment.",
        "95% 区间，按用户。比率：Wilson 区间，样本量按用户间方差折算。估计：自归一化逆倾向得分，样本量按权重折算。q：与其他全体用户"
        "比较，经 Benjamini–Hochberg 校正。有效曝光少于 {effective} 或点击少于 {outcomes} 时不给出数字。分群取自曝光之前的拟合，"
        "以共同用户最多的已发布分群命名；其中 {unnamed} 个没有对应名称，{strangers} 次曝光的用户不属于任何分群。",
    ),
}
