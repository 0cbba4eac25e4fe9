"""Terms of the field that artifacts carry as codes, in English and Chinese."""

from __future__ import annotations

from fenqun.explanation.wording import capitalise, clean
from fenqun.report.said import Said, same

STRATEGIES = {
    "learned": Said("Learned", "学习向量"),
    "rfm": Said("RFM", "RFM"),
    "interest": Said("Interest", "兴趣"),
    "static": Said("Static", "静态属性"),
    "external": Said("External", "外部分群"),
    "popularity": Said("Popularity", "热门"),
    "random": Said("Random groups", "随机分组"),
}
CLUSTERERS = {
    "kmeans": Said("k-means", "k-means"),
    "minibatch_kmeans": Said("mini-batch k-means", "小批量 k-means"),
    "ward": Said("Ward", "Ward 层次聚类"),
    "dbscan": Said("DBSCAN", "DBSCAN"),
    "hdbscan": Said("HDBSCAN", "HDBSCAN"),
    "gaussian_mixture": Said("Gaussian mixture", "高斯混合"),
    "given": Said("as given", "按给定"),
}
RECOMMENDERS = {
    "popularity": Said("Popularity", "热门"),
    "segment_counts": Said("Segment counts", "分群计数"),
    "repeat": Said("Repeat purchase", "复购"),
    "item_knn": Said("Item neighbours", "物品近邻"),
    "taste": Said("Taste", "口味"),
    "als": Said("ALS", "ALS"),
    "intent": Said("Intent", "意图"),
    "blend": Said("Blend", "混合"),
    "chosen": Said("Chosen by segment", "按分群选定"),
}
AXES = {
    "lists": Said("Interest: what people take next", "兴趣：用户接下来选择什么"),
    "value": Said("Value: how much and how often", "价值：未来的多少与频率"),
    "shape": Said("Shape: how clear the groups are", "形状：群体是否清晰"),
    "stability": Said("Stability: whether they come again", "稳定性：是否会再次出现"),
    "labels": Said("Labels: what nobody learned from", "标签：从未用于学习的信息"),
}
METRICS = {
    "ndcg": Said("NDCG", "NDCG"),
    "recall": Said("Recall", "召回率"),
    "hit_rate": Said("Hit rate", "命中率"),
    "precision": Said("Precision", "精确率"),
    "mrr": Said("MRR", "MRR"),
    "novelty": Said("Novelty", "新颖度"),
    "miscalibration": Said("Miscalibration", "校准偏差"),
    "gini": Said("Gini of exposure", "曝光 Gini"),
    "coverage": Said("Coverage", "覆盖率"),
    "explained_value": Said("Future value explained", "未来价值解释度"),
    "explained_events": Said("Future activity explained", "未来活跃度解释度"),
    "explained_retained": Said("Retention explained", "留存解释度"),
    "silhouette": Said("Silhouette", "轮廓系数"),
    "calinski_harabasz": Said("Calinski–Harabasz", "Calinski–Harabasz"),
    "davies_bouldin": Said("Davies–Bouldin", "Davies–Bouldin"),
    "dunn": Said("Dunn index", "Dunn 指数"),
    "inertia": Said("Inertia", "惯性"),
    "bootstrap_ari": Said("Bootstrap ARI", "自助法 ARI"),
    "least_jaccard": Said("Least Jaccard", "最小 Jaccard"),
    "f1": Said("F1", "F1"),
    "nmi": Said("NMI", "NMI"),
    "ari": Said("ARI", "ARI"),
    "lift": Said("Lift", "提升"),
    "lift_se": Said("Standard error", "标准误"),
    "probe": Said("Probe of the future category", "对未来类别的探针"),
    "probe_se": Said("Standard error of the probe", "探针的标准误"),
    "value": Said("Future value explained", "未来价值解释度"),
    "value_se": Said("Its standard error", "其标准误"),
    "retention": Said("Retention explained", "留存解释度"),
    "retention_se": Said("Its standard error", "其标准误"),
    "target": Said("Probe of the target", "对目标的探针"),
    "target_se": Said("Its standard error", "其标准误"),
    "readability": Said("Readability", "可读性"),
    "readability_se": Said("Its standard error", "其标准误"),
    "agreement": Said("Agreement of the two fits", "两次拟合的一致性"),
    "noise": Said("Noise share", "噪声占比"),
    "noise_share": Said("Noise share", "噪声占比"),
    "smallest": Said("Smallest segment", "最小分群"),
    "macro_f1": Said("Macro-F1 from the segment", "由分群预测的宏 F1"),
    "macro_f1_chance": Said("Macro-F1 by chance", "随机的宏 F1"),
    "auc": Said("AUC from the segment", "由分群预测的 AUC"),
    "auc_chance": Said("AUC by chance", "随机的 AUC"),
    "cramers_v": Said("Cramér's V", "Cramér's V"),
    "total": Said("Predicted over seen", "预测与实际之比"),
    "r2": Said("R²", "R²"),
    "brier": Said("Brier score", "Brier 分数"),
    "ece": Said("Calibration error", "校准误差"),
    "cramers_v_chance": Said("Cramér's V by chance", "随机的 Cramér's V"),
    "activity_explained": Said("Activity explained", "活跃度解释度"),
    "new_seed_ari": Said("ARI with another seed", "更换随机种子后的 ARI"),
    "new_seed_ids": Said("Ids that survive another seed", "更换随机种子后延续的编号"),
    "prediction_strength": Said("Prediction strength", "预测强度"),
    "prediction_strength_null": Said("Prediction strength of the null", "零模型的预测强度"),
    "gain_over_lot": Said("Gain over groups drawn by lot", "相对随机分组的增益"),
    "activity_agreement": Said("ARI with activity deciles", "与活跃度十分位的 ARI"),
}
EXPLAINED = {
    "ndcg": Said("How well a segment's list ranks what its members took next", "分群列表对成员后续选择的排序质量"),
    "recall": Said("Share of what members took next that the list holds", "成员后续选择中列表所含的比例"),
    "hit_rate": Said("Share of members with at least one hit", "至少命中一项的成员比例"),
    "precision": Said("Share of the list that members took", "列表中被成员选择的比例"),
    "mrr": Said("One over the place of the first hit", "首个命中位置的倒数"),
    "coverage": Said("Share of items that any list shows", "所有列表展示到的物品比例"),
    "explained_value": Said("Variance of members' later value that segments explain", "分群解释的后续价值方差"),
    "explained_events": Said(
        "Variance of members' later activity that segments explain", "分群解释的后续活跃度方差"
    ),
    "explained_retained": Said("Variance of coming back that segments explain", "分群解释的留存方差"),
    "silhouette": Said(
        "Nearer to one's own segment than to the next; 1 is best", "与本群比与邻群更近的程度，最高为 1"
    ),
    "calinski_harabasz": Said("Spread between segments over spread within", "群间离散与群内离散之比"),
    "davies_bouldin": Said("Likeness of each segment to its most similar one", "每群与最相似群的相似度"),
    "dunn": Said("Smallest gap over widest segment", "最小群间距与最大群直径之比"),
    "inertia": Said("Squared distance to the centres", "到中心的平方距离"),
    "bootstrap_ari": Said("Agreement when users are drawn again", "重抽用户后的一致性"),
    "least_jaccard": Said("Stability of the least stable segment", "最不稳定分群的稳定性"),
    "f1": Said("Reading the label from the segment, on the other half", "由分群读出标签（在另一半用户上）"),
    "nmi": Said("Information that segment and label share", "分群与标签共享的信息"),
    "ari": Said("Agreement of segment and label", "分群与标签的一致性"),
}
LABEL_EXPLAINED = {
    "precision": Said("Correct among the users read as each class", "读为各类的用户中正确的比例"),
    "recall": Said("Correct among the users of each class", "各类用户中被正确读出的比例"),
}
TABLES = {
    "events": Said("events", "事件表"),
    "items": Said("items", "物品表"),
    "users": Said("users", "用户表"),
    "links": Said("links", "关系表"),
    "impressions": Said("impressions", "曝光表"),
}
ACTIONS = {
    "reject": Said("reject", "拒绝"),
    "repair": Said("repair", "修复"),
    "keep": Said("keep", "保留"),
    "drop": Said("drop", "丢弃"),
    "impute": Said("impute", "填补"),
}
RULES = {
    "malformed": Said("malformed record", "格式损坏的记录"),
    "missing_user_id": Said("missing user id", "缺少用户标识"),
    "missing_item_id": Said("missing item id", "缺少物品标识"),
    "unparsable_time": Said("unparsable time", "时间无法解析"),
    "implausible_time": Said("implausible time", "时间不合理"),
    "excluded_type": Said("excluded type of event", "已排除的事件类型"),
    "duplicate": Said("exact duplicate", "完全重复"),
    "absurd_value": Said("absurd value", "异常值"),
    "negative_value": Said("negative value", "负值"),
    "non_finite": Said("not a finite number", "非有限数"),
    "bot": Said("bot", "机器人"),
    "unknown_item": Said("item not in the catalogue", "目录中没有的物品"),
    "no_events": Said("user without events", "没有事件的用户"),
    "unknown_user": Said("unknown user", "未知用户"),
    "broken_text": Said("broken text encoding", "文本编码损坏"),
    "long_text": Said("very long text", "文本过长"),
    "duplicate_user": Said("duplicate user", "重复用户"),
    "duplicate_item": Said("duplicate item", "重复物品"),
    "duplicate_link": Said("duplicate link", "重复关系"),
    "self_link": Said("link to oneself", "指向自己的关系"),
    "min_events": Said("too few events", "事件过少"),
    "missing_value": Said("missing value", "缺少数值"),
    "missing_price": Said("missing price", "缺少价格"),
    "missing_attribute": Said("missing attribute", "缺少属性"),
    "odd_position": Said("position is no whole number", "位置不是整数"),
    "odd_outcome": Said("neither yes nor no", "既非是也非否"),
    "odd_propensity": Said("no probability", "不是概率"),
    "duplicate_impression": Said("exact duplicate", "完全重复"),
}
BLOCKS = {
    "taste": Said("Taste: what they take", "品味：选择什么"),
    "intent": Said("Intent: what comes next", "意图：接下来做什么"),
    "rhythm": Said("Rhythm: when and how much", "节奏：何时、多少"),
}
WORTH = {
    "lift": Said("Lift of lists", "列表提升"),
    "probe": Said("Future category told", "后续类别识别"),
    "future_value": Said("Future value explained", "后续价值解释度"),
    "future_events": Said("Future activity explained", "后续活跃解释度"),
}
GROUPINGS = {
    "tiers": Said("Tiers", "分层"),
    "rfm_kmeans": Said("RFM and k-means", "RFM + k-means"),
    "rfm_cuts": Said("RFM quintiles", "RFM 五分位"),
}
GOALS = {
    "recommend": Said("recommend", "推荐"),
    "value": Said("value", "价值"),
    "understand": Said("understand", "理解"),
    "target": Said("target", "目标"),
}
FORETOLD = {
    "value": Said("Value", "价值"),
    "events": Said("Activity", "活跃度"),
    "active": Said("Chance to be active", "活跃概率"),
}
STAGES = {
    "data": Said("Data", "数据"),
    "profiles": Said("Profiles and splits", "画像与划分"),
    "content": Said("Content", "内容"),
    "taste": Said("Taste", "品味"),
    "rhythm": Said("Rhythm", "节奏"),
    "intent": Said("Intent, tried", "意图（试训）"),
    "blocks": Said("Choice of blocks", "块的选择"),
    "intent_refit": Said("Intent, refitted", "意图（重训）"),
    "search": Said("Search of settings", "参数搜索"),
    "confirmation": Said("Search on test time", "参数搜索的测试期检验"),
    "vectors": Said("Vectors", "向量"),
    "map": Said("Map", "地图"),
    "segmentation": Said("Segmentation", "分群"),
    "hierarchy": Said("Levels", "层级"),
    "evaluation": Said("Evaluation", "评估"),
    "clicks": Said("Clicks", "点击"),
    "tiers": Said("Tiers", "分层"),
    "explanation": Said("Explanation", "解释"),
    "rules": Said("Rules", "规则"),
    "contexts": Said("Contexts", "情境"),
    "recommendation": Said("Recommendation", "推荐"),
    "playbooks": Said("Playbooks", "做法"),
    "report": Said("Report", "报告"),
}
SCENARIO = {
    "ecommerce": Said("e-commerce", "电商"),
    "social": Said("social", "社交与内容"),
    "education": Said("education", "教育"),
    "finance": Said("finance", "金融"),
}
UNITS = {
    "days": Said("days", "天"),
    "minutes": Said("min", "分钟"),
}
DAYS = tuple(
    Said(en, zh)
    for en, zh in zip(
        ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"),
        ("周一", "周二", "周三", "周四", "周五", "周六", "周日"),
        strict=True,
    )
)


def term(table: dict[str, Said], code: str) -> Said:
    """Return the term of a code; a code that is not known reads as itself, without underscores.

    >>> term(STRATEGIES, "rfm").en, term(STRATEGIES, "new_one").en
    ('RFM', 'new one')
    """
    return table.get(code) or same(code.replace("_", " "))


def metric_parts(name: str) -> tuple[str, str]:
    """Split the name of a metric into its label, empty for most, and its code; an axis in front goes.

    >>> metric_parts("labels.income.f1"), metric_parts("lists.ndcg")
    (('income', 'f1'), ('', 'ndcg'))
    """
    axis, _, rest = name.partition(".")
    known = rest if axis in (*AXES, "published", "fairness", "tiers") and rest else name
    if known in METRICS:
        return "", known
    label, _, metric = known.rpartition(".")
    return (label, metric) if metric in METRICS else ("", known)


def metric_term(name: str) -> Said:
    """Return the term of a metric, without its axis; the label that it judges by comes first.

    >>> metric_term("income.f1").en, metric_term("lists.ndcg").en
    ('Income · F1', 'NDCG')
    """
    label, metric = metric_parts(name)
    said = term(METRICS, metric)
    if not label:
        return said
    spoken = FORETOLD.get(label) or GROUPINGS.get(label) or same(column_term(label))
    return Said(f"{spoken.en} · {said.en}", f"{spoken.zh} · {said.zh}")


def column_term(name: str) -> str:
    """Return the name of a column of the data as people read it.

    >>> column_term("home_ownership")
    'Home ownership'
    """
    text = clean(name.removeprefix("attr_"), 60).replace("_", " ").strip()
    return capitalise(text.lower() if text.isupper() and len(text) > 4 else text)


def metric_meaning(name: str, axis: str) -> Said:
    """Return one line on what a metric says, empty where there is none."""
    metric = metric_parts(name)[1]
    if axis == "labels" and metric in LABEL_EXPLAINED:
        return LABEL_EXPLAINED[metric]
    return EXPLAINED.get(metric, same(""))
