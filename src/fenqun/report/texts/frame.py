"""Texts of the page itself: headline, verdict, warnings, map and how the run was made."""

from __future__ import annotations

from fenqun.report.said import Said

FRAME: dict[str, Said] = {
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
    # headline
    "headline": Said("{k} segments of {users}", "{users}的 {k} 个分群"),
    "headline_none": Said("{users}, not yet in segments", "{users}，尚未分群"),
    "headline_one": Said("One segment of {users}", "{users}的 1 个分群"),
    "fact_strategy": Said("published strategy", "发布策略"),
    "fact_agreement": Said(
        "agreement of the judged and the published fit (ARI)", "评估拟合与发布拟合的一致性（ARI）"
    ),
    "eyebrow_events": Said("{n} events", "{n} 条事件"),
    "eyebrow_items": Said("{n} {items}", "{n} 种{items}"),
    "tick_hint": Said(
        "✓ established: the 95% interval of the paired difference leaves zero out.",
        "✓ 已确证：配对差的 95% 区间不含零。",
    ),
    "fact_k": Said("segments by {clusterer}", "个分群（{clusterer}）"),
    "fact_as_of": Said("as of", "基准时间"),
    "source": Said("Data", "数据"),
    "run_id": Said("Run", "运行"),
    "verdict": Said("Verdict", "结论"),
    "verdict_alone": Said(
        "{who} is the only strategy that was judged, so nothing here says that it is better than another.",
        "只评估了{who}一种策略，因此无从说明它优于其他策略。",
    ),
    "verdict_missing": Said("The strategies were not compared in this run.", "本次运行没有比较各策略。"),
    "verdict_published": Said("Published: {who}, as the settings ask.", "按设置发布：{who}。"),
    "ask_lists": Said("Interest: what do people take next?", "兴趣：用户接下来选择什么？"),
    "ask_value": Said("Value: how much {value} will come?", "价值：未来有多少{value}？"),
    "ask_labels": Said("Labels: who are they?", "标签：他们是谁？"),
    "no_winner": Said("No clear winner", "没有明显胜者"),
    "duel": Said("{who} {value}, {rival} {other}", "{who} {value}，{rival} {other}"),
    "lists_won": Said(
        "What these segments carry is interest: their lists fit best what people take next.",
        "这些分群承载的是兴趣：其列表最贴合用户接下来的选择。",
    ),
    "lists_lost": Said(
        "{who} fits better what people take next: “strategy: {code}” in the settings publishes it instead.",
        "{who}更贴合用户接下来的选择：在设置中写入“strategy: {code}”即可改为发布它。",
    ),
    "lists_open": Said(
        "On what people take next, no strategy is clearly ahead.", "在用户接下来的选择上，没有策略明显领先。"
    ),
    "value_won": Said("They also tell future {what} best.", "它们对未来{what}的区分也最好。"),
    "value_lost": Said(
        "{who} tells future {what} better, and is the better choice when that is the question.",
        "{who}对未来{what}的区分更好；若关心的是这个问题，应选用它。",
    ),
    "value_open": Said("On future {what}, no strategy is clearly ahead.", "在未来{what}上，没有策略明显领先。"),
    "value_unjudged": Said("Future value was not judged on this log.", "本日志未评估未来价值。"),
    "published_ours": Said("these segments", "本报告的分群"),
    "what_explained_value": Said("value", "价值"),
    "what_explained_events": Said("activity", "活跃度"),
    "what_explained_retained": Said("retention", "留存"),
    # warnings
    "warnings": Said("Keep in mind", "请注意"),
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
    "warn_no_structure": Said(
        "No structure found: on held-out time these segments do no better than groups drawn by lot. Do not act on them.",
        "未发现结构：在留出的时间段上，这些分群并不优于随机抽取的分组，请勿据此行动。",
    ),
    "warn_constructive": Said(
        "The segmentation is constructive: a useful cut of a continuum, not groups that the data keep apart.",
        "分群是构造性的：对连续体的一种有用切分，并非数据中天然分离的群体。",
    ),
    "warn_refuted": Said(
        "The settings that the search took are worse on test time than those given.",
        "搜索所采用的设置在测试期比所给设置更差。",
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
    "map_alt": Said("Map of users, coloured by segment", "按分群着色的用户地图"),
    "map_choose": Said(
        "Choose a segment to see it alone; its share leads to its card.",
        "点选分群可单独显示；点击占比可跳到其卡片。",
    ),
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
        "Figures come from a fit that never saw the test time, segments from a refit on all events. The adjusted Rand index of the two says how far the figures carry over: 1 is the same segments, 0 is chance.",
        "指标来自从未见过测试期的拟合，分群来自对全部事件的重新拟合。两者的调整兰德指数说明指标在多大程度上适用：1 为分群相同，0 为随机水平。",
    ),
    "agree_same": Said("The two fits find nearly the same segments.", "两次拟合得到几乎相同的分群。"),
    "agree_largely": Said("The two fits find largely the same segments.", "两次拟合得到大体相同的分群。"),
    "agree_partly": Said(
        "The two fits agree in part: most users keep their company, borders move.",
        "两次拟合部分一致：多数用户仍在一起，边界有所移动。",
    ),
    "agree_little": Said(
        "The two fits agree little: read the figures with care.", "两次拟合一致性低：请谨慎解读指标。"
    ),
    "split_time": Said(
        "Learned until {test}, judged from then until {end}; choices were made on the time from {validation}.",
        "学习截至 {test}，此后至 {end} 用于评估；各项选择依据 {validation} 起的时间段。",
    ),
    "split_per_user": Said(
        "Each user's own last events were held out to judge.", "以每名用户各自最后的事件留出评估。"
    ),
    "gate": Said("Blocks of the user vector", "用户向量的各块"),
    "gate_lead": Said(
        "Before k is chosen, each block is left out once: the figure is the lift of the segments' lists over popularity on validation time. A block stays only if validation is no worse with it.",
        "在选定 k 之前逐一去掉各块：数值为验证期分群列表相对热门的提升。只有不使验证结果变差的块才会保留。",
    ),
    "block": Said("Block", "块"),
    "with_it": Said("With it", "有"),
    "without_it": Said("Without it", "无"),
    "block_kept": Said("Kept: without it, lift would go from {a} to {b}.", "保留：去掉后提升由 {a} 变为 {b}。"),
    "block_dropped": Said("Dropped: without it, lift goes from {a} to {b}.", "舍弃：去掉后提升由 {a} 变为 {b}。"),
    "intent_kept": Said(
        "Kept: users' lists gain {gain} NDCG with it, more than the standard error {error}.",
        "保留：加入后用户列表的 NDCG 变化 {gain}，超过标准误 {error}。",
    ),
    "intent_dropped": Said(
        "Dropped: users' lists gain {gain} NDCG with it, not more than the standard error {error}.",
        "舍弃：加入后用户列表的 NDCG 变化 {gain}，未超过标准误 {error}。",
    ),
    "intent_off": Said("No sequence model was trained: it is switched off.", "未训练序列模型：已关闭。"),
    "intent_one_item": Said(
        "No sequence model was trained: the log is about one item.", "未训练序列模型：日志只涉及一个物品。"
    ),
    "search": Said("Search for settings", "参数搜索"),
    "search_lead": Said(
        "Of {n} combinations of settings, trial {number} leads those given (trial 0) on validation time by more than luck gives the best of so many, and was taken. Leads are at as many segments.",
        "在 {n} 组设置中，试验 {number} 在验证期领先所给设置（试验 0），且超过这么多次试验中凭运气所得，因此被采用。领先均在相同分群数下比较。",
    ),
    "search_kept": Said(
        "Of {n} combinations of settings, none leads those given (trial 0) on validation time by more than luck gives the best of so many: they stay. Leads are at as many segments.",
        "在 {n} 组设置中，没有一组在验证期领先所给设置（试验 0）的程度超过这么多次试验中凭运气所得：保留所给设置。领先均在相同分群数下比较。",
    ),
    "search_test": Said(
        "On test time, which the search never saw, its choice gains {gain} in {what}, interval {interval}",
        "在搜索从未见过的测试期，其选择在{what}上变化 {gain}，区间 {interval}",
    ),
    "search_confirmed": Said("The lead is confirmed.", "领先得到证实。"),
    "search_open": Said("The lead is not confirmed.", "领先未得到证实。"),
    "search_worse": Said(
        "The lead is refuted: with search.trials 0 the settings as given come back.",
        "领先被推翻：设 search.trials 为 0 即恢复所给设置。",
    ),
    "search_unjudged": Said(
        "Test time cannot say whether the search's choice is better.", "测试期无法判断搜索的选择是否更好。"
    ),
    "search_setting": Said("Setting", "设置"),
    "search_given": Said("Given", "所给"),
    "search_taken": Said("Taken", "采用"),
    "search_trial": Said("Trial", "试验"),
    "search_gain": Said("Lead", "领先"),
    "search_error": Said("Standard error", "标准误"),
    "sets": Said("What each set of blocks is worth", "各组块的价值"),
    "sets_lead": Said(
        "Twelve segments by k-means from each set, judged on validation time. Lists and value are different axes: a set may win one and lose the other. ✓ is the set that was taken.",
        "每组块以 k-means 分为十二群，在验证期评估。列表与价值是不同维度：一组块可能一项领先而另一项落后。✓ 为采用的一组。",
    ),
    "set": Said("Blocks", "块"),
    "metrics": Said("Headline figures", "主要指标"),
    "protocol": Said("Protocol", "协议"),
    "timings": Said("Time and memory", "耗时与内存"),
    "timings_lead": Said("{seconds} in all; peak memory {memory}.", "共 {seconds}，峰值内存 {memory}。"),
    "n_seconds": Said("{s} s", "{s} 秒"),
    "n_minutes": Said("{m} min {s} s", "{m} 分 {s} 秒"),
    "stage": Said("Stage", "阶段"),
    "of_published": Said("{what}, published segments", "{what}（发布的分群）"),
    "seconds": Said("Time", "耗时"),
    "memory": Said("Peak memory", "峰值内存"),
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
