"""Words from which headlines of a simulated feed are made, in English and Chinese."""

from __future__ import annotations

SUBJECTS: dict[str, dict[str, tuple[str, ...]]] = {
    "en": {
        "News": ("City council", "The transport minister", "A coastal town", "The water board", "Regional court"),
        "Entertainment": (
            "The lead singer",
            "A film festival",
            "The comedy duo",
            "A streaming series",
            "The stage cast",
        ),
        "Sports": (
            "The home team",
            "A young striker",
            "The relay squad",
            "The national coach",
            "The marathon leader",
        ),
        "Technology": (
            "A phone maker",
            "The open-source group",
            "A chip designer",
            "The robot lab",
            "A satellite firm",
        ),
        "Games": (
            "The strategy game",
            "An indie studio",
            "The racing title",
            "A puzzle classic",
            "The online arena",
        ),
        "Food": ("The corner bakery", "A noodle chef", "The spice market", "A family recipe", "The tea house"),
    },
    "zh": {
        "新闻": ("市议会", "交通部门", "沿海小城", "水务局", "地方法院"),
        "娱乐": ("乐队主唱", "电影节", "喜剧搭档", "热播剧", "话剧剧组"),
        "体育": ("主队", "年轻前锋", "接力队", "国家队教练", "马拉松选手"),
        "科技": ("手机厂商", "开源社区", "芯片公司", "机器人实验室", "卫星企业"),
        "游戏": ("策略游戏", "独立工作室", "赛车游戏", "经典解谜", "网络竞技场"),
        "美食": ("街角面包店", "面馆师傅", "香料市场", "家传菜谱", "茶楼"),
    },
}
"""Topics, the most frequent interest first, and who their headlines are about."""

PREDICATES: dict[str, dict[str, tuple[str, ...]]] = {
    "en": {
        "News": (
            "approves the new budget",
            "answers questions on the flood",
            "opens an inquiry",
            "votes on the bridge",
        ),
        "Entertainment": (
            "announces a second season",
            "shares backstage pictures",
            "wins the audience prize",
            "plans a tour",
        ),
        "Sports": ("wins in extra time", "returns after injury", "sets a season record", "reaches the final"),
        "Technology": (
            "presents a lighter model",
            "releases version two",
            "fixes a battery fault",
            "tests a new sensor",
        ),
        "Games": ("adds a co-op mode", "gets its largest update", "opens the beta", "holds a weekend tournament"),
        "Food": (
            "shows how to fold dumplings",
            "lists ten quick soups",
            "opens a night stall",
            "brings back a classic",
        ),
    },
    "zh": {
        "新闻": ("通过新预算", "回应汛情提问", "启动调查", "表决大桥方案"),
        "娱乐": ("宣布拍摄第二季", "晒出幕后照片", "获观众奖", "公布巡演计划"),
        "体育": ("加时赛取胜", "伤愈复出", "刷新赛季纪录", "闯进决赛"),
        "科技": ("推出更轻机型", "发布第二版", "修复电池问题", "测试新传感器"),
        "游戏": ("新增双人合作", "迎来最大更新", "开启公测", "举办周末赛"),
        "美食": ("教你包饺子", "推荐十款快手汤", "开出夜市摊位", "重现经典味道"),
    },
}
"""What the headlines of a topic say."""

PLACES = {
    "en": ("in the north", "this week", "after a long wait", "for the first time", "in a packed hall", "at dawn"),
    "zh": ("在北部", "本周", "久等之后", "首次", "在满座的大厅里", "清晨时分"),
}
EDITIONS = {"en": "part {}", "zh": "第{}期"}

LIVES: dict[str, float] = {
    "News": 2.0,
    "新闻": 2.0,
    "Sports": 5.0,
    "体育": 5.0,
    "Entertainment": 21.0,
    "娱乐": 21.0,
}
"""Days after which the attention for an item of the topic has fallen to 1/e."""
LONG_LIFE = 90.0
"""The same for all other topics."""

THUCNEWS = {
    "society": "新闻",
    "politics": "新闻",
    "entertainment": "娱乐",
    "sports": "体育",
    "game": "游戏",
    "science": "科技",
    "stocks": "股票",
    "finance": "财经",
    "realty": "房产",
    "education": "教育",
}
"""Classes of the THUCNews titles, as topics of a Chinese feed."""
