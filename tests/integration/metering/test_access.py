"""Who may read what: nobody anonymous, nobody of another workspace, nobody without the role."""

import pytest

PATHS = ["acme/costs", "acme/usage", "acme/usage/unpriced", "acme/charges/chg_1/receipt"]


@pytest.mark.parametrize("path", PATHS)
async def test_anonymous_callers_are_told_to_authenticate(api, path):
    answer = await api.get(path, token=None)
    assert answer.status_code == 401
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["code"] == "unauthenticated"


@pytest.mark.parametrize("path", PATHS)
async def test_another_workspaces_people_learn_nothing(api, ledger, build, path):
    await ledger.record([build.measured(build.usage())])
    theirs = api.tokens.person({"umbrella": ["admin", "finance", "auditor"]})
    answer = await api.get(path, token=theirs)
    nowhere = await api.get(path.replace("acme", "no-such-workspace"), token=theirs)
    assert answer.status_code == nowhere.status_code == 403
    assert answer.json() == nowhere.json()


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize(
    ("role", "status"), [("member", 403), ("admin", 200), ("finance", 200), ("auditor", 200)]
)
async def test_admins_finance_and_auditors_may_read(api, path, role, status):
    answer = await api.get(path, token=api.tokens.person({"acme": [role]}))
    assert answer.status_code in {status, 404 if status == 200 else status}


async def test_a_workspace_sees_its_own_usage_only(api, ledger, book, build):
    for workspace, count in (("acme", 1), ("umbrella", 2)):
        await book.apply(build.price_of(build.price(workspace=workspace)))
        await ledger.record([build.measured(build.usage(workspace=workspace))] * count)
        await ledger.record(
            [
                build.measured(build.usage(workspace=workspace, model="unknown"))
                for _ in range(count)
            ]
        )
    (mine,) = await api.usage("acme", model="chat")
    (theirs,) = await api.usage("umbrella", model="chat")
    assert mine["id"] != theirs["id"]
    assert (await api.costs("acme"))["unpriced"]["requests"] == 1
    assert (await api.costs("umbrella"))["unpriced"]["requests"] == 2
    assert (await api.read("acme/usage/unpriced"))["items"][0]["requests"] == 1
    stolen = await api.get(f"acme/charges/{theirs['charge_id']}/receipt")
    assert stolen.status_code == 404
    assert (await api.read(f"umbrella/charges/{theirs['charge_id']}/receipt"))["total"]


async def test_a_prices_row_of_another_workspace_prices_nothing(api, ledger, book, build):
    await book.apply(build.price_of(build.price(workspace="umbrella")))
    await ledger.record([build.measured(build.usage())])
    assert (await api.costs())["unpriced"]["requests"] == 1
