"""The catalogue: 200 products in memory, and the answer that both kinds of API understand.

An answer with `statusCode`, `headers` and a text `body` is valid for REST (payload format 1.0) and for HTTP APIs (2.0);
what is read of an event (`pathParameters`, `queryStringParameters`, `body`) has the same name and form in both.
"""

import json

CATEGORIES = ("books", "games", "garden", "kitchen", "music")
PRODUCTS = {
    f"p{number}": {
        "id": f"p{number}",
        "name": f"Product {number}",
        "category": CATEGORIES[number % len(CATEGORIES)],
        "price_cents": 500 + number * 37 % 9500,
    }
    for number in range(1, 201)
}


def answer(status, body):
    """A proxy answer with a JSON body."""
    return {"statusCode": status, "headers": {"content-type": "application/json"}, "body": json.dumps(body)}
