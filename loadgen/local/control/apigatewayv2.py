"""API Gateway v2 (HTTP APIs): stages. moto has no UpdateStage; APIs, routes and integrations are moto's.

UpdateStage keeps what it does not name: members of the default route settings, and the settings of other routes, which
DeleteRouteSettings removes. Source: API Gateway V2 API reference, "Stage".
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from loadgen.local.control.wire import Answer, Call, Refused

Members = dict[str, Any]
_PLAIN = {"Description": "description", "AutoDeploy": "auto_deploy", "StageVariables": "stage_variables",
          "ClientCertificateId": "client_certificate_id"}
"""Parameters of UpdateStage that replace an attribute of moto's stage."""


class HttpService:
    """The operations on HTTP APIs' stages. `backend` is moto's."""

    def __init__(self, backend: Any) -> None:
        self._backend = backend

    @property
    def operations(self) -> Mapping[str, Callable[[Call], Answer]]:
        return {
            "UpdateStage": self.update_stage,
            "DeleteRouteSettings": self.delete_route_settings,
            "DeleteAccessLogSettings": self.delete_access_log_settings,
        }

    def update_stage(self, call: Call) -> Answer:
        """Change a stage: throttles, access log, description, variables."""
        stage = self._stage(call)
        stage.default_route_settings = {**stage.default_route_settings, **(call.get("DefaultRouteSettings") or {})}
        routes = call.get("RouteSettings") or {}
        stage.route_settings = {**stage.route_settings, **{route: {**stage.route_settings.get(route, {}), **settings}
                                                           for route, settings in routes.items()}}
        if call.get("AccessLogSettings") is not None:
            stage.access_log_settings = {**(stage.access_log_settings or {}), **call["AccessLogSettings"]}
        for parameter, attribute in _PLAIN.items():
            if call.get(parameter) is not None:
                setattr(stage, attribute, call[parameter])
        stage.updated = datetime.now(UTC).replace(tzinfo=None)
        return Answer(stage.to_json())

    def delete_route_settings(self, call: Call) -> Answer:
        """Take one route's own settings away."""
        stage = self._stage(call)
        if call["RouteKey"] not in stage.route_settings:
            raise Refused(404, "NotFoundException", f"Unable to find Route by key {call['RouteKey']} within the "
                                                    "provided RouteSettings")
        del stage.route_settings[call["RouteKey"]]
        return Answer(status=204)

    def delete_access_log_settings(self, call: Call) -> Answer:
        """Turn the access log off."""
        self._stage(call).access_log_settings = None
        return Answer(status=204)

    def _stage(self, call: Call) -> Any:
        api = self._backend.apis.get(call["ApiId"])
        if api is None:
            raise Refused(404, "NotFoundException", f"Invalid API identifier specified {call['ApiId']}")
        if call["StageName"] not in api.stages:
            raise Refused(404, "NotFoundException", "Unable to find Stage by name " + call["StageName"])
        return api.stages[call["StageName"]]
