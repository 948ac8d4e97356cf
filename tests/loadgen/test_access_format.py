"""The access-log format that joining needs."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from loadgen.access_format import FORMATS, lacking
from loadgen.deployment import ApiKind
from loadgen.template import read_template

SHOP = Path(__file__).parents[2] / "scenarios" / "shop" / "template.yaml"
COMMON_LOG = ('$context.identity.sourceIp - - [$context.requestTime] "$context.httpMethod $context.routeKey '
              '$context.protocol" $context.status $context.responseLength $context.requestId')


@pytest.mark.parametrize("kind", ["rest", "http"])
def test_the_format_to_give_a_stage_lacks_nothing_and_is_json(kind: ApiKind) -> None:
    assert lacking(FORMATS[kind], kind) == ()
    assert json.loads(FORMATS[kind])["requestId"] == "$context.requestId"


@pytest.mark.parametrize("kind", ["rest", "http"])
def test_the_shops_format_lacks_nothing(kind: ApiKind) -> None:
    assert lacking(str(read_template(SHOP).api(kind).access_log_format), kind) == ()


def test_the_common_log_format_lacks_what_tells_of_the_function() -> None:
    assert lacking(COMMON_LOG, "http") == (
        "$context.responseLatency", "$context.integrationLatency", "$context.integration.requestId",
        "$context.integration.integrationStatus", "$context.integration.status", "$context.error.responseType")


def test_another_name_of_a_variable_will_do() -> None:
    other = FORMATS["http"].replace("$context.integration.requestId", "$context.awsEndpointRequestId")
    assert lacking(other, "http") == ()


def test_a_longer_name_is_not_taken_for_a_shorter_one() -> None:
    assert lacking(FORMATS["rest"].replace("$context.status", "$context.statusCode"), "rest") == ("$context.status",)
