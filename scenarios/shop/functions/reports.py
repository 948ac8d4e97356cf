"""GET /reports: three years of sales by category, simulated; bound by CPU on purpose."""

import random

from catalogue import PRODUCTS, answer

DAYS = 3 * 365


def handler(event, context):
    draw = random.Random(2026)
    sales = dict.fromkeys(sorted({product["category"] for product in PRODUCTS.values()}), 0)
    for _ in range(DAYS):
        for product in PRODUCTS.values():
            sales[product["category"]] += product["price_cents"] * draw.randrange(3)
    return answer(200, {"days": DAYS, "sales_cents": sales})
