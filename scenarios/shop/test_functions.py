"""What the shop's functions answer, for the events of REST APIs (format 1.0) and HTTP APIs (2.0)."""

import base64
import json

import orders
import product
import products
import pytest
import reports

REST = {"httpMethod": "GET", "queryStringParameters": None, "pathParameters": None, "body": None,
        "isBase64Encoded": False}
HTTP = {"version": "2.0", "isBase64Encoded": False}


def call(function, event, **parts):
    answer = function.handler({**event, **parts}, None)
    assert isinstance(answer["body"], str)
    return answer["statusCode"], json.loads(answer["body"])


@pytest.mark.parametrize("event", [REST, HTTP])
def test_the_list_shows_a_page_of_all_products(event):
    status, body = call(products, event)
    assert (status, len(body["products"]), body["total"]) == (200, 20, 200)


@pytest.mark.parametrize("event", [REST, HTTP])
def test_the_list_of_a_category_holds_that_category_alone(event):
    status, body = call(products, event, queryStringParameters={"category": "books"})
    assert (status, body["total"]) == (200, 40)
    assert {found["category"] for found in body["products"]} == {"books"}


def test_an_unknown_category_is_refused():
    assert call(products, REST, queryStringParameters={"category": "cars"})[0] == 400


@pytest.mark.parametrize("event", [REST, HTTP])
def test_a_product_is_found_by_its_id(event):
    status, body = call(product, event, pathParameters={"id": "p7"})
    assert (status, body["id"], body["category"]) == (200, "p7", "garden")


def test_an_unknown_product_is_not_found():
    assert call(product, HTTP, pathParameters={"id": "p0"})[0] == 404


@pytest.mark.parametrize("event", [REST, HTTP])
def test_an_order_costs_price_times_quantity(event):
    price = call(product, event, pathParameters={"id": "p7"})[1]["price_cents"]
    status, body = call(orders, event, body=json.dumps({"product": "p7", "quantity": 3}))
    assert (status, body["total_cents"]) == (201, 3 * price)


def test_an_order_in_base64_is_read():
    encoded = base64.b64encode(b'{"product": "p7", "quantity": 1}').decode()
    assert call(orders, HTTP, body=encoded, isBase64Encoded=True)[0] == 201


@pytest.mark.parametrize("body", [
    None, "", "no JSON", "[]", '"text"', '{"product": "p7"}', '{"product": "p7", "quantity": 0}',
    '{"product": "p7", "quantity": 101}', '{"product": "p7", "quantity": true}', '{"product": "p7", "quantity": "3"}',
])
def test_a_wrong_order_is_refused(body):
    assert call(orders, HTTP, body=body)[0] == 400


@pytest.mark.parametrize("wanted", ["p0", None, []])
def test_an_order_of_an_unknown_product_is_not_found(wanted):
    assert call(orders, REST, body=json.dumps({"product": wanted, "quantity": 1}))[0] == 404


def test_a_report_is_the_same_each_time_and_covers_every_category():
    first, second = call(reports, REST)[1], call(reports, HTTP)[1]
    assert first == second
    assert set(first["sales_cents"]) == {"books", "games", "garden", "kitchen", "music"}
