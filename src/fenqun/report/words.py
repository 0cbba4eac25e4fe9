"""Texts of the report in English and Chinese, by key; a key without both cannot be written."""

from __future__ import annotations

from collections.abc import Iterable
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


NOTHING = Said("", "")


def joined(parts: list[Said]) -> Said:
    """Join an enumeration: ``a, b and c``, ``甲、乙和丙``."""
    if len(parts) < 2:
        return parts[0] if parts else same("")
    head, last = parts[:-1], parts[-1]
    return Said(f"{', '.join(p.en for p in head)} and {last.en}", f"{'、'.join(p.zh for p in head)}和{last.zh}")


def together(parts: Iterable[Said]) -> Said:
    """Return sentences one after another, apart in English."""
    found = list(parts)
    return Said(" ".join(part.en for part in found), "".join(part.zh for part in found))


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
