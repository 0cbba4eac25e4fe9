"""Words of simulated bank products and operations, in English and Chinese."""

from __future__ import annotations

PRODUCTS: dict[str, dict[str, tuple[str, ...]]] = {
    "en": {
        "Income": ("Salary",),
        "Payments": (
            "Groceries by card", "Fuel by card", "Travel by card", "Restaurant by card", "Online shop", "Pharmacy",
            "Clothing", "Subscription",
        ),
        "Transfers": ("Rent", "Electricity and gas", "Family abroad", "School fees", "Insurance premium", "Donation"),
        "Savings": (
            "Instant savings", "Term deposit 3 months", "Term deposit 12 months", "Term deposit 36 months",
            "Home savings plan", "Child savings plan",
        ),
        "Investments": (
            "World equity fund", "Bond fund", "Money market fund", "Technology fund", "Gold account", "Green energy fund",
            "Balanced portfolio",
        ),
        "Loans": ("Consumer loan", "Car loan", "Home repair loan"),
    },
    "zh": {
        "收入": ("工资",),
        "支付": ("刷卡买菜", "刷卡加油", "旅行消费", "餐饮消费", "网上购物", "药店", "服饰", "会员订阅"),
        "转账": ("房租", "水电燃气", "海外家人", "学费", "保险费", "捐款"),
        "储蓄": ("活期储蓄", "三个月定期", "一年定期", "三年定期", "住房储蓄计划", "儿童储蓄计划"),
        "投资": ("全球股票基金", "债券基金", "货币基金", "科技基金", "黄金账户", "绿色能源基金", "均衡组合"),
        "贷款": ("消费贷款", "汽车贷款", "房屋修缮贷款"),
    },
}  # fmt: skip
"""Categories, and the products and operations in them."""

HABITS = {"en": ("Spender", "Saver", "Investor", "Borrower"), "zh": ("消费型", "储蓄型", "投资型", "借贷型")}
AGES = ("18-29", "30-44", "45-59", "60+")
