"""What a template deploys, and which configurations it takes."""

from __future__ import annotations

import pytest

from loadgen.configuration import ApiSettings, Configuration, FunctionSettings, declared
from loadgen.deployment import Api, Deployment, Function, Route
from loadgen.errors import ConfigurationError

DEPLOYMENT = Deployment(
    functions={"F": Function("F", alias="live"), "G": Function("G")},
    apis={"Rest": Api("Rest", "rest", "prod")},
    triggers=(Route("Rest", "GET", "/f/{id}", "F"), Route("Rest", "POST", "/g", "G")),
)


def test_a_route_is_named_by_its_method_and_path() -> None:
    assert [route.name for route in DEPLOYMENT.routes("rest")] == ["GET /f/{id}", "POST /g"]


def test_an_api_kind_that_is_not_deployed_is_named() -> None:
    with pytest.raises(ConfigurationError, match=r"no 'http' API \(it has: rest\)"):
        DEPLOYMENT.api("http")


def test_what_is_declared_is_accepted() -> None:
    DEPLOYMENT.accepts(declared(DEPLOYMENT, "rest"))


@pytest.mark.parametrize(("configuration", "said"), [
    (Configuration(ApiSettings("http"), {}), "no 'http' API"),
    (Configuration(ApiSettings("rest"), {"H": FunctionSettings()}), "functions.H: no such function (there are: F, G)"),
    (Configuration(ApiSettings("rest"), {"G": FunctionSettings(provisioned=1)}), "functions.G.provisioned=1: "),
])
def test_what_cannot_be_deployed_is_refused_by_name(configuration: Configuration, said: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        DEPLOYMENT.accepts(configuration)
    assert said in str(caught.value)


def test_provisioned_concurrency_is_accepted_behind_an_alias() -> None:
    DEPLOYMENT.accepts(Configuration(ApiSettings("rest"), {"F": FunctionSettings(provisioned=1)}))
