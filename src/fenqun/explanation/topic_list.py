"""Topics said in both languages, and how the catalogue's own labels are matched to them.

A label that is in the list is matched as it stands; any other to the entry nearest in the multilingual text
space, if that is near enough and no other label of the catalogue is nearer to it. What is not matched stays
in the catalogue's language.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

SAME_TOPIC = 0.85
"""Cosine from which a label and an entry are one topic.

Measured on the 303 labels of complete_journey with the embedded encoder: all matches above are right, the
first wrong one (*Salad Dressing* for *Salad*) has .83.
"""


@dataclass(frozen=True)
class Topic:
    """A topic in both languages."""

    en: str
    zh: str


_LISTS = {
    "goods": """
Bakery=烘焙|Bread=面包|Cakes=蛋糕|Cookies=饼干|Crackers=薄脆饼干|Breakfast cereal=早餐麦片|Cereal=麦片|Pasta=意面|Rice=米
Flour=面粉|Sugar=糖|Spices=调味香料|Sauces=酱料|Condiments=调味品|Oil=食用油|Canned food=罐头|Soup=汤品|Noodles=面条
Fruit=水果|Fruit & vegetables=果蔬|Organic fruit & vegetables=有机果蔬|Vegetables=蔬菜|Salad=沙拉|Salad dressing=沙拉酱|Potatoes=土豆|Onions=洋葱|Tomatoes=番茄|Berries=浆果|Citrus=柑橘|Tropical fruit=热带水果
Stone fruit=核果|Apples=苹果|Bananas=香蕉|Grapes=葡萄|Organic food=有机食品|Produce=果蔬|Grocery=食品杂货|Deli=熟食
Meat=肉类|Beef=牛肉|Pork=猪肉|Chicken=鸡肉|Turkey=火鸡|Lamb=羊肉|Bacon=培根|Sausage=香肠|Lunch meat=午餐肉|Ham=火腿
Smoked meats=烟熏肉|Seafood=海鲜|Fish=鱼|Frozen seafood=冷冻海鲜|Eggs=鸡蛋|Milk=牛奶|Cheese=奶酪|Cheeses=奶酪|Yogurt=酸奶|Butter=黄油
Cream=奶油|Ice cream=冰淇淋|Frozen food=冷冻食品|Frozen meals=冷冻餐|Frozen pizza=冷冻披萨|Pizza=披萨|Frozen vegetables=冷冻蔬菜
Prepared food=即食食品|Convenience food=方便食品|Snacks=零食|Chips=薯片|Nuts=坚果|Popcorn=爆米花|Candy=糖果|Checkout candy=收银台糖果|Chocolate=巧克力
Desserts=甜品|Soft drinks=软饮料|Juice=果汁|Water=饮用水|Tea=茶|Coffee=咖啡|Sports drinks=运动饮料|Energy drinks=能量饮料
Drinks=饮料|Drink mixes=冲饮|Powdered drink mix=冲饮粉|Beer=啤酒|Wine=葡萄酒|Spirits=烈酒|Liquor=酒类|Tobacco=烟草|Cigarettes=香烟
Baby food=婴儿食品|Baby foods=婴儿食品|Infant formula=婴儿奶粉|Diapers=纸尿裤|Baby care=母婴用品|Mother and baby=母婴
Pet food=宠物食品|Dog food=狗粮|Cat food=猫粮|Pet supplies=宠物用品|Cosmetics=化妆品|Make-up=彩妆|Skin care=护肤|Hair care=护发
Shampoo=洗发水|Soap=香皂|Oral care=口腔护理|Personal care=个人护理|Drug store=药妆|Vitamins=维生素|Medicine=药品|Cold remedies=感冒用药
Laundry=洗衣用品|Detergent=洗涤剂|Cleaning=清洁用品|Paper towels=纸巾|Toilet paper=卫生纸|Household goods=家居用品|Home=家居
Kitchenware=厨房用品|Furniture=家具|Appliances=家电|Tools=工具|Garden=园艺|Flowers=鲜花|Floral=鲜花|Greeting cards=贺卡|Toys=玩具
Stationery=文具|School supplies=学习用品|Books=图书|Magazines=杂志|Newspapers=报纸|Clothing=服装|Women's clothing=女装|Men's clothing=男装
Children's clothing=童装|Shoes=鞋|Bags=箱包|Jewellery=珠宝|Watches=手表|Accessories=配饰|Mobile phones=手机|Computers=电脑|Laptops=笔记本电脑
Electronics=电子产品|Cameras=相机|Audio equipment=音响设备|Video games=电子游戏|Sports equipment=运动用品|Outdoor=户外|Bicycles=自行车
Cars=汽车|Car accessories=汽车用品|Fuel=燃油|Gifts=礼品|Luggage=行李箱|Music CDs=唱片
""",
    "films": """
Action=动作|Adventure=冒险|Animation=动画|Children's=儿童|Comedy=喜剧|Crime=犯罪|Documentary=纪录片|Drama=剧情|Fantasy=奇幻
Film-Noir=黑色电影|Horror=恐怖|Musical=歌舞|Mystery=悬疑|Romance=爱情|Sci-Fi=科幻|Science fiction=科幻|Thriller=惊悚|War=战争|Western=西部
Biography=传记|Family=家庭|History=历史|Sport=体育|Reality show=真人秀|Variety show=综艺|Talk show=脱口秀|Cartoon=卡通|Short video=短视频
""",
    "music": """
Rock=摇滚|Pop=流行|Jazz=爵士|Blues=蓝调|Classical=古典|Classical music=古典音乐|Hip hop=嘻哈|Rap=说唱|Electronic=电子|Electronic music=电子音乐
Dance=舞曲|Metal=金属|Heavy metal=重金属|Punk=朋克|Folk=民谣|Country=乡村|Reggae=雷鬼|Soul=灵魂乐|R&B=节奏布鲁斯|Indie=独立音乐|Ambient=氛围音乐
Alternative rock=另类摇滚|Singer-songwriter=创作歌手|Soundtrack=原声
""",
    "news": """
News=新闻|Politics=时政|Economy=经济|Business=商业|Finance=财经|Stocks=股票|Technology=科技|Science=科学|Health=健康|Education=教育
Entertainment=娱乐|Celebrities=明星|Fashion=时尚|Travel=旅游|Food=美食|Lifestyle=生活|Real estate=房产|Games=游戏|Lottery=彩票|Horoscope=星座
Military=军事|Society=社会|World news=国际新闻|Weather=天气|Football=足球|Basketball=篮球|Tennis=网球|Running=跑步|Fitness=健身|Photography=摄影
""",
    "learning": """
Mathematics=数学|Physics=物理|Chemistry=化学|Biology=生物|Geography=地理|Literature=文学|English=英语|Chinese=语文|Languages=语言|Programming=编程
Computer science=计算机科学|Statistics=统计|Art=艺术|Art history=艺术史|Painting=绘画|Music=音乐|Philosophy=哲学|Psychology=心理学|Law=法律
Medical science=医学|Nursing=护理|Engineering=工程|Management=管理|Marketing=营销|Accounting=会计|Design=设计|Architecture=建筑|Exams=考试
Homework=作业|Quizzes=测验|Lectures=讲座|Videos=视频|Forum=论坛|Assignments=作业|Reading=阅读|Writing=写作
""",
    "money": """
Savings=储蓄|Deposits=存款|Loans=贷款|Mortgage=房贷|Credit cards=信用卡|Insurance=保险|Investment funds=基金|Bonds=债券|Pension=养老金
Payments=支付|Transfers=转账|Cash withdrawals=取现|Household payments=家庭缴费|Utilities=水电缴费|Interest=利息|Wealth management=理财|Foreign exchange=外汇
""",
}

FIELDS: Mapping[str, list[Topic]] = {
    field: [
        Topic(*pair.split("=", 1))
        for line in text.strip().splitlines()
        for pair in line.strip().split("|")
        if "=" in pair
    ]
    for field, text in _LISTS.items()
}
"""Entries by the field that they are from."""
TOPICS = [topic for topics in FIELDS.values() for topic in topics]
"""All entries, in the order of the list."""
ENTRIES: Mapping[str, Topic] = {
    text.casefold(): topic for topic in reversed(TOPICS) for text in (topic.en, topic.zh)
}
"""Topics by their text in either language, case folded."""

Encode = Callable[[Sequence[str]], npt.NDArray[np.floating]]


def match_topics(labels: Sequence[str], encode: Encode | None = None) -> dict[str, Topic]:
    """Return the topic of each label that has one.

    Parameters
    ----------
    labels
        As they stand in names, in either language.
    encode
        Texts to unit rows of a multilingual space; None: only labels that are in the list as they stand.

    Returns
    -------
    dict
        No two labels get the same topic by nearness, so that names do not lose what tells them apart; a label
        keeps its own text in its own language.
    """
    distinct = list(dict.fromkeys(label for label in labels if label))
    found = {label: ENTRIES[label.casefold()] for label in distinct if label.casefold() in ENTRIES}
    taken = {topic.zh for topic in found.values()}
    for _, label, topic in _nearest([label for label in distinct if label not in found], encode):
        if topic.zh not in taken:
            taken.add(topic.zh)
            found[label] = topic
    return {
        label: Topic(label, topic.zh) if label.isascii() else Topic(topic.en, label)
        for label, topic in found.items()
    }


def _nearest(labels: Sequence[str], encode: Encode | None) -> list[tuple[float, str, Topic]]:
    """Return the labels that an entry is near enough to, the nearest first, ties by label."""
    if encode is None or not labels:
        return []
    texts = list(dict.fromkeys(text for topic in TOPICS for text in (topic.en, topic.zh)))
    near = (np.asarray(encode(labels)) @ np.asarray(encode(texts)).T).round(6)
    best = near.argmax(axis=1)
    rows = [
        (-float(row[b]), label, ENTRIES[texts[b].casefold()])
        for row, b, label in zip(near, best, labels, strict=True)
        if row[b] >= SAME_TOPIC
    ]
    return sorted(rows, key=lambda row: row[:2])
