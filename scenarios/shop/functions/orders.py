"""POST /orders: checks an order and says what it costs.

A REST API has checked the body against the model before; an HTTP API has not.
"""

import base64
import json

from catalogue import PRODUCTS, answer

MOST = 100


def handler(event, context):
    try:
        order = json.loads(body_of(event))
        product, quantity = order["product"], order["quantity"]
    except (ValueError, KeyError, TypeError):
        return answer(400, {"message": "an order is JSON with product and quantity"})
    if not isinstance(quantity, int) or isinstance(quantity, bool) or not 1 <= quantity <= MOST:
        return answer(400, {"message": f"quantity must be 1 to {MOST}"})
    if not isinstance(product, str) or product not in PRODUCTS:
        return answer(404, {"message": "no such product"})
    total_cents = PRODUCTS[product]["price_cents"] * quantity
    return answer(201, {"product": product, "quantity": quantity, "total_cents": total_cents})


def body_of(event):
    """The request's body as text; HTTP APIs encode it for some content types."""
    body = event.get("body") or ""
    return base64.b64decode(body).decode() if event.get("isBase64Encoded") else body
