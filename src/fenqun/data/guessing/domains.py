"""Guess the scenario from event types and column names."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from fenqun.scenarios import ScenarioName

_WORDS: dict[ScenarioName, str] = {
    "ecommerce": "purchase buy cart basket product sku price order sales shop store household brand department item_price "
    "购买 加购 收藏 商品 订单 购物车 下单 支付 kauf warenkorb artikel bestellung produkt kunde achat panier produit pedido "
    "compra producto invoice retail coupon goods checkout refund",
    "social": "like follow share comment watch play movie song artist rating tag video friend post listen track film "
    "genre album repost retweet 点赞 关注 评论 转发 播放 视频 电影 歌曲 评分 弹幕",
    "education": "course student learner enroll enrol quiz homework lesson assessment module exam submit lecture school "
    "teacher vle university registration 课程 学员 学生 作业 考试 测验 学习 章节",
    "finance": "account balance transaction deposit loan transfer withdrawal credit debit bank card payment_type client "
    "invest fund 账户 转账 贷款 理财 存款 交易 余额 基金 konto überweisung",
}
_SAME_AS = {
    "view": "浏览 查看 曝光 pv ansicht aufruf vue vista просмотр 閲覧 조회 pageview detail",
    "click": "点击 klick clic clique клик クリック 클릭",
    "favourite": "收藏 fav merken favori favorito избранное",
    "cart": "加购 加入购物车 addtocart warenkorb panier carrito корзина カート 장바구니 in_den_warenkorb",
    "purchase": "购买 下单 支付 成交 transaction kauf bestellung achat compra покупка 購入 구매 pay checkout",
    "return": "退货 退款 retoure retour devolución devolucion возврат 返品 반품",
    "like": "点赞 喜欢 gefällt j_aime me_gusta нравится",
    "comment": "评论 kommentar commentaire comentario комментарий",
    "share": "转发 分享 teilen partage compartir",
    "follow": "关注 folgen suivre seguir",
    "play": "播放 listen stream abspielen écoute",
    "watch": "观看 ansehen regarder",
    "homework": "作业 hausaufgabe devoir tarea",
    "quiz": "测验 test",
    "exam": "考试 prüfung examen",
    "submit": "提交 abgabe",
    "register": "注册 报名 选课 anmeldung inscription",
    "transfer": "转账 überweisung virement transferencia",
    "deposit": "存款 存入 einzahlung dépôt depósito",
    "invest": "投资 申购 anlage",
    "loan": "贷款 借款 kredit prêt préstamo",
    "login": "登录 anmelden connexion",
}
_LATIN_PART = re.compile(r"[a-zà-ÿ]+")


def guess_scenario(event_types: Iterable[str], names: Iterable[str]) -> tuple[ScenarioName, list[str]]:
    """Return the scenario that most words speak for, and those words; shops where nothing speaks.

    Event types count twice: they say what people do.
    """
    votes: dict[ScenarioName, float] = dict.fromkeys(_WORDS, 0.0)
    heard: dict[ScenarioName, list[str]] = {name: [] for name in _WORDS}
    for texts, weight in ((event_types, 2.0), (names, 1.0)):
        for text in texts:
            lower = text.lower()
            parts = set(_LATIN_PART.findall(lower))
            for name, words in _WORDS.items():
                for word in words.split():
                    if (word in parts or word + "s" in parts) if word.isascii() else word in lower:
                        votes[name] += weight
                        heard[name].append(word)
    best = max(votes, key=lambda name: votes[name])
    return (best, list(dict.fromkeys(heard[best]))[:6]) if votes[best] else ("ecommerce", [])


def weights_by_meaning(types: Iterable[str], weights: Mapping[str, float]) -> dict[str, float]:
    """Weights for event types that the scenario knows under another word, such as 加购 for cart."""
    known = {word: weights[kind] for kind, words in _SAME_AS.items() if kind in weights for word in words.split()}
    return {kind: known[kind] for kind in types if kind not in weights and kind in known}
