"""From a presented key and a model's name to the deployments to try."""

import random
from collections import Counter
from datetime import timedelta

import pytest
from support.builders import API_KEY, NOW, api_key, deployment, model, provider

from tollway_router.canonical.failure import RequestRefused
from tollway_router.routing.policy import order
from tollway_router.routing.resolve import authenticate, resolve
from tollway_router.routing.table import RouteTable, build_table


def table(*resources, keys=None) -> RouteTable:
    return build_table(resources, keys if keys is not None else [api_key()])


def refusal(call) -> tuple[int, str]:
    with pytest.raises(RequestRefused) as raised:
        call()
    return raised.value.failure.status, raised.value.failure.code


def test_a_key_is_known_by_its_digest():
    assert authenticate(table(), API_KEY, NOW).name == "search"


@pytest.mark.parametrize(
    ("key", "presented", "code"),
    [
        (api_key(), None, "missing_api_key"),
        (api_key(), "", "missing_api_key"),
        (api_key(), "tw_wrong", "invalid_api_key"),
        (api_key(), api_key().sha256, "invalid_api_key"),
        (api_key(disabled=True), API_KEY, "invalid_api_key"),
        (api_key(expires_at=NOW), API_KEY, "expired_api_key"),
    ],
)
def test_a_key_that_does_not_hold_is_refused_with_401(key, presented, code):
    assert refusal(lambda: authenticate(table(keys=[key]), presented, NOW)) == (401, code)


def test_a_key_holds_until_the_moment_it_expires():
    key = api_key(expires_at=NOW + timedelta(seconds=1))
    assert authenticate(table(keys=[key]), API_KEY, NOW) == key


def test_a_model_that_another_workspace_has_does_not_exist():
    known = table(model(), provider(), deployment())
    other = api_key(workspace="other")
    assert refusal(lambda: resolve(known, other, "chat")) == (404, "model_not_found")


def test_a_model_that_the_key_may_not_use_is_answered_like_one_that_does_not_exist():
    known = table(model(), provider(), deployment())
    narrow = api_key(models=["other-model"])
    with pytest.raises(RequestRefused) as forbidden:
        resolve(known, narrow, "chat")
    with pytest.raises(RequestRefused) as missing:
        resolve(known, narrow, "nope")
    forbidden_text = forbidden.value.failure.message.replace("chat", "nope")
    assert forbidden_text == missing.value.failure.message


def test_a_model_in_maintenance_is_refused_with_503():
    known = table(model(state="maintenance"), provider(), deployment())
    assert refusal(lambda: resolve(known, api_key(), "chat")) == (503, "model_in_maintenance")


@pytest.mark.parametrize(
    "resources",
    [
        [model()],
        [model(), deployment()],
        [model(), provider(), deployment(weight=0)],
        [model(), provider(spec="google"), deployment()],
    ],
    ids=["no deployment", "no provider", "weight 0", "a spec that is not served"],
)
def test_a_model_without_a_deployment_that_serves_is_refused_with_503(resources):
    assert refusal(lambda: resolve(table(*resources), api_key(), "chat")) == (503, "no_deployment")


def test_resources_may_come_in_any_order():
    parts = [model(), provider(), deployment()]
    expected = table(*parts).models
    for shuffled in (parts[::-1], [parts[2], parts[0], parts[1]]):
        assert table(*shuffled).models == expected


def test_the_deployment_s_own_credential_goes_before_the_provider_s():
    one, two = (
        table(
            model(),
            provider(credential="shared"),
            deployment("a"),
            deployment("b", credential="own"),
        )
        .models["acme", "chat"]
        .routes
    )
    assert (one.credential, two.credential) == ("shared", "own")


def test_the_provider_s_mapping_replaces_the_upstream_model_id():
    known = table(model(), provider(model_id_mapping={"house-1": "house-mini-2"}), deployment())
    (route,) = known.models["acme", "chat"].routes
    assert route.target.upstream_model == "house-mini-2"


def test_a_key_lists_only_its_own_models():
    known = table(model("a"), model("b"), model("c", workspace="other"))
    assert [m.name for m in known.models_of(api_key())] == ["a", "b"]
    assert [m.name for m in known.models_of(api_key(models=["b", "c"]))] == ["b"]


def routes_of(*deployments):
    return table(model(), provider(), *deployments).models["acme", "chat"].routes


def test_a_lower_priority_number_is_tried_first_and_weight_0_never():
    routes = routes_of(
        deployment("later", priority=1),
        deployment("first", priority=0),
        deployment("never", priority=0, weight=0),
    )
    assert [r.deployment.name for r in order(routes, random.Random(1))] == ["first", "later"]


def test_equals_are_drawn_in_proportion_to_their_weight():
    routes = routes_of(deployment("heavy", weight=3), deployment("light", weight=1))
    chance = random.Random(7)
    first = Counter(order(routes, chance)[0].deployment.name for _ in range(4000))
    assert 2850 < first["heavy"] < 3150
