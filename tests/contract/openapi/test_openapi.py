"""Each service keeps to its own OpenAPI document, whatever it is asked.

Requests are made up from the document and sent to the running stack, as an admin and in
a workspace of their own.
"""

import httpx2
import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis.config import SchemathesisConfig

from tollway_cli.stack import Stack

EXAMPLES = 12
WORKSPACE = "made-up"
SERVICES = ("registry", "secrets", "metering", "router")
# They answer everybody, and have no contract of their own here.
OPEN_PATHS = {"/livez", "/readyz", "/metrics", "/openapi.json", "/asyncapi.json"}

CONFIG = {
    "generation": {"allow-x00": False, "database": "none"},
    "checks": {
        # It takes the token off, and the headers below put it on again. Tested by hand instead.
        "ignored_auth": {"enabled": False},
        # A document cannot say that a reference must exist or that a revision must be the present.
        "positive_data_acceptance": {
            # 400 is the router's, whose bodies are the vendors' own.
            "expected-statuses": ["2xx", 400, 401, 403, 404, 409, 412, 413, 422, 502, 503]
        },
        "negative_data_rejection": {
            "expected-statuses": [400, 401, 403, 404, 405, 406, 412, 413, 415, 422, 428, 502, 503]
        },
    },
}


@pytest.fixture(scope="module")
def headers(stack: Stack) -> dict[str, dict[str, str]]:
    """What each service is called with. The workspace exists, with nothing in it."""
    admin = {"authorization": f"Bearer {stack.env['TOLLWAY_ADMIN_TOKEN']}"}
    url = f"{stack.addresses.registry}/v1/workspaces"
    httpx2.post(url, json={"name": WORKSPACE}, headers=admin)
    client = {"authorization": f"Bearer {stack.env['OPENAI_API_KEY']}"}
    return {"registry": admin, "secrets": admin, "metering": admin, "router": client}


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_keeps_to_its_document(stack, headers, service):
    base = getattr(stack.addresses, service)
    document = schemathesis.openapi.from_url(
        f"{base}/openapi.json", config=SchemathesisConfig.from_dict(CONFIG)
    )
    document.config.update(base_url=base)
    operations = [
        result.ok()
        for result in document.get_all_operations()
        if result.ok().path not in OPEN_PATHS
    ]
    assert operations
    for operation in operations:
        _hold_to_its_contract(operation, headers[service])


def _hold_to_its_contract(
    operation: schemathesis.schemas.APIOperation, headers: dict[str, str]
) -> None:
    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        derandomize=True,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy())
    def check(case: schemathesis.Case) -> None:
        if "workspace" in case.path_parameters:
            case.path_parameters["workspace"] = WORKSPACE
        case.call_and_validate(headers=headers, timeout=30)

    check()


@pytest.mark.parametrize("service", SERVICES)
def test_every_operation_says_what_a_caller_without_a_token_gets(stack, service):
    document = httpx2.get(f"{getattr(stack.addresses, service)}/openapi.json").json()
    for path, operations in document["paths"].items():
        if path in OPEN_PATHS:
            continue
        for method, operation in operations.items():
            assert "401" in operation["responses"], f"{method} {path}"
            answer = httpx2.request(
                method, getattr(stack.addresses, service) + _filled_in(path), content=b"{}"
            )
            assert answer.status_code == 401, f"{method} {path}: {answer.text}"


def _filled_in(path: str) -> str:
    for name in ("workspace", "name", "model", "charge_id", "charge"):
        path = path.replace("{" + name + "}", WORKSPACE).replace("{" + name + ":path}", WORKSPACE)
    assert "{" not in path, path
    return path
