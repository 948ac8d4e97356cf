"""SAM and CloudFormation templates become Deployments."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from loadgen import local
from loadgen.deployment import Deployment, Route
from loadgen.errors import TemplateError
from loadgen.template import read_template

SHOP = Path(__file__).parents[2] / "scenarios" / "shop" / "template.yaml"


@pytest.fixture(scope="module")
def shop() -> Deployment:
    return read_template(SHOP)


def read(tmp_path: Path, text: str, **parameters: str) -> Deployment:
    path = tmp_path / "template.yaml"
    path.write_text(text)
    return read_template(path, parameters)


def route(deployment: Deployment, api: str, name: str) -> Route:
    return next(found for found in deployment.triggers if (found.api, found.name) == (api, name))


def test_the_shop_has_the_same_four_routes_behind_both_apis(shop: Deployment) -> None:
    names = ["GET /products", "GET /products/{id}", "POST /orders", "GET /reports"]
    for kind in ("rest", "http"):
        routes = shop.routes(kind)
        assert [found.name for found in routes] == names
        assert [found.function for found in routes] == ["Products", "Product", "Orders", "Reports"]


def test_all_of_the_shop_but_reports_serves_from_an_alias(shop: Deployment) -> None:
    aliases = {name: function.alias for name, function in shop.functions.items()}
    assert aliases == {"Products": "live", "Product": "live", "Orders": "live", "Reports": None}


def test_a_functions_settings_come_from_globals_and_parameters(shop: Deployment) -> None:
    products = shop.functions["Products"]
    assert (products.runtime, products.handler, products.timeout_s) == ("python3.13", "products.handler", 10)
    assert (products.memory_mb, products.architecture, products.code_uri) == (1024, "x86_64", "functions/")
    assert read_template(SHOP, {"MemoryMb": "256"}).functions["Reports"].memory_mb == 256


def test_metadata_is_kept_as_it_is(shop: Deployment) -> None:
    profile = shop.functions["Reports"].metadata["LocalProfile"]
    assert profile["Table"] == "memory_sweep_2020"
    assert profile["Scale"] == pytest.approx(0.348)


def test_the_profiles_mean_durations_are_as_the_template_says(shop: Deployment) -> None:
    table = Path(local.__file__).parent / "data" / "memory_sweep_2020.csv"
    rows = {(row["function"], row["memory_mb"]): float(row["mean_ms"]) for row in csv.DictReader(table.open())}
    profiles = {name: function.metadata["LocalProfile"] for name, function in shop.functions.items()}
    means = {name: profile["Scale"] * rows[profile["Function"], "1024"] for name, profile in profiles.items()}
    assert means == pytest.approx({"Products": 25, "Product": 15, "Orders": 40, "Reports": 120}, rel=0.01)


def test_rest_checks_an_order_against_its_model_and_http_does_not(shop: Deployment) -> None:
    schema = route(shop, "ShopRest", "POST /orders").body_schema
    assert schema is not None
    assert schema["required"] == ["product", "quantity"]
    assert route(shop, "ShopHttp", "POST /orders").body_schema is None
    assert route(shop, "ShopRest", "GET /products").body_schema is None


def test_cache_keys_are_the_parameters_that_the_template_names(shop: Deployment) -> None:
    assert route(shop, "ShopRest", "GET /products/{id}").cache_keys == ("path.id",)
    assert route(shop, "ShopRest", "GET /products").cache_keys == ("querystring.category",)
    assert route(shop, "ShopRest", "GET /reports").cache_keys == ()


def test_the_cache_is_off_until_a_parameter_turns_it_on(shop: Deployment) -> None:
    assert shop.api("rest").cache_gb is None
    cached = read_template(SHOP, {"CacheEnabled": "true", "CacheSizeGb": "1.6"}).api("rest")
    assert cached.cache_gb == 1.6
    assert cached.cached_routes == ("GET /products", "GET /products/{id}")


def test_both_stages_log_what_joining_needs(shop: Deployment) -> None:
    assert (shop.api("rest").stage, shop.api("http").stage) == ("prod", "$default")
    for kind in ("rest", "http"):
        assert "$context.integration.requestId" in str(shop.api(kind).access_log_format)
    assert (shop.api("rest").payload_format, shop.api("http").payload_format) == ("1.0", "2.0")


PLAIN = """
Parameters:
  Memory: {Type: Number}
  Stage: {Type: String, Default: dev, AllowedValues: [dev, live]}
Mappings:
  Sizes: {dev: {reserved: 5}, live: {reserved: 50}}
Conditions:
  IsLive: !Equals [!Ref Stage, live]
  IsDev: !Not [!Condition IsLive]
Resources:
  Echo:
    Type: AWS::Lambda::Function
    Properties:
      FunctionName: !Join [-, [echo, !Ref Stage]]
      MemorySize: !Ref Memory
      Runtime: python3.12
      Handler: echo.handler
      Architectures: [arm64]
      ReservedConcurrentExecutions: !FindInMap [Sizes, !Ref Stage, reserved]
      Timeout: !If [IsLive, 20, !Ref AWS::NoValue]
      LoggingConfig: {LogFormat: JSON}
      VpcConfig: !ImportValue somewhere
  EchoVersion: {Type: AWS::Lambda::Version, Properties: {FunctionName: !Ref Echo}}
  EchoAlias:
    Type: AWS::Lambda::Alias
    Properties:
      Name: blue
      FunctionName: !Ref Echo
      FunctionVersion: !GetAtt EchoVersion.Version
      ProvisionedConcurrencyConfig: {ProvisionedConcurrentExecutions: 3}
  Debug:
    Type: AWS::Lambda::Function
    Condition: IsDev
    Properties: {Runtime: python3.12, Handler: debug.handler}
  Rest: {Type: AWS::ApiGateway::RestApi, Properties: {Name: plain}}
  Things:
    Type: AWS::ApiGateway::Resource
    Properties: {RestApiId: !Ref Rest, ParentId: !GetAtt Rest.RootResourceId, PathPart: things}
  Thing: {Type: AWS::ApiGateway::Resource, Properties: {RestApiId: !Ref Rest, ParentId: !Ref Things, PathPart: "{id}"}}
  Checks: {Type: AWS::ApiGateway::RequestValidator, Properties: {RestApiId: !Ref Rest, ValidateRequestBody: true}}
  ThingModel: {Type: AWS::ApiGateway::Model, Properties: {RestApiId: !Ref Rest, Schema: {type: object}}}
  PutThing:
    Type: AWS::ApiGateway::Method
    Properties:
      RestApiId: !Ref Rest
      ResourceId: !Ref Thing
      HttpMethod: PUT
      ApiKeyRequired: true
      RequestValidatorId: !Ref Checks
      RequestModels: {application/json: !Ref ThingModel}
      Integration:
        Type: AWS_PROXY
        IntegrationHttpMethod: POST
        Uri: !Sub arn:aws:apigateway:${AWS::Region}:lambda:path/2015-03-31/functions/${EchoAlias}/invocations
  Options:
    Type: AWS::ApiGateway::Method
    Properties: {RestApiId: !Ref Rest, ResourceId: !Ref Thing, HttpMethod: OPTIONS, Integration: {Type: MOCK}}
  RestStage:
    Type: AWS::ApiGateway::Stage
    Properties:
      RestApiId: !Ref Rest
      StageName: !Ref Stage
      MethodSettings:
        - {HttpMethod: "*", ResourcePath: "/*", ThrottlingRateLimit: 50, ThrottlingBurstLimit: 20}
  Http: {Type: AWS::ApiGatewayV2::Api, Properties: {Name: plain, ProtocolType: HTTP}}
  ToEcho:
    Type: AWS::ApiGatewayV2::Integration
    Properties:
      ApiId: !Ref Http
      IntegrationType: AWS_PROXY
      PayloadFormatVersion: "2.0"
      IntegrationUri: !Sub ["${arn}:${alias}", {arn: !GetAtt Echo.Arn, alias: blue}]
  GetThing:
    Type: AWS::ApiGatewayV2::Route
    Properties: {ApiId: !Ref Http, RouteKey: "GET /things/{id}", Target: !Join [/, [integrations, !Ref ToEcho]]}
  GetAnything:
    Type: AWS::ApiGatewayV2::Route
    Properties: {ApiId: !Ref Http, RouteKey: $default, Target: !Sub "integrations/${ToEcho}"}
  HttpStage:
    Type: AWS::ApiGatewayV2::Stage
    Properties:
      ApiId: !Ref Http
      StageName: v1
      DefaultRouteSettings: {ThrottlingRateLimit: 9, ThrottlingBurstLimit: 7}
"""


@pytest.fixture
def plain(tmp_path: Path) -> Deployment:
    return read(tmp_path, PLAIN, Memory="512")


def test_intrinsic_functions_are_resolved(plain: Deployment) -> None:
    echo = plain.functions["Echo"]
    assert (echo.memory_mb, echo.reserved, echo.timeout_s, echo.architecture) == (512, 5, 3.0, "arm64")
    assert (echo.alias, echo.provisioned, echo.log_format) == ("blue", 3, "JSON")


def test_conditions_choose_resources_and_values(tmp_path: Path, plain: Deployment) -> None:
    live = read(tmp_path, PLAIN, Memory="512", Stage="live")
    assert (list(plain.functions), list(live.functions)) == (["Echo", "Debug"], ["Echo"])
    assert (live.functions["Echo"].reserved, live.functions["Echo"].timeout_s) == (50, 20)


def test_plain_rest_resources_become_a_route(plain: Deployment) -> None:
    found = plain.routes("rest")
    assert [put.name for put in found] == ["PUT /things/{id}"]
    assert (found[0].api_key_required, found[0].body_schema, found[0].function) == (True, {"type": "object"}, "Echo")
    api = plain.api("rest")
    assert (api.stage, api.throttle_rps, api.throttle_burst) == ("dev", 50, 20)


def test_plain_http_resources_become_routes(plain: Deployment) -> None:
    assert {found.name for found in plain.routes("http")} == {"GET /things/{id}", "ANY $default"}
    api = plain.api("http")
    assert (api.stage, api.throttle_rps, api.throttle_burst, api.payload_format) == ("v1", 9, 7, "2.0")


def test_json_is_read_as_well(tmp_path: Path) -> None:
    text = '{"Resources": {"F": {"Type": "AWS::Lambda::Function", "Properties": {"MemorySize": {"Ref": "M"}}}}, ' \
           '"Parameters": {"M": {"Type": "Number", "Default": 300}}}'
    assert read(tmp_path, text).functions["F"].memory_mb == 300


def test_a_referenced_model_keeps_the_definitions_it_refers_to(tmp_path: Path) -> None:
    arn = "arn:aws:lambda:us-east-1:123456789012:function:named"
    uri = f"arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/{arn}/invocations"
    found = read(tmp_path, """
Resources:
  F: {Type: AWS::Lambda::Function, Properties: {FunctionName: named}}
  Api:
    Type: AWS::ApiGateway::RestApi
    Properties:
      Body:
        x-amazon-apigateway-request-validator: all
        x-amazon-apigateway-request-validators: {all: {validateRequestBody: true}}
        paths:
          /a:
            x-amazon-apigateway-any-method:
              security: [{api_key: []}]
              parameters: [{in: body, name: a, schema: {$ref: "#/definitions/list"}}]
              x-amazon-apigateway-integration:
                type: aws_proxy
                uri: URI
        definitions: {list: {type: array, items: {$ref: "#/definitions/item"}}, item: {type: string}}
""".replace("URI", uri)).triggers[0]
    assert (found.name, found.function, found.api_key_required) == ("ANY /a", "F", True)
    assert found.body_schema is not None
    assert found.body_schema["items"] == {"$ref": "#/definitions/item"}
    assert found.body_schema["definitions"]["item"] == {"type": "string"}


def test_a_nested_application_is_left_to_its_own_template_and_asks_nothing_of_aws(tmp_path: Path) -> None:
    found = read(tmp_path, """
Transform: AWS::Serverless-2016-10-31
Resources:
  Shared: {Type: AWS::Serverless::Application, Properties: {Location: {ApplicationId: "arn:a:b", SemanticVersion: 1.0.0}}}
  F: {Type: AWS::Serverless::Function, Properties: {InlineCode: x, Handler: a.b, Runtime: python3.13}}
""")
    assert list(found.functions) == ["F"]


FUNCTION = "Resources: {F: {Type: 'AWS::Lambda::Function', "
SERVERLESS = "Transform: AWS::Serverless-2016-10-31\nResources: {F: {Type: 'AWS::Serverless::Function', "


@pytest.mark.parametrize(("text", "said"), [
    ("Resources: [", "not valid YAML"),
    ("just text", "it has no Resources"),
    ("Resources:", "it has no Resources"),
    (PLAIN, "parameter Memory: it has no default: give its value"),
    (PLAIN.replace("!Ref Memory", "!Ref Memroy"), "parameter Memory"),
    (FUNCTION + "Properties: {MemorySize: !Ref Size}}}", "Ref Size: the template defines no Size"),
    (FUNCTION + "Properties: {MemorySize: !ImportValue x}}}", "F.MemorySize = "),
    (FUNCTION + "Properties: {MemorySize: !FindInMap [A, b, c]}}}", "FindInMap A: the template defines no A"),
    (FUNCTION + "Condition: Never}}", "Condition Never: the template defines no Never"),
    (FUNCTION + "Properties: [no, mapping]}}", "not understood"),
    (SERVERLESS + "Properties: {CodeUri: a}}}", "Resource with id [F] is invalid"),
])
def test_a_template_that_cannot_be_read_gets_one_line(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(TemplateError) as caught:
        read(tmp_path, text)
    assert said in str(caught.value)
    assert str(tmp_path / "template.yaml") in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(TemplateError, match=r"no\.yaml: no such template file"):
        read_template(tmp_path / "no.yaml")


def test_an_unknown_parameter_and_a_refused_value_are_named() -> None:
    with pytest.raises(TemplateError, match="parameter Memory: no such parameter"):
        read_template(SHOP, {"Memory": "1"})
    with pytest.raises(TemplateError, match="parameter CacheEnabled = 'yes': give one of true, false"):
        read_template(SHOP, {"CacheEnabled": "yes"})


def test_a_route_to_another_service_than_lambda_invokes_no_function(tmp_path: Path) -> None:
    path = tmp_path / "template.yaml"
    path.write_text("""
Transform: AWS::Serverless-2016-10-31
Resources:
  Flow:
    Type: AWS::Serverless::StateMachine
    Properties:
      DefinitionUri: flow.asl.json
      Role: arn:aws:iam::123456789012:role/flow
      Events: {Start: {Type: Api, Properties: {Method: post, Path: /start}}}
  Queued:
    Type: AWS::ApiGatewayV2::Integration
    Properties: {ApiId: !Ref Http, IntegrationType: AWS_PROXY, IntegrationSubtype: SQS-SendMessage}
  Route:
    Type: AWS::ApiGatewayV2::Route
    Properties: {ApiId: !Ref Http, RouteKey: POST /queue, Target: !Sub "integrations/${Queued}"}
  Http: {Type: AWS::ApiGatewayV2::Api, Properties: {Name: h, ProtocolType: HTTP}}
""")
    deployment = read_template(path)
    assert deployment.triggers == () and dict(deployment.functions) == {}


@pytest.mark.parametrize(("properties", "said"), [
    ("MemorySize: 20000", "F.MemorySize = 20000: give 128 to 10240 MB"),
    ("Architectures: [riscv]", "F.Architectures = 'riscv': give x86_64 or arm64"),
])
def test_what_lambda_does_not_take_is_refused_by_name(tmp_path: Path, properties: str, said: str) -> None:
    path = tmp_path / "template.yaml"
    path.write_text(f"Resources:\n  F: {{Type: AWS::Lambda::Function, Properties: {{{properties}}}}}\n")
    with pytest.raises(TemplateError) as refused:
        read_template(path)
    assert said in str(refused.value)
