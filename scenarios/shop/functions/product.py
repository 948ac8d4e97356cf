"""GET /products/{id}: one product."""

from catalogue import PRODUCTS, answer


def handler(event, context):
    product = PRODUCTS.get(event["pathParameters"]["id"])
    if product is None:
        return answer(404, {"message": "no such product"})
    return answer(200, product)
