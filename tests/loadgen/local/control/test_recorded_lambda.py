"""Lambda's answers against AWS's recorded ones: each play repeats what was recorded, step by step."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable, Iterator
from typing import Any

import pytest

ROLE = "arn:aws:iam::123456789012:role/test"
ARN = "arn:aws:lambda:us-east-1:123456789012:function"
Steps = Iterator[tuple[str, Any]]
Play = Callable[[Any, str], Steps]
PLAYS: dict[str, Play] = {}


def play(case: str) -> Callable[[Play], Play]:
    def register(steps: Play) -> Play:
        PLAYS[case] = steps
        return steps
    return register


def zipped(text: str = "x", size: int = 0) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("handler.py", text)
        if size:
            archive.writestr("blob", b"\0" * size)
    return content.getvalue()


def create(ask: Any, name: str, **more: Any) -> dict[str, Any]:
    members = {"Runtime": "python3.12", "Handler": "handler.handler", "Role": ROLE, "Code": {"ZipFile": zipped()}}
    return ask("lambda", "create_function", FunctionName=name, **{**members, **more})


def published(ask: Any, name: str, versions: int = 1) -> None:
    create(ask, name)
    for version in range(versions):
        ask("lambda", "update_function_configuration", FunctionName=name, Description=f"v{version}")
        ask("lambda", "publish_version", FunctionName=name)


@play("rc-crud")
def _(ask: Any, fn: str) -> Steps:
    create(ask, fn)
    yield "get_function_concurrency_default", ask("lambda", "get_function_concurrency", FunctionName=fn)
    yield "put_function_concurrency", ask("lambda", "put_function_concurrency", FunctionName=fn,
                                          ReservedConcurrentExecutions=0)
    yield "get_function_concurrency_updated", ask("lambda", "get_function_concurrency", FunctionName=fn)
    ask("lambda", "delete_function_concurrency", FunctionName=fn)
    yield "get_function_concurrency_deleted", ask("lambda", "get_function_concurrency", FunctionName=fn)


@play("rc-in-getfunction")
def _(ask: Any, fn: str) -> Steps:
    create(ask, fn, Timeout=30)
    yield "put_function_concurrency", ask("lambda", "put_function_concurrency", FunctionName=fn,
                                          ReservedConcurrentExecutions=3)
    yield "get_function_concurrency_info", ask("lambda", "get_function", FunctionName=fn)


@play("rc-errors")
def _(ask: Any, fn: str) -> Steps:
    create(ask, fn)

    def put(name: str, value: int) -> Any:
        return ask("lambda", "put_function_concurrency", FunctionName=name, ReservedConcurrentExecutions=value)

    prefix = "put_function_concurrency_with_function_name_doesnotexist"
    yield prefix, put("doesnotexist", 1)
    yield f"{prefix}_and_invalid_concurrency", put("doesnotexist", -1)
    yield "put_function_concurrency_with_qualified_arn", put(f"{ARN}:{fn}:$LATEST", 1)


@play("rc-limits")
def _(ask: Any, fn: str) -> Steps:
    create(ask, fn)
    limit = ask("lambda", "get_account_settings")["AccountLimit"]
    yield "put_function_concurrency_account_limit_exceeded", ask(
        "lambda", "put_function_concurrency", FunctionName=fn,
        ReservedConcurrentExecutions=limit["ConcurrentExecutions"] + 1)
    yield "put_function_concurrency_below_unreserved_min_value", ask(
        "lambda", "put_function_concurrency", FunctionName=fn,
        ReservedConcurrentExecutions=limit["UnreservedConcurrentExecutions"] - 100 + 1)


def provisioned_lifecycle(ask: Any, fn: str, qualifier: str) -> Steps:
    key = {"FunctionName": fn, "Qualifier": qualifier}
    yield "put_provisioned_5", ask("lambda", "put_provisioned_concurrency_config", **key,
                                   ProvisionedConcurrentExecutions=5)
    yield "get_provisioned_prewait", ask("lambda", "get_provisioned_concurrency_config", **key)
    answer = ask("lambda", "get_provisioned_concurrency_config", **key)
    while answer["Status"] == "IN_PROGRESS":
        answer = ask("lambda", "get_provisioned_concurrency_config", **key)
    yield "get_provisioned_postwait", answer


@play("pc-lifecycle")
def _(ask: Any, fn: str) -> Steps:
    published(ask, fn)
    yield from provisioned_lifecycle(ask, fn, "1")


@play("pc-on-alias")
def _(ask: Any, fn: str) -> Steps:
    published(ask, fn)
    ask("lambda", "create_alias", FunctionName=fn, Name="live", FunctionVersion="1")
    yield from provisioned_lifecycle(ask, fn, "live")


@play("pc-moves-with-alias")
def _(ask: Any, fn: str) -> Steps:
    published(ask, fn, versions=2)
    ask("lambda", "create_alias", FunctionName=fn, Name="live", FunctionVersion="1")
    key = {"FunctionName": fn, "Qualifier": "live"}
    ask("lambda", "put_provisioned_concurrency_config", **key, ProvisionedConcurrentExecutions=1)
    while ask("lambda", "get_provisioned_concurrency_config", **key)["Status"] != "READY":
        pass
    ask("lambda", "update_alias", FunctionName=fn, Name="live", FunctionVersion="2")
    yield "get_provisioned_config_after_alias_move", ask("lambda", "get_provisioned_concurrency_config", **key)
    yield "provisioned_concurrency_notfound", ask("lambda", "get_provisioned_concurrency_config", FunctionName=fn,
                                                  Qualifier="2")


@play("pc-get-errors")
def _(ask: Any, fn: str) -> Steps:
    published(ask, fn)

    def get(name: str, qualifier: str) -> Any:
        return ask("lambda", "get_provisioned_concurrency_config", FunctionName=name, Qualifier=qualifier)

    yield "get_provisioned_config_doesnotexist", get(fn, "1")
    yield "get_provisioned_functionname_doesnotexist", get("doesnotexist", "noalias")
    yield "get_provisioned_qualifier_doesnotexist", get(fn, "noalias")
    yield "get_provisioned_version_doesnotexist", get(fn, "10")
    yield "get_provisioned_latest", get(fn, "$LATEST")
    yield "list_provisioned_noconfigs", ask("lambda", "list_provisioned_concurrency_configs", FunctionName=fn)


@play("pc-put-errors")
def _(ask: Any, fn: str) -> Steps:
    published(ask, fn)

    def put(qualifier: str, value: int) -> Any:
        return ask("lambda", "put_provisioned_concurrency_config", FunctionName=fn, Qualifier=qualifier,
                   ProvisionedConcurrentExecutions=value)

    yield "put_provisioned_invalid_param_0", put("1", 0)
    yield "put_provisioned_latest", put("$LATEST", 1)
    yield "put_provisioned_qualifier_doesnotexist", put("doesnotexist", 1)
    yield "put_provisioned_version_doesnotexist", put("10", 1)


@play("pc-conflicts")
def _(ask: Any, fn: str) -> Steps:
    published(ask, fn)
    ask("lambda", "create_alias", FunctionName=fn, Name="live", FunctionVersion="1")

    def put(qualifier: str) -> Any:
        return ask("lambda", "put_provisioned_concurrency_config", FunctionName=fn, Qualifier=qualifier,
                   ProvisionedConcurrentExecutions=1)

    def get(qualifier: str) -> Any:
        return ask("lambda", "get_provisioned_concurrency_config", FunctionName=fn, Qualifier=qualifier)

    yield "put_provisioned_on_version", put("1")
    yield "put_provisioned_on_alias_versionconflict", put("live")
    yield "delete_provisioned_version", ask("lambda", "delete_provisioned_concurrency_config", FunctionName=fn,
                                            Qualifier="1")
    yield "get_provisioned_version_postdelete", get("1")
    yield "put_provisioned_on_alias", put("live")
    yield "put_provisioned_on_version_conflict", put("1")
    yield "delete_alias_result", ask("lambda", "delete_alias", FunctionName=fn, Name="live")
    yield "get_provisioned_alias_postaliasdelete", get("live")
    yield "list_response_postdeletes", ask("lambda", "list_provisioned_concurrency_configs", FunctionName=fn)


@play("acct-settings")
def _(ask: Any, fn: str) -> Steps:
    answer = ask("lambda", "get_account_settings")
    names = {key: sorted(answer[key]) for key in ("AccountLimit", "AccountUsage")}
    yield "", {"status": answer["status"], **names}


@play("fn-create-defaults")
def _(ask: Any, fn: str) -> Steps:
    yield "create-fn-response", create(ask, fn)
    yield "get-fn-response", ask("lambda", "get_function", FunctionName=fn)


@play("fn-update-states")
def _(ask: Any, fn: str) -> Steps:
    answer = create(ask, fn, Timeout=5, MemorySize=256)
    yield "create_response", {"CreateFunctionResponse": answer}
    yield "get_function_response", ask("lambda", "get_function", FunctionName=fn)
    yield "update_func_conf_response", ask(
        "lambda", "update_function_configuration", FunctionName=fn, Timeout=10, MemorySize=512,
        Description="Changed-Description", Environment={"Variables": {"ENV_A": "a"}})
    yield "get_function_response_postupdate", ask("lambda", "get_function", FunctionName=fn)
    yield "update_code_response", ask("lambda", "update_function_code", FunctionName=fn, ZipFile=zipped("y"))
    yield "get_function_response_postcodeupdate", ask("lambda", "get_function", FunctionName=fn)
    yield "delete_response", ask("lambda", "delete_function", FunctionName=fn)
    yield "delete_postdelete", ask("lambda", "delete_function", FunctionName=fn)


@play("fn-arch-update")
def _(ask: Any, fn: str) -> Steps:
    create(ask, fn, Timeout=30)
    yield "update_function_code_response", ask("lambda", "update_function_code", FunctionName=fn, ZipFile=zipped(),
                                               Architectures=["arm64"])


@play("fn-missing-delete_function")
def _(ask: Any, fn: str) -> Steps:
    yield "", ask("lambda", "delete_function", FunctionName=fn)


@play("fn-missing-get_function")
def _(ask: Any, fn: str) -> Steps:
    yield "", ask("lambda", "get_function", FunctionName=fn)


@play("fn-version-missing")
def _(ask: Any, fn: str) -> Steps:
    create(ask, fn)
    yield "", ask("lambda", "get_function", FunctionName=fn, Qualifier="1221")


@play("fn-wrong-region")
def _(ask: Any, fn: str) -> Steps:
    yield "", ask("lambda", "get_function", FunctionName=f"arn:aws:lambda:eu-west-3:123456789012:function:{fn}")


@play("fn-qualifier-mismatch")
def _(ask: Any, fn: str) -> Steps:
    arn = f"{ARN}:some-function:$LATEST"
    yield "not_match_exception", ask("lambda", "get_function", FunctionName=arn, Qualifier="1")
    yield "match_exception", ask("lambda", "get_function", FunctionName=arn, Qualifier="$LATEST")


@play("fn-create-errors")
def _(ask: Any, fn: str) -> Steps:
    yield "invalid_role_arn_exc", create(ask, fn, Role="r1")
    yield "invalid_runtime_exc", create(ask, fn, Runtime="non-existent-runtime")
    yield "multiple_architectures", create(ask, fn, Architectures=["x86_64", "arm64"])
    yield "uppercase_architecture", create(ask, fn, Architectures=["X86_64"])
    yield "invalid_zip_exc", create(ask, fn, Code={"ZipFile": b"this is not a zip"})


@play("fn-list")
def _(ask: Any, fn: str) -> Steps:
    yield "list_functions_invalid_functionversion", ask("lambda", "list_functions", FunctionVersion="invalid")
    create(ask, f"{fn}-1", Timeout=30, Publish=True)
    create(ask, f"{fn}-2", Timeout=30)

    def ours(**more: Any) -> Any:
        # the cloud has other functions too
        found = ask("lambda", "list_functions", **more)["Functions"]
        return {"Functions": [item for item in found if item["FunctionName"].startswith(fn)]}

    yield "list_all", ours(FunctionVersion="ALL")
    yield "list_default", ours()


@play("fn-names")
def _(ask: Any, fn: str) -> Steps:
    yield "invalid_function_name_exc", create(ask, "invalid:function:name")
    yield "long_function_name_exc", create(ask, "a" * 65)
    yield "long_function_arn_exc", create(ask, f"{ARN}:{'a' * 120}")


@play("ver-publish-on-create")
def _(ask: Any, fn: str) -> Steps:
    yield "create_response", create(ask, fn, Publish=True)
    yield "get_function_result", ask("lambda", "get_function", FunctionName=fn)
    yield "get_function_version_result", ask("lambda", "get_function", FunctionName=fn, Qualifier="1")
    yield "get_function_latest_result", ask("lambda", "get_function", FunctionName=fn, Qualifier="$LATEST")
    yield "list_versions_result", ask("lambda", "list_versions_by_function", FunctionName=fn)
    yield "repeated_publish_response", ask("lambda", "publish_version", FunctionName=fn)


@play("ver-wrong-revision")
def _(ask: Any, fn: str) -> Steps:
    create(ask, fn)
    yield "", ask("lambda", "publish_version", FunctionName=fn, RevisionId="stale")


@play("rev-alias")
def _(ask: Any, fn: str) -> Steps:
    published(ask, fn)
    made = ask("lambda", "create_alias", FunctionName=fn, Name="revision_alias", FunctionVersion="1")
    change = {"FunctionName": fn, "Name": "revision_alias", "Description": "something changed"}
    yield "update_alias_revision_exception", ask("lambda", "update_alias", **change, RevisionId="wrong")
    yield "update_alias_response_rev_a2", ask("lambda", "update_alias", **change, RevisionId=made["RevisionId"])


@play("alias-lifecycle")
def _(ask: Any, fn: str) -> Steps:
    create(ask, fn, Environment={"Variables": {"testenv": "staging"}})
    ask("lambda", "publish_version", FunctionName=fn)
    ask("lambda", "update_function_configuration", FunctionName=fn, Environment={"Variables": {"testenv": "prod"}})
    ask("lambda", "publish_version", FunctionName=fn)
    key = {"FunctionName": fn, "Name": "aliasname1_1"}
    yield "create_alias_1_1", ask("lambda", "create_alias", **key, FunctionVersion="1", Description="custom-alias",
                                  RoutingConfig={"AdditionalVersionWeights": {"2": 0.2}})
    yield "get_function_alias_1_1", ask("lambda", "get_function", FunctionName=fn, Qualifier="aliasname1_1")
    yield "update_alias_1_1", ask("lambda", "update_alias", **key, RoutingConfig={"AdditionalVersionWeights": {}})
    ask("lambda", "create_alias", FunctionName=fn, Name="aliasname1_2", FunctionVersion="1", Description="custom-alias")
    ask("lambda", "create_alias", FunctionName=fn, Name="aliasname1_3", FunctionVersion="1")
    ask("lambda", "create_alias", FunctionName=fn, Name="aliasname2", FunctionVersion="2", Description="custom-alias")
    yield "list_aliases_for_version", ask("lambda", "list_aliases", FunctionName=fn, FunctionVersion="1")
    yield "delete_alias_response", ask("lambda", "delete_alias", **key)


@play("alias-errors-1")
def _(ask: Any, fn: str) -> Steps:
    published(ask, fn, versions=2)

    def make(version: str, weights: dict[str, float] | None) -> Any:
        routing = {"RoutingConfig": {"AdditionalVersionWeights": weights}} if weights else {}
        return ask("lambda", "create_alias", FunctionName=fn, Name="custom", FunctionVersion=version, **routing)

    yield "routing_config_exc_toomany", make("1", {"1": 0.8, "2": 0.2})
    yield "routing_config_exc_toohigh", make("1", {"2": 2.0})
    yield "routing_config_exc_sameversion", make("1", {"1": 0.5})
    yield "target_version_exc_version_latest", make("$LATEST", {"1": 0.5})
    make("1", None)
    yield "routing_config_exc_already_exist", make("1", None)


@play("alias-naming")
def _(ask: Any, fn: str) -> Steps:
    published(ask, fn)
    common = {"FunctionName": fn, "FunctionVersion": "1", "Description": "custom-alias"}
    yield "create_alias_date", ask("lambda", "create_alias", Name="2024-01-02", **common)
    yield "create_alias_number_exception", ask("lambda", "create_alias", Name="2024", **common)


@play("alias-delete-missing")
def _(ask: Any, fn: str) -> Steps:
    create(ask, fn)
    yield "", ask("lambda", "delete_alias", FunctionName=fn, Name="nothing")


@play("ver-update-publish")
def _(ask: Any, fn: str) -> Steps:
    create(ask, fn)
    yield "update_function_code_result", ask("lambda", "update_function_code", FunctionName=fn, ZipFile=zipped("y"),
                                             Publish=True)


@play("perm-add-get")
def _(ask: Any, fn: str) -> Steps:
    create(ask, fn)
    added = ask("lambda", "add_permission", FunctionName=fn, StatementId="s3", Action="lambda:InvokeFunction",
                Principal="s3.amazonaws.com", SourceArn="arn:aws:s3:::bucket")
    yield "add_permission", {**added, "Statement": json.loads(added["Statement"])}
    policy = ask("lambda", "get_policy", FunctionName=fn)
    yield "get_policy", {**policy, "Policy": json.loads(policy["Policy"])}


@play("perm-errors-1")
def _(ask: Any, fn: str) -> Steps:
    create(ask, fn)

    def add(name: str = fn, statement: str = "s3", principal: str = "s3.amazonaws.com", **more: Any) -> Any:
        return ask("lambda", "add_permission", FunctionName=name, StatementId=statement, Action="lambda:InvokeFunction",
                   Principal=principal, **more)

    yield "add_permission_invalid_statement_id", add(statement="example.com")
    yield "add_permission_fn_qualifier_latest", add(Qualifier="$LATEST")
    yield "add_permission_principal_invalid", add(principal="test.example.com")
    yield "add_permission_fn_doesnotexist", add(name="doesnotexist")
    yield "remove_permission_policy_doesnotexist", ask("lambda", "remove_permission", FunctionName=fn, StatementId="s3")


@play("size-unzipped")
def _(ask: Any, fn: str) -> Steps:
    yield "", create(ask, fn, Code={"ZipFile": zipped(size=262_144_001)})


@play("size-zipped")
def _(ask: Any, fn: str) -> Steps:
    yield "", create(ask, fn, Code={"ZipFile": b"\0" * 52_428_801})


@play("size-env")
def _(ask: Any, fn: str) -> Steps:
    yield "", create(ask, fn, Environment={"Variables": {"LARGE_VAR": "x" * 4_081}})


@play("runtime-deprecated")
def _(ask: Any, fn: str) -> Steps:
    yield "", create(ask, fn, Runtime="python3.7")


@play("logcfg-switch")
def _(ask: Any, fn: str) -> Steps:
    create(ask, fn)
    for step, name in (("JSON", "JSON"), ("Text again", "Text")):
        yield step, ask("lambda", "update_function_configuration", FunctionName=fn,
                        LoggingConfig={"LogFormat": name})["LoggingConfig"]


@play("snapstart-update")
def _(ask: Any, fn: str) -> Steps:
    yield "create_function_response", create(ask, fn, Timeout=5, MemorySize=1024)
    yield "update_function_response", ask("lambda", "update_function_configuration", FunctionName=fn,
                                          SnapStart={"ApplyOn": "PublishedVersions"})


@play("snapstart-error")
def _(ask: Any, fn: str) -> Steps:
    yield "", create(ask, fn, SnapStart={"ApplyOn": "invalidOption"})


@play("recursion-default")
def _(ask: Any, fn: str) -> Steps:
    create(ask, fn)
    yield "", ask("lambda", "get_function_recursion_config", FunctionName=fn)


@play("tags-limits")
def _(ask: Any, fn: str) -> Steps:
    create(ask, fn)
    for step, count in (("tag_lambda_too_many_tags", 51), ("tag_response", 50)):
        yield step, ask("lambda", "tag_resource", Resource=f"{ARN}:{fn}", Tags={f"k{i}": "v" for i in range(count)})


@play("tags-version")
def _(ask: Any, fn: str) -> Steps:
    published(ask, fn)
    yield "", ask("lambda", "tag_resource", Resource=f"{ARN}:{fn}:1", Tags={"k": "v"})


@play("tags-lifecycle")
def _(ask: Any, fn: str) -> Steps:
    create(ask, fn, Timeout=30, Tags={"key_a": "value_a"})
    yield "get_fn_response_postfncreate", ask("lambda", "get_function", FunctionName=fn)
    yield "tag_resource_response", ask("lambda", "tag_resource", Resource=f"{ARN}:{fn}", Tags={"key_b": "b"})
    ask("lambda", "untag_resource", Resource=f"{ARN}:{fn}", TagKeys=["key_a", "key_b"])
    yield "get_fn_response_postuntagall", ask("lambda", "get_function", FunctionName=fn)


@play("inv-dryrun")
def _(ask: Any, fn: str) -> Steps:
    create(ask, fn)
    yield "", ask("lambda", "invoke", FunctionName=fn, InvocationType="DryRun")


@play("inv-event-ok")
def _(ask: Any, fn: str) -> Steps:
    create(ask, fn)
    yield "", ask("lambda", "invoke", FunctionName=fn, InvocationType="Event", Payload=b"{}")


@play("inv-bad-utf8-body")
def _(ask: Any, fn: str) -> Steps:
    create(ask, fn)
    yield "", ask("lambda", "invoke", FunctionName=fn, Payload=b"n\x87r\x9e\xe9\xb5\xd7I\xee\x9bmt")


@play("inv-fn-missing")
def _(ask: Any, fn: str) -> Steps:
    yield "", ask("lambda", "invoke", FunctionName="doesnotexist")


@play("inv-alias-missing")
def _(ask: Any, fn: str) -> Steps:
    create(ask, fn)
    yield "", ask("lambda", "invoke", FunctionName=fn, Qualifier="non-existent-alias")


@play("thr-reserved0-sync")
def _(ask: Any, fn: str) -> Steps:
    create(ask, fn)
    yield "put_reserved", ask("lambda", "put_function_concurrency", FunctionName=fn, ReservedConcurrentExecutions=0)
    yield "exc_no_cap_requestresponse", ask("lambda", "invoke", FunctionName=fn)


@play("thr-pc-equals-reserved")
def _(ask: Any, fn: str) -> Steps:
    published(ask, fn)
    yield "reserved_concurrency_result", ask("lambda", "put_function_concurrency", FunctionName=fn,
                                             ReservedConcurrentExecutions=1)
    key = {"FunctionName": fn, "Qualifier": "1"}
    yield "provisioned_concurrency_result", ask("lambda", "put_provisioned_concurrency_config", **key,
                                                ProvisionedConcurrentExecutions=1)
    while ask("lambda", "get_provisioned_concurrency_config", **key)["Status"] != "READY":
        pass
    yield "invoke_latest_first_exc", ask("lambda", "invoke", FunctionName=fn)


def invoke_error(ask: Any, **parameters: Any) -> Any:
    error = ask("lambda", "invoke", **parameters)
    return {"Code": error["code"], "Message": error["message"]}


@play("fn-name-pattern-invoke")
def _(ask: Any, fn: str) -> Steps:
    error = ask("lambda", "invoke", FunctionName="*")
    problem = error["message"].partition(": ")[2]
    yield "", {"Code": error["code"], "Count": int(error["message"][0]), "Errors": [problem]}


@play("fn-name-65-invoke")
def _(ask: Any, fn: str) -> Steps:
    yield "", invoke_error(ask, FunctionName="a" * 65)


@play("fn-qual-lower-latest")
def _(ask: Any, fn: str) -> Steps:
    yield "", invoke_error(ask, FunctionName=f"{ARN}:my-function", Qualifier="$latest")


@play("fn-incomplete-arn-invoke")
def _(ask: Any, fn: str) -> Steps:
    yield "", invoke_error(ask, FunctionName=ARN)


@play("fn-two-quals-invoke")
def _(ask: Any, fn: str) -> Steps:
    yield "", invoke_error(ask, FunctionName=f"{ARN}:my-function:$LATEST", Qualifier="1")


@pytest.mark.parametrize("case", PLAYS)
def test_the_answers_equal_the_recorded_ones(case: str, ask: Any, deviations: Callable[..., list[str]]) -> None:
    assert deviations(case, PLAYS[case](ask, f"test-{case}")) == []
