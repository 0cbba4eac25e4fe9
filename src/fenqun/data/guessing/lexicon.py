"""What columns are called in logs of many countries, and what each name speaks for."""

from __future__ import annotations

import re
import unicodedata

# Role -> how strongly it is spoken for -> words. Compared with whole names and with their parts.
_GRADED: dict[str, dict[float, str]] = {
    "user": {
        1.0: "user userid user_id uid customer customerid customer_id household household_id client_id member_id "
        "learner student id_student visitor visitor_id benutzer nutzer kunde kundennummer kundennr "
        "utilisateur usuario usuário utente 用户 用户id 用户编号 客户 客户id 客户编号 会员 会员号 顾客 学员 "
        "学生 学号 пользователь клиент ユーザー 顧客 顧客番号 会員 사용자 고객 회원",
        0.9: "buyer shopper cust customer_no member client cliente person account account_id accountid "
        "subscriber reader viewer 买家 账户 账号 帐号 cust_id idcliente acheteur käufer comprador",
        0.5: "who device_id cookie owner",
    },
    "item": {
        1.0: "item itemid item_id product productid product_id sku article_id movie movie_id movieid song_id "
        "track_id artist artist_id artistid video_id course_id lesson_id content_id artikel artikelnummer "
        "artikelnr produkt produktnummer produit article producto articulo artículo produto prodotto 商品 "
        "商品id 商品编号 商品编码 stock_code stockcode 产品 物品 货号 电影 视频 课程 内容 文章 товар "
        "артикул アイテム 商品番号 상품 asin isbn",
        0.9: "goods material course lesson song track video content news_id book book_id page_id resource "
        "activity_id id_site doc_id 产品编号 歌曲 新闻 题目 film",
        0.5: "url page object target operation 网址",
    },
    "time": {
        1.0: "timestamp time datetime event_time eventtime ts transaction_timestamp created_at createdat "
        "occurred_at zeitstempel zeitpunkt horodatage 时间 时间戳 发生时间 下单时间 交易时间 行为时间 日時 "
        "일시 timestamp_ms",
        0.9: "date datum fecha 日期 дата время 日付 날짜 시간 zeit hora heure when order_date bestelldatum "
        "invoice_date purchase_date date_heure fecha_hora event_date unixtime epoch transaction_date",
        0.6: "day created tag_time data jour dia día uhrzeit 创建时间 日",
        0.3: "updated_at updated modified ship_date delivery_date 更新时间 发货时间",
    },
    "event_type": {
        1.0: "event_type eventtype event_name action action_type behavior behaviour behavior_type activity_type "
        "ereignis ereignistyp aktion événement évènement accion acción tipo_evento evento 行为 行为类型 "
        "事件 事件类型 操作 操作类型 действие событие イベント 行動 이벤트 행동",
        0.7: "event type activity operation typ tipo typus 类型 тип verb k_symbol",
    },
    "value": {
        1.0: "value amount sales_value salesvalue revenue total_price total sum spend rating score betrag umsatz "
        "wert montant importe monto valor сумма 金额 消费金额 交易金额 评分 分数 成绩 金額 금액 평점",
        0.8: "price unit_price preis prix precio preço prezzo цена 价格 单价 售价 価格 가격 cost sales paid "
        "payment turnover dollar_value grade stars",
    },
    "quantity": {
        1.0: "quantity qty menge anzahl stückzahl quantité quantite cantidad quantidade количество 数量 件数 "
        "個数 수량",
        0.7: "count units number pieces num n number_of_cds clicks sum_click",
    },
    "duration": {
        1.0: "duration dwell dwell_time watch_time time_spent dauer durée duree duración duracion длительность "
        "时长 停留时长 观看时长 滞在時間 seconds_watched playtime",
        0.6: "seconds length msplayed ms_played elapsed",
    },
    "session": {
        1.0: "session sessionid session_id basket basket_id cart_id visit_id order_id orderid invoice invoice_no "
        "sitzung warenkorb bestellnummer bestellung_id commande_id pedido 会话 会话id 订单号 订单编号 订单 "
        "заказ セッション 注文番号 세션 주문번호",
        0.7: "order transaction_id trip visit receipt bon belegnummer ticket 交易号 流水号",
    },
    "currency": {
        1.0: "currency währung waehrung devise moneda moeda valuta валюта 币种 货币 通貨 통화 currency_code",
    },
    "context": {
        1.0: "device channel platform device_type os browser store store_id country city region referrer source "
        "medium kanal gerät geraet filiale land stadt canal appareil magasin tienda dispositivo 设备 渠道 "
        "平台 城市 地区 省份 门店 终端 канал устройство デバイス チャネル 채널 기기",
    },
    "category": {
        1.0: "category categoryid category_name department kategorie warengruppe catégorie categorie rayon "
        "categoría categoria categoria_producto genre genres 类目 分类 类别 品类 频道 категория カテゴリ "
        "カテゴリー 분류 카테고리",
        0.7: "class section group type topic product_category sub_category subject 科目 主题 product_type "
        "activity_type",
    },
    "text": {
        1.0: "title name description product_name item_name movie_title headline titel bezeichnung artikelname "
        "produktname beschreibung titre nom libellé libelle désignation título titulo nombre descripcion "
        "descripción nome 标题 名称 商品名称 商品名 产品名称 描述 название имя タイトル 名前 제목 상품명",
        0.8: "brand product_type product_category sub_category commodity marke hersteller marque marca "
        "label_text tags keywords summary text author artist director 品牌 关键词 标签 摘要 作者 бренд "
        "ブランド 브랜드",
    },
    "price": {
        1.0: "price unit_price list_price preis prix precio preço prezzo цена 价格 单价 售价 価格 가격",
        0.6: "cost msrp amount",
    },
    "image": {
        1.0: "image image_url image_path img picture photo cover poster thumbnail bild bildpfad foto imagen 图片 "
        "图片路径 封面 画像",
    },
    "audio": {
        1.0: "audio audio_path audio_url sound preview_url mp3 ton 音频 音声",
    },
    "friend": {
        1.0: "friend friendid friend_id followee followee_id followed friend_user target_user freund ami amigo "
        "好友 朋友 关注 被关注者 друг フレンド 친구 user_id_2 user2 user_b",
        0.7: "target to dst destination other contact",
    },
    "label": {
        1.0: "label gender sex age income segment result final_result outcome status loan_status churn churned "
        "target tier grade geschlecht alter einkommen genre_personne edad sexo ingreso 性别 年龄 收入 标签 "
        "等级 流失",
    },
    "position": {
        1.0: "position rank slot place placement platz rang posición posicion posição 位置 排名 坑位 позиция 順位 위치",
    },
    "clicked": {
        1.0: "clicked click is_click geklickt clic cliqué 点击 是否点击 клик クリック 클릭",
    },
    "converted": {
        1.0: "converted conversion purchased bought is_conversion konversion achat compra 转化 是否转化 购买 конверсия",
    },
    "propensity": {
        1.0: "propensity propensity_score probability prob pscore action_prob wahrscheinlichkeit probabilité 概率 倾向得分",
    },
    "policy": {
        1.0: "policy strategy arm variant experiment treatment algorithm strategie 策略 实验组 分桶 стратегия",
        0.7: "model group bucket",
    },
    "weight": {
        1.0: "weight strength gewicht poids peso 权重 强度 вес",
        0.5: "count score",
    },
}  # fmt: skip

_LEXICON: dict[str, dict[str, float]] = {
    role: {word: strength for strength, words in graded.items() for word in words.split()}
    for role, graded in _GRADED.items()
}
PERSONAL = re.compile(
    r"e-?mail|phone|telefon|téléphone|mobile|address|adresse|zip|postal|postcode|plz|passport|ssn|birth_?date|surname|last_?name|first_?name|"
    r"full_?name|邮编|邮箱|手机|电话|地址|身份证|姓名|^name$|vorname|nachname",
    re.IGNORECASE,
)
"""Names of columns that identify a person: never guessed to be attributes."""


def normal(name: str) -> str:
    """Lower-case name with its parts joined by underscores.

    >>> normal("customerID"), normal("user_id:token"), normal("Order Date")
    ('customer_id', 'user_id', 'order_date')
    """
    text = unicodedata.normalize("NFKC", name).strip()
    text = re.sub(r":(token|float|token_seq|float_seq)$", "", text)
    text = re.sub(r"([a-zß-öø-ÿ0-9])([A-Z])", r"\1_\2", text).lower()
    return re.sub(r"[\W_]+", "_", text).strip("_")


def speaks_for(name: str, role: str) -> float:
    """How strongly a column's name speaks for a role, from 0 to 1."""
    leaf = normal(name.rpartition(".")[2]) or normal(name)
    whole, parts = normal(name), set(leaf.split("_"))
    best = 0.0
    for word, strength in _LEXICON[role].items():
        key = normal(word)
        if key in (leaf, whole):
            score = strength
        elif _is_wide(key):
            score = 0.9 * strength if key in leaf else 0.0
        elif set(key.split("_")) <= parts:
            score = 0.85 * strength
        else:
            score = 0.6 * strength if len(key) >= 5 and key in leaf else 0.0
        best = max(best, score)
    if role in ("user", "item") and best and not parts.isdisjoint({"name", "title", "type", "category", "名称"}):
        best *= 0.5
    return best


def _is_wide(word: str) -> bool:
    return any(unicodedata.east_asian_width(c) in "WF" for c in word)
