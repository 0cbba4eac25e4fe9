"""Texts of the recommendations by segment."""

from __future__ import annotations

from fenqun.report.said import Said

RECOMMENDING: dict[str, Said] = {
    "recommending": Said("Recommenders", "推荐方法"),
    "recommending_lead": Said(
        "On held-out time, one list a segment is {than} one list for everyone: {gain} [{low}, {high}] in NDCG@{length}, from {base} (n = {n}).",
        "在留出时间上，每个分群一份列表{than}所有人共用一份：NDCG@{length} {gain} [{low}, {high}]，基准为 {base}（n = {n}）。",
    ),
    "recommending_ahead": Said("ahead of", "优于"),
    "recommending_behind": Said("behind", "不如"),
    "recommending_level": Said("not clearly ahead of", "并不明显优于"),
    "recommending_none": Said(
        "Nothing beats popularity here: every segment gets what everyone takes.",
        "这里没有方法胜过热门：每个分群都推荐热门物品。",
    ),
    "recommending_own": Said(
        "A list of each user's own would gain {gain} [{low}, {high}] more (n = {n}).",
        "若每名用户都有自己的列表，可再增加 {gain} [{low}, {high}]（n = {n}）。",
    ),
    "recommending_own_level": Said(
        "A list of each user's own would gain nothing that is established: {gain} [{low}, {high}] (n = {n}).",
        "若每名用户都有自己的列表，并无已确证的增益：{gain} [{low}, {high}]（n = {n}）。",
    ),
    "recommending_how": Said(
        "For each segment the recommender that was clearly ahead of popularity on validation time, else popularity; the simpler one where two are level. Figures are of later, held-out time, less popularity, paired by user, for the judged segment that shares most users with the published one. ✓: q below 5% after Benjamini–Hochberg over all segments and recommenders.",
        "每个分群采用在验证时间上明显优于热门的推荐方法，否则用热门；两者相当时取更简单的。数字来自其后的留出时间，为与热门的配对差，取与发布分群共有用户最多的评估分群。✓：对所有分群与方法作 Benjamini–Hochberg 校正后 q 低于 5%。",
    ),
    "recommending_unjudged_one_item": Said(
        "The log is about one item: there is nothing to choose from.", "日志只涉及一种物品，没有可选的推荐。"
    ),
    "recommending_unjudged_nothing_held_out": Said(
        "No events are held out to judge recommenders: every segment gets what everyone takes.",
        "没有可用于评估推荐方法的留出事件：每个分群都推荐热门物品。",
    ),
    "recommending_segment": Said("Segment", "分群"),
    "recommender": Said("Recommender", "推荐方法"),
    "recommending_lead_over": Said("Lead over popularity", "相对热门的领先"),
    "recommending_users": Said("Users with events then", "期间有事件的用户"),
    "recommending_personal": Said("Own list by", "个人列表方法"),
    "recommending_gain": Said("An own list gains", "个人列表的增益"),
    "recommending_same_list": Said("the segment's list", "沿用分群的列表"),
    "recommending_nothing_beats": Said("nothing beats it", "没有方法胜过它"),
    "recommending_all": Said("All recommenders", "所有推荐方法"),
    "recommending_lists_by": Said("Lists for", "列表对象"),
    "scope_segment": Said("a segment", "分群"),
    "scope_user": Said("a user", "个人"),
    "novelty_why": Said(
        "Novelty: bits by which an item is unknown. Miscalibration: how far the categories of a list are from the user's own, 0 is best. Gini: 0 where all items are shown alike.",
        "新颖度：物品不为人知的程度（比特）。校准偏差：列表的类别分布与用户自身的差距，0 为最佳。Gini：所有物品同等展示时为 0。",
    ),
}
