"""Texts of how segments are judged: comparison and trials."""

from __future__ import annotations

from fenqun.report.said import Said

JUDGEMENT: dict[str, Said] = {
    # comparison
    "comparison": Said("Is it better?", "效果是否更好"),
    "comparison_lead": Said(
        "Every strategy at the same number of segments, judged on time that fitting never saw. Dots are values, "
        "bars are 95% intervals over users.",
        "各策略使用相同的分群数，并在拟合从未见过的时间段上评估。圆点为数值，横线为用户层面的 95% 区间。",
    ),
    "keep_lists": Said("lists", "列表"),
    "keep_value": Said("telling future {what}", "预示未来{what}"),
    "keep_better": Said(
        "Keep your own segments: at {ours} they are better than the learned ones by more than chance.",
        "保留贵方自有分群：在{ours}上优于学习所得分群，且差异超出偶然。",
    ),
    "keep_better_how": Said(
        "Nothing here would pay for new names and new reports.", "此处没有足以抵偿更换名称与报表的收益。"
    ),
    "keep_mixed": Said(
        "Keep your own segments for {ours}, and take the learned ones for {theirs}: each is better there by more than chance.",
        "{ours}沿用自有分群，{theirs}采用学习所得分群：二者各自更优，且差异超出偶然。",
    ),
    "keep_mixed_how": Said(
        "Both can stand side by side: every user has one of each.", "二者可以并存：每位用户各属其一。"
    ),
    "keep_worse": Said(
        "Your own segments can go: at {theirs} the learned ones are better by more than chance.",
        "可以不再使用自有分群：在{theirs}上学习所得分群更优，且差异超出偶然。",
    ),
    "keep_worse_how": Said(
        "Keep them only where a rule, a contract or a report that people rely on names them.",
        "仅在规则、合同或日常报表仍引用它们之处予以保留。",
    ),
    "keep_level": Said(
        "Keep your own segments for now: at {what} neither is better by more than chance, and people know theirs.",
        "暂时保留自有分群：在{what}上二者差异未超出偶然，而人们熟悉自有分群。",
    ),
    "keep_level_how": Said(
        "Look again when the log is longer: more users and more time make smaller differences visible.",
        "日志更长后再看：更多用户与更长时间能显出更小的差异。",
    ),
    "won": Said("{who} won", "{who}胜出"),
    "leads": Said("{who} leads, not established", "{who}领先，未确证"),
    "best_value": Said("best value: {who}", "数值最佳：{who}"),
    "how_judged": Said("n = {n} · how it was judged", "n = {n} · 评估方法"),
    "interval_over_users": Said(
        "Intervals: 95%, bootstrap over users; differences are paired.", "区间：95%，对用户自助抽样；差值为配对差。"
    ),
    "untested_hint": Said(
        "No test over users exists for these figures: they describe, and count as nobody's win or loss.",
        "这些指标没有用户层面的检验：仅作描述，不计胜负。",
    ),
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
    "difference": Said("Difference to Learned", "与学习向量之差"),
    "lower_better": Said("lower is better", "越低越好"),
    "higher_better": Said("higher is better", "越高越好"),
    "established_hint": Said(
        "“Won” means established: the 95% interval of the paired difference leaves zero out.",
        "“胜出”表示已确证：配对差的 95% 区间不含零。",
    ),
    "scoreboard": Said("Who won each row", "各项胜者"),
    # trials
    "trials": Said("How the clustering was chosen", "聚类如何选出"),
    "trials_lead": Said(
        "{n} clusterings were tried for the strategy {who}. For the goal “{goal}”, this decides on validation time: {first}, "
        "then {second}. Internal metrics only break ties.",
        "为策略“{who}”尝试了 {n} 种聚类。目标为“{goal}”，验证期内先看{first}，再看{second}；内部指标仅用于打破平局。",
    ),
    "trials_alt": Said("{what} by number of segments for each clusterer", "各聚类算法在不同分群数下的{what}"),
    "trials_won": Said("Chosen: {what}, {k} segments.", "选定：{what}，{k} 个分群。"),
    "trial_sampled": Said(
        "fitted on a sample of {n} users, the others placed by its rule",
        "在 {n} 名用户的样本上拟合，其余用户按其规则归入",
    ),
    "trials_lost": Said("The best that lost", "落选中最好的"),
    "trials_all": Said("All trials", "全部尝试"),
    "segments_axis": Said("Number of segments", "分群数"),
    "lift_axis_one": Said("1 + variance of future activity explained", "1 + 未来活跃度方差解释度"),
    "lift_one": Said(
        "This log is about one item, so there are no lists to judge: lift is one plus the variance of users' later "
        "activity that the segments explain.",
        "本日志只涉及一种物品，没有列表可评估：提升为 1 加上分群对用户后续活跃度方差的解释比例。",
    ),
    "lift_axis": Said("Lift of lists over popularity", "列表相对热门的提升"),
    "clusterer": Said("Clusterer", "聚类算法"),
    "why": Said("Why", "原因"),
    "outcome": Said("Outcome", "结果"),
    "verdict_chosen": Said("chosen", "选定"),
    "verdict_lost_trial": Said("lost", "落选"),
    "verdict_rejected": Said("rejected", "被拒"),
}
