"""Words from which synthetic catalogues are made, in English and Chinese."""

from __future__ import annotations

VOCABULARY: dict[str, dict[str, tuple[str, ...]]] = {
    "en": {
        "Coffee and tea": ("espresso beans", "green tea leaves", "instant coffee", "oolong tea", "coffee filter"),
        "Outdoor sport": ("hiking boots", "camping tent", "trail backpack", "sleeping bag", "climbing rope"),
        "Baby care": ("newborn diapers", "baby lotion", "feeding bottle", "soft baby blanket", "infant rattle"),
        "Home cooking": ("cast iron skillet", "chef knife", "mixing bowl", "rice cooker", "wooden spoon"),
        "Electronics": ("wireless headphones", "phone charger", "mechanical keyboard", "smart watch", "webcam"),
        "Pets": ("dry dog food", "cat litter", "dog leash", "cat scratching post", "aquarium pump"),
        "Books": ("detective novel", "history of science", "cook book", "poetry collection", "travel guide"),
        "Beauty": ("face cream", "lipstick", "hair serum", "sunscreen", "nail polish"),
    },
    "zh": {
        "咖啡茶饮": ("意式咖啡豆", "绿茶茶叶", "速溶咖啡", "乌龙茶", "咖啡滤纸"),
        "户外运动": ("登山靴", "露营帐篷", "徒步背包", "睡袋", "攀岩绳"),
        "母婴用品": ("新生儿纸尿裤", "婴儿润肤乳", "奶瓶", "婴儿毛毯", "摇铃玩具"),
        "厨房烹饪": ("铸铁煎锅", "厨师刀", "搅拌碗", "电饭煲", "木铲"),
        "数码电子": ("无线耳机", "手机充电器", "机械键盘", "智能手表", "摄像头"),
        "宠物": ("狗粮", "猫砂", "牵引绳", "猫抓板", "鱼缸水泵"),
        "图书": ("侦探小说", "科学史", "菜谱", "诗集", "旅行指南"),
        "美妆": ("面霜", "口红", "护发精油", "防晒霜", "指甲油"),
    },
}
"""Categories and the things in them."""

BRANDS = {
    "en": ("Alder", "Bluefin", "Corvo", "Dunmore", "Elmwood", "Fairway"),
    "zh": ("山禾", "蓝鳍", "鸦青", "东莱", "榆林坊", "佳途"),
}
QUALITIES = {
    "en": ("classic", "premium", "everyday", "compact", "organic", "professional"),
    "zh": ("经典", "高级", "日常", "便携", "有机", "专业"),
}
FORMS = {
    "en": ("single", "pack of 2", "family size", "travel size"),
    "zh": ("单件", "两件装", "家庭装", "旅行装"),
}
CITIES = {"en": ("Harbour", "Hillside", "Midtown", "Lakeview"), "zh": ("北京", "上海", "成都", "广州")}
