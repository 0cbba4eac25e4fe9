"""Texts of the segments: cards, names, fairness, levels, rules, contexts, what moved, tiers."""

from __future__ import annotations

from fenqun.report.said import Said

SEGMENTS: dict[str, Said] = {
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
    "ratio": Said("Ratio", "比值"),
    "top_items": Said("Over-represented items", "偏好物品"),
    "lift_users": Said("{lift}×, {n} users", "{lift} 倍，{n} 人"),
    "recommended": Said("Recommended", "推荐"),
    "alike": Said("{n} items", "{n} 件"),
    "distinct": Said("And in few other lists", "少见于其他列表"),
    "further": Said("Medians, typical users, stability", "中位数、典型用户、稳定性"),
    "reading": Said("How to read a card", "如何阅读卡片"),
    "reading_drivers": Said("More, less than everyone", "高于、低于全体"),
    "reading_drivers_why": Said(
        "Categories: share of events; attributes: share of users among those known; other traits: median. × is the ratio, the bar the size of the effect. Shown is what passes a false discovery rate of 5%. These tests run on the users that formed the segments: q-values describe, they do not prove.",
        "类别：事件占比；属性：已知用户中的占比；其他特征：中位数。× 为比值，条形为效应大小。仅显示通过 5% 错误发现率的特征。检验所用的正是形成分群的用户：q 值用于描述，不构成证明。",
    ),
    "reading_items_why": Said(
        "What members take more than everyone, corrected for popularity: the ratio of shares and the members who took it.",
        "成员比全体更常选择的物品，已校正热门程度：占比之比，以及选择它的成员数。",
    ),
    "reading_recommended_why": Said(
        "Recent choices of the segment, smoothed towards everyone's; so the most popular items stand in many lists. Items that read the same are one line.",
        "分群的近期选择，并向全体平滑；因此最热门的物品会出现在许多列表中。文字相同的物品合并为一行。",
    ),
    "reading_stability_why": Said(
        "How well the segment comes again when users are drawn anew (bootstrap Jaccard): stable from 0.75, fairly stable from 0.5, below that it tends to dissolve.",
        "重新抽样用户后该分群的重现程度（自助法 Jaccard）：0.75 以上为稳定，0.5 以上为较稳定，更低则容易瓦解。",
    ),
    "reading_confidence_why": Said(
        "How much nearer a member is to this segment than to the next, from 0 (between the two) to 1; the median over members.",
        "成员与本群相比邻群近多少，0 表示介于两者之间，最高为 1；取成员的中位数。",
    ),
    "stability": Said("Stability", "稳定性"),
    "stable": Said("stable", "稳定"),
    "fairly_stable": Said("fairly stable", "较稳定"),
    "loose": Said("loose", "松散"),
    "medians": Said("Medians", "中位数"),
    "median_here": Said("here", "本群"),
    "median_all": Said("everyone", "全体"),
    "trait": Said("Trait", "特征"),
    "hours": Said("Hours", "时段"),
    "weekdays": Said("Weekdays", "星期"),
    "hours_axis": Said("0–23 h, local time", "0–23 时（当地）"),
    "weekdays_axis": Said("Mon–Sun", "一至日"),
    "ghost": Said("line: everyone", "线：全体"),
    "peak": Said("Peak at {hour}:00 and on {day}", "高峰在 {hour}:00 与{day}"),
    "peak_day": Said("Peak on {day}", "高峰在{day}"),
    "typical": Said("Typical users", "典型用户"),
    "confidence": Said("Confidence", "置信度"),
    "kind_natural": Said("natural", "天然"),
    "kind_reproducible": Said("reproducible", "可重现"),
    "kind_constructive": Said("constructive", "构造性"),
    "kind_natural_why": Said(
        "The same again on new samples, and halves of the users foretell each other's groups beyond their null.",
        "换样本仍会出现，且用户的两半能互相预测对方的分组，并超过零模型。",
    ),
    "kind_reproducible_why": Said(
        "The same again on new samples, without gaps between segments.", "换样本仍会出现，但分群之间没有间隙。"
    ),
    "kind_constructive_why": Said("A useful cut of a continuum.", "对连续体的一种有用切分。"),
    # names
    "named_because": Said("Not by the language model: {why}.", "未采用语言模型的名称：{why}。"),
    "named_instead": Said("By rules it would be: {name}", "按规则应为：{name}"),
    "description_left_out": Said(
        "Its description said more than its evidence and was left out.", "其描述超出了依据，已省略。"
    ),
    "claims": Said("What the language model claimed", "语言模型的说法"),
    "claim_more": Said("more {what}", "{what}更多"),
    "claim_less": Said("less {what}", "{what}更少"),
    "claim_times": Said("{claim}, {times} times", "{claim}（{times} 倍）"),
    "claim_figures": Said(
        "later {here} here, {everyone} for everyone, n = {n}", "此后本群 {here}，全体 {everyone}，n = {n}"
    ),
    "warn_name": Said(
        "The name of {segment}, “{name}”, touches on {about}: consider fenqun rename.",
        "{segment} 的名称“{name}”涉及{about}：建议使用 fenqun rename 改名。",
    ),
    # fairness
    "fairness": Said("Fairness", "公平性"),
    "fairness_lead": Said(
        "How well a person's segment alone gives away what was declared sensitive. Above chance, treating segments differently also treats these groups differently.",
        "仅凭所在分群能在多大程度上推断出声明为敏感的属性。若高于随机，区别对待分群也就是区别对待这些群体。",
    ),
    "fairness_how": Said(
        "Half of the users are predicted by what segments say in the other half. Chance: 95% of the values with the attribute shuffled. “Stand in”: above chance, with an AUC of at least 0.7 or a Cramér's V of at least 0.3.",
        "以一半用户的分群情况预测另一半用户。随机：打乱属性后 95% 的取值范围。“几乎等同”：高于随机，且 AUC 不低于 0.7 或 Cramér's V 不低于 0.3。",
    ),
    "sensitive_attribute": Said("Sensitive attribute", "敏感属性"),
    "chance": Said("chance", "随机"),
    "base_rate": Said("Largest level · its F1", "最大类占比 · 其 F1"),
    "warn_fairness": Said(
        "Segments stand in for {what}: AUC {auc}, Cramér's V {v}. What is done by segment is done by {what}.",
        "分群几乎等同于{what}：AUC {auc}，Cramér's V {v}。按分群行事即按{what}行事。",
    ),
    # levels
    "levels": Said("From coarse to fine", "由粗到细"),
    "levels_lead": Said(
        "Macro-segments join segments, micro-segments divide one. A macro-segment is compared with everyone and named by what its segments share; a micro-segment is compared with the rest of its segment.",
        "宏分群合并若干分群，微分群划分一个分群。宏分群与全体比较，并以其各分群的共同点命名；微分群与所属分群的其余成员比较。",
    ),
    "levels_apart": Said("What sets it apart", "有何不同"),
    "levels_compared": Said("Level above", "上一层"),
    "levels_more": Said("More", "更多"),
    "levels_less": Said("Less", "更少"),
    "macro_knee": Said(
        "Macro-segments: {n}. On validation time, more of them gain less by each further one than the segments do on average.",
        "宏分群共 {n} 个：在验证时间上，再增加时每多一个带来的增益已低于分群的平均水平。",
    ),
    "macro_no_gain": Said(
        "No macro-segments: on validation time they do no better than groups drawn by lot.",
        "没有宏分群：在验证时间上，它们并不优于随机抽取的分组。",
    ),
    "macro_unjudged": Said(
        "No macro-segments: the log cannot say how many are worth it.", "没有宏分群：日志无法说明应有多少个。"
    ),
    "macro_few_segments": Said(
        "No macro-segments: fewer than six segments are a short list already.",
        "没有宏分群：少于六个分群，列表本身已够短。",
    ),
    "macro_switched_off": Said("Macro-segments are switched off.", "未启用宏分群。"),
    "macro_judged": Said(
        "On test time they are better than groups drawn by lot by {gain} [{low}, {high}] in the goal's figure (n = {n}).",
        "在测试时间上，按目标指标比随机分组好 {gain} [{low}, {high}]（n = {n}）。",
    ),
    "micro_pays": Said(
        "Micro-segments: {n} of {k} segments that are large enough are divided, where on validation time the parts are clearly better than the whole and than parts drawn by lot.",
        "微分群：{k} 个足够大的分群中有 {n} 个被划分，即在验证时间上各部分明显优于整体、也优于随机划分者。",
    ),
    "micro_no_gain": Said(
        "No micro-segments: in none of the {k} large segments are parts clearly better than the whole.",
        "没有微分群：{k} 个较大分群中，没有一个的各部分明显优于整体。",
    ),
    "micro_small": Said(
        "No micro-segments: no segment is large enough to be divided.", "没有微分群：没有足够大的分群可供划分。"
    ),
    "micro_switched_off": Said("Micro-segments are switched off.", "未启用微分群。"),
    "micro_judged": Said(
        "On test time the parts are better than their segments as wholes by {gain} [{low}, {high}] (n = {n}).",
        "在测试时间上，各部分比所属分群整体好 {gain} [{low}, {high}]（n = {n}）。",
    ),
    # in rules
    "rules": Said("In rules", "用规则说"),
    "rules_lead": Said(
        "Short rules on readable features tell the segment of {rate} of users (95% interval {low} to {high}; every segment counts alike). Many trees on the same features tell {most}, always naming the largest segment {chance}.",
        "用可读特征的短规则可以说对 {rate} 用户的分群（95% 区间 {low} 至 {high}，各分群权重相同）。在同样特征上用许多棵树可达 {most}，总说最大分群为 {chance}。",
    ),
    "rules_how": Said(
        "A decision tree of at most {depth} conditions, learned on {learned} users and judged on {n} others; of all these it tells {accuracy}, the largest segment {majority}. Importance: the fall of that rate for the many trees when a feature is shuffled among the others. Features that say the same share theirs.",
        "决策树最多 {depth} 个条件，在 {learned} 名用户上学习，在另外 {n} 名用户上评估；不加权时说对 {accuracy}，总说最大分群为 {majority}。重要性：在评估用户间打乱一个特征后，许多棵树的上述比例下降多少。含义相近的特征会分摊重要性。",
    ),
    "rules_feature": Said("What tells segments apart", "区分分群的特征"),
    "rules_fall": Said("Fall when shuffled", "打乱后的下降"),
    "rule_finds": Said(
        "{precision} of those it finds belong here, and it finds {recall} of the segment; judged on {n} users it holds for",
        "符合者中 {precision} 属于本群，覆盖本群的 {recall}；以符合的 {n} 名未参与学习的用户评估",
    ),
    "rule_none": Said("No short rule says who is here.", "没有简短的规则能说明谁在本群。"),
    # in contexts
    "contexts": Said("In different contexts", "不同情境"),
    "contexts_lead": Said(
        "Some people take one thing here and another there. Each user's visits in one context are held against their visits in the others; a difference counts where shuffling the user's own visits seldom gives one as large.",
        "有些人在不同情境下选择不同。把每名用户在一种情境中的访问与其他情境中的访问相比；只有当打乱该用户自己的访问很少得到同样大的差异时，才算不同。",
    ),
    "context": Said("Context", "情境"),
    "contexts_users": Said("Users with enough events", "事件足够的用户"),
    "contexts_tested": Said("Tested", "可检验"),
    "contexts_differ": Said("Behave differently", "行为不同"),
    "contexts_share": Said("Of the tested", "占可检验者"),
    "contexts_none": Said(
        "No segment holds a user of whom a difference is established.", "没有分群含有已证实行为不同的用户。"
    ),
    "contexts_how": Said(
        "{draws} shuffles; of the users said to differ, {rate} are expected to be wrong (Benjamini–Hochberg). A context counts from {events} events, and is tested from {visits} visits. Users with few visits are seldom found: shares are lower bounds. Categories and segments are told from {least} users who differ on.",
        "打乱 {draws} 次；判为不同的用户中预期有 {rate} 是误判（Benjamini–Hochberg）。一种情境至少需要 {events} 次事件，至少 {visits} 次访问才检验。访问少的用户难以发现，因此比例是下限。至少 {least} 名用户不同时才说明类别与分群。",
    ),
    # what moved
    "moved": Said("What moved", "变动"),
    "moved_lead": Said(
        "Since {run}: {kept} of {k} segments live on under their id, and {share} of the {n} users whom both runs know are in another segment (ARI {ari}).",
        "自 {run} 以来：{k} 个分群中有 {kept} 个以原编号延续；两次运行共有的 {n} 名用户中，{share} 换了分群（ARI {ari}）。",
    ),
    "moved_births": Said("New: {ids}.", "新出现：{ids}。"),
    "moved_deaths": Said("Gone: {ids}. Their ids are not used again.", "已消失：{ids}。其编号不再使用。"),
    "moved_split": Said("{id} split into {parts}.", "{id} 分裂为{parts}。"),
    "moved_merge": Said("{id} was put together from {parts}.", "{id} 由{parts}合并而成。"),
    "moved_new": Said("Newcomers", "新用户"),
    "moved_gone": Said("gone", "已消失"),
    "moved_left": Said("left the log", "已离开日志"),
    "blocks_before": Said("As before: {blocks}", "沿用此前：{blocks}"),
    "blocks_earlier_kept": Said(
        "stays, as the other choice is not clearly better ({gain}, standard error {error})",
        "保留，因另一选择并无明显优势（{gain}，标准误 {error}）",
    ),
    "blocks_earlier_left": Said(
        "given up, as the other choice is clearly better ({gain}, standard error {error})",
        "放弃，因另一选择明显更好（{gain}，标准误 {error}）",
    ),
    "moved_from": Said("From (down), to (across)", "由（行）至（列）"),
    "moved_matrix": Said(
        "Users, and below them their share of the row. Darker: a larger share.",
        "上为用户数，下为占该行的比例。颜色越深，比例越大。",
    ),
    # tiers
    "tiers": Said("Tiers: how much to expect", "分层：预期多少"),
    "tiers_lead": Said(
        "Every user by the {what} expected of the next {days} days, learned from what followed earlier moments. "
        "Segments say what people like, tiers how much is to come.",
        "按未来 {days} 天的预期{what}划分用户，由更早时点之后发生的情况学得。分群说明喜好，分层说明预期多少。",
    ),
    "tiers_lead_column": Said(
        "Every user by the {what} expected of them. Segments say what people like, tiers where more is to come.",
        "按预期{what}划分用户。分群说明喜好，分层说明预期高低。",
    ),
    "tier": Said("Tier", "层级"),
    "tier_users": Said("Users", "用户数"),
    "tier_share": Said("Share", "占比"),
    "tier_expected": Said("Expected", "预期"),
    "tier_judged": Said("Held-out: expected", "留出期：预期"),
    "tier_seen": Said("Held-out: seen", "留出期：实际"),
    "tier_potential_why": Said(
        "{name} (TP): by the forecast above the lowest tier, by what they bring now no better than it.",
        "{name}（TP）：按预测高于最低层，按当前贡献则不高于最低层。",
    ),
    "tier_held_out": Said(
        "Held-out: tiers cut before the test time, and what their {n} users did in the {days} days after it.",
        "留出期：分层在测试期之前划定，并统计其 {n} 名用户在此后 {days} 天内的表现。",
    ),
    "tier_unjudged": Said(
        "Not judged: too little time lies before the held-out events to learn a forecast.",
        "未评估：留出期之前的时间不足以学习预测。",
    ),
    "tier_contest": Said("Tiers against RFM", "分层与 RFM 对比"),
    "tier_contest_why": Said(
        "Variance of what users did in the held-out time that {k} groups of each kind explain.",
        "各方法分为 {k} 组时，对用户留出期表现的方差解释度。",
    ),
    "tier_grouping": Said("Groups by", "划分方法"),
    "tier_lead_over": Said("Lead of tiers", "分层领先"),
    "tier_reliability": Said("{what}: expected and seen", "{what}：预期与实际"),
    "tier_reliability_why": Said(
        "Tenths of the users by what was expected of them. On the line, predictions mean what they say.",
        "按预期将用户分为十组。落在线上即预测与实际相符。",
    ),
    "tier_total": Said("In all, expected is {total} of what was seen.", "总体上，预期为实际的 {total}。"),
    "tier_brier": Said("Brier score {brier}, calibration error {ece}.", "Brier 分数 {brier}，校准误差 {ece}。"),
    "tier_grid": Said("Segments and tiers", "分群与分层"),
    "tier_grid_why": Said(
        "Share of all users, and below it share of all that is expected ({what}). Darker: more users.",
        "上为占全体用户的比例，下为占全部预期（{what}）的比例。颜色越深，用户越多。",
    ),
    "tier_grid_chance": Said("Share of all users. Darker: more users.", "占全体用户的比例。颜色越深，用户越多。"),
    "tier_all": Said("All", "合计"),
    "of_tiers": Said("{what}, tiers", "{what}（分层）"),
    "foretold_events": Said("number of events", "事件数"),
    "foretold_active": Said("chance of any activity", "活跃概率"),
    "no_tiers": Said("There are no tiers: {why}.", "没有分层：{why}。"),
    "no_tiers_per_user": Said(
        "each user's own last events are held out, so that no moment divides past and future for all",
        "以每名用户各自最后的事件留出，没有划分过去与未来的统一时点",
    ),
    "no_tiers_no_forecasts": Said(
        "nothing is forecast, as the log is too short or forecasts are switched off",
        "日志过短或已关闭预测，因此没有预测",
    ),
    "no_tiers_not_forecast": Said("what tiers.of names is not forecast", "tiers.of 所指定的量没有预测"),
}
