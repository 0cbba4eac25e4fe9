"""Texts of the plays: what to do for whom, why, by which rules, and how to tell whether it worked."""

from __future__ import annotations

from fenqun.report.said import Said

PLAYS: dict[str, Said] = {
    "plays": Said("What to do", "怎么做"),
    "reading_plays_why": Said(
        "Entries of the playbook whose conditions the measured figures meet, the figures beside them. They propose; whether they work is what the group left alone will tell.",
        "做法手册中条件与所测数字相符的条目，并列出依据。它们只是建议；是否有效，由不予触达的对照组来回答。",
    ),
    "plays_none": Said("No difference worth acting on was measured.", "没有测得值得采取行动的差异。"),
    "plays_few": Said(
        "Fewer than {n} users: too few to treat and to measure alone.", "少于 {n} 名用户：不足以单独施策与衡量。"
    ),
    "plays_whole_tier": Said("See the whole tier.", "参见整层。"),
    "plays_by_tier": Said("What to do, by tier", "按层级怎么做"),
    "plays_by_tier_why": Said(
        "For each tier over all segments. The numbers in the table above lead to what holds for a tier within a segment.",
        "适用于跨所有分群的各层级。点击上表中的数字，可查看分群内各层级的做法。",
    ),
    "plays_in_tier": Said("{name}: {n} users", "{name}：{n} 人"),
    "play_why": Said("Why", "依据"),
    "play_rules": Said("Rules", "守则"),
    "play_guard": Said("Only", "前提"),
    "play_measure": Said("Measure", "衡量"),
    "play_explore": Said("Explore", "探索"),
    "play_explore_share": Said(
        "{share} of the list or feed for what they do not take yet", "列表或信息流的 {share} 留给尚未接触的内容"
    ),
    "play_near": Said("Nearly", "接近成立"),
    "play_near_one": Said("{title}: {figure}; {lack}", "{title}：{figure}；{lack}"),
    "play_short": Said("short by {gap}", "差 {gap}"),
    "play_not_established": Said("not established (q = {q})", "未达显著（q = {q}）"),
    "play_consent": Said("with consent", "须经同意"),
    "play_cap": Said("at most {n} contacts in {days} days", "{days} 天内至多联系 {n} 次"),
    "play_measured": Said(
        "{what} ({better} is better) after {days} days, against {share} drawn by lot and left alone: {n} users.",
        "{days} 天后的{what}（{better}更好），与随机抽取、不予触达的 {share}（{n} 人）对照。",
    ),
    "play_higher": Said("higher", "越高"),
    "play_lower": Said("lower", "越低"),
    "play_least_rate": Said(
        "Four of five such tests find a difference of {least} points or more.",
        "五次此类试验中有四次能发现 {least} 个百分点以上的差异。",
    ),
    "play_least_mean": Said(
        "Four of five such tests find a difference of {least} standard deviations or more.",
        "五次此类试验中有四次能发现 {least} 个标准差以上的差异。",
    ),
    "play_no_test": Said("Too few users for a test to tell.", "用户过少，试验无法判断。"),
    "figure_effect": Said(
        "{what}: {here} here, {everyone} {others} (effect {value}, {asked})",
        "{what}：本群 {here}，{others} {everyone}（效应 {value}，{asked}）",
    ),
    "figure_effect_alone": Said("{what}: effect {value} ({asked})", "{what}：效应 {value}（{asked}）"),
    "figure_median": Said("{what}: {here} ({asked})", "{what}：{here}（{asked}）"),
    "figure_times": Said(
        "{what}: {here} here, {everyone} {others} ({value}×, {asked})",
        "{what}：本群 {here}，{others} {everyone}（{value} 倍，{asked}）",
    ),
    "figure_share": Said("{what}: {here} ({asked})", "{what}：{here}（{asked}）"),
    "figure_unknown": Said("{what}: not measured", "{what}：未测得"),
    "figure_everyone": Said("for everyone", "全体"),
    "figure_tier_users": Said("for the whole tier", "本层全体"),
    "figure_tier": Said("tier {name}", "层级：{name}"),
    "figure_tier_share": Said("Tier: {role}", "层级：{role}"),
    "figure_expected": Said("Expected of each", "人均预期"),
    "figure_users": Said("Users", "用户数"),
    "figure_of_all": Said("Share of all users", "占全体用户"),
    "asked_at_least": Said("at least {low}", "至少 {low}"),
    "asked_at_most": Said("at most {high}", "至多 {high}"),
    "asked_between": Said("{low} to {high}", "{low} 至 {high}"),
    "categories_unknown": Said("what they take most", "其最常选择的内容"),
}

KINDS = {
    "show": Said("show", "展示"),
    "message": Said("write", "发消息"),
    "offer": Said("offer", "优惠"),
    "content": Said("tell", "内容"),
    "service": Said("serve", "服务"),
    "invite": Said("invite", "邀请"),
    "ask": Said("ask", "询问"),
    "teach": Said("teach", "教学"),
}
CHANNELS = {
    "site": Said("site", "网站"),
    "app": Said("app", "应用"),
    "feed": Said("feed", "信息流"),
    "course": Said("course", "课程"),
    "staff": Said("staff", "人员"),
    "email": Said("e-mail", "邮件"),
    "push": Said("push", "推送"),
    "sms": Said("text message", "短信"),
    "call": Said("call", "电话"),
    "letter": Said("letter", "信件"),
}
ROLES = {
    "high": Said("highest", "最高"),
    "middle": Said("middle", "中间"),
    "low": Said("lowest", "最低"),
    "potential": Said("potential", "潜力"),
}
