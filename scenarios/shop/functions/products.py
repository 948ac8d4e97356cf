"""GET /products: the first products, of one category if `?category=` names it."""

from catalogue import CATEGORIES, PRODUCTS, answer

PAGE = 20


def handler(event, context):
    category = (event.get("queryStringParameters") or {}).get("category")
    if category is not None and category not in CATEGORIES:
        return answer(400, {"message": f"no such category: {category}"})
    found = [product for product in PRODUCTS.values() if category in (None, product["category"])]
    return answer(200, {"products": found[:PAGE], "total": len(found)})
