"""Rules of credential data: shapes, masks, rotation."""

import json

import pytest
from pydantic import SecretStr

from tollway_contracts.vocabulary import CredentialType
from tollway_secrets import data
from tollway_secrets.errors import InvalidData

API_KEY = CredentialType.API_KEY
AWS = CredentialType.AWS
GOOGLE = CredentialType.GOOGLE_SERVICE_ACCOUNT

PAIR = {"access_key_id": "AKIAABCDEFGHIJKLMNOP", "secret_access_key": "s" * 36 + "WXYZ"}


def given(**fields: str | None) -> dict[str, SecretStr | None]:
    return {name: None if value is None else SecretStr(value) for name, value in fields.items()}


def account(**fields: object) -> str:
    return json.dumps(
        {
            "type": "service_account",
            "client_email": "robot@acme-prod.iam.gserviceaccount.com",
            "private_key": "-----BEGIN PRIVATE KEY-----\nabc\n-----END PRIVATE KEY-----\n",
            **fields,
        }
    )


@pytest.mark.parametrize("pasted", ["sk-1", " sk-1", "sk-1\n", "\t sk-1 \r\n", "\ufeffsk-1"[1:]])
def test_white_space_around_a_pasted_key_is_taken_off(pasted: str) -> None:
    assert data.new_data(API_KEY, given(api_key=pasted)).plain() == {"api_key": "sk-1"}


@pytest.mark.parametrize(
    "pasted",
    ["", " ", "\n", "a\nb", "a\x00b", "a\x7fb", "a\x1b[0m", "schlüssel", "a\u200bb", "\ud800"],
)
def test_empty_keys_and_keys_with_control_or_foreign_characters_are_refused(pasted: str) -> None:
    with pytest.raises(InvalidData) as caught:
        data.new_data(API_KEY, given(api_key=pasted))
    assert [error.field for error in caught.value.errors] == ["data.api_key"]


def test_a_key_may_have_inner_spaces() -> None:
    assert data.new_data(API_KEY, given(api_key="a b")).plain() == {"api_key": "a b"}


def test_camel_case_names_the_same_field() -> None:
    assert data.new_data(API_KEY, given(apiKey="sk-1")).plain() == {"api_key": "sk-1"}
    assert data.changes(API_KEY, given(apiKey="sk-2")) == {"api_key": "sk-2"}


@pytest.mark.parametrize(
    ("kind", "fields", "named"),
    [
        (API_KEY, {}, "data.api_key"),
        (API_KEY, {"api_key": None}, "data.api_key"),
        (API_KEY, {"api_key": "x", "bearer_token": "y"}, "data.bearer_token"),
        (AWS, {}, "data"),
        (AWS, {"access_key_id": "x"}, "data"),
        (AWS, {"secret_access_key": "x"}, "data"),
        (AWS, {"session_token": "x", "bearer_token": "y"}, "data"),
        (AWS, {**PAIR, "bearer_token": "y"}, "data"),
        (AWS, {**PAIR, "api_key": "y"}, "data.api_key"),
        (GOOGLE, {"service_account_json": "{"}, "data.service_account_json"),
        (GOOGLE, {"service_account_json": "[]"}, "data.service_account_json"),
        (GOOGLE, {"service_account_json": "[" * 50_000}, "data.service_account_json"),
        (GOOGLE, {"service_account_json": account(type="user")}, "data.service_account_json"),
        (GOOGLE, {"service_account_json": account(private_key="")}, "data.service_account_json"),
        (GOOGLE, {"service_account_json": account(client_email=1)}, "data.service_account_json"),
        (GOOGLE, {"service_account_json": " " * 70_000}, "data.service_account_json"),
    ],
)
def test_data_that_its_type_does_not_take_is_refused_by_field(
    kind: CredentialType, fields: dict[str, str | None], named: str
) -> None:
    with pytest.raises(InvalidData) as caught:
        data.new_data(kind, given(**fields))
    assert named in [error.field for error in caught.value.errors]


def test_no_refusal_repeats_what_was_sent() -> None:
    canary = "CANARY-9f8e7d6c5b4a"
    values = (f"{canary}\n{canary}", f'{{"{canary}":\n[', f'{{"type":\n"{canary}"}}')
    for kind in CredentialType:
        for field in data.DATA_OF_TYPE[kind].model_fields:
            for value in values:
                with pytest.raises(InvalidData) as caught:
                    data.new_data(kind, given(**{field: value}))
                error: BaseException | None = caught.value
                while error is not None:
                    assert canary not in repr(error) + str(error)
                    error = error.__context__


def test_data_does_not_show_its_secrets() -> None:
    made = data.new_data(API_KEY, given(api_key="CANARY-9f8e7d6c5b4a"))
    assert "CANARY" not in repr(made) + str(made) + made.model_dump_json()


@pytest.mark.parametrize(
    ("kind", "fields", "hints"),
    [
        (API_KEY, {"api_key": "x" * 12 + "abcd"}, {"api_key": "…abcd"}),
        (API_KEY, {"api_key": "x" * 11 + "abcd"}, {"api_key": "…"}),
        (AWS, PAIR, {"access_key_id": "…MNOP", "secret_access_key": "…WXYZ"}),
        (AWS, {"bearer_token": "short"}, {"bearer_token": "…"}),
        (
            GOOGLE,
            {"service_account_json": account()},
            {"service_account_json": "…@acme-prod.iam.gserviceaccount.com"},
        ),
        (
            GOOGLE,
            {"service_account_json": account(client_email="a private thing")},
            {"service_account_json": "…"},
        ),
    ],
)
def test_hints_show_four_characters_of_long_secrets_and_none_of_short_ones(
    kind: CredentialType, fields: dict[str, str], hints: dict[str, str]
) -> None:
    assert data.new_data(kind, given(**fields)).hints() == hints


def test_a_rotation_keeps_missing_and_empty_fields() -> None:
    changed = data.changes(AWS, given(access_key_id="", secret_access_key="new"))
    rotated = data.rotated(AWS, {**PAIR, "session_token": "old"}, changed)
    assert rotated.plain() == {**PAIR, "secret_access_key": "new", "session_token": "old"}


def test_a_rotation_removes_an_optional_field_by_null() -> None:
    changed = data.changes(AWS, given(session_token=None))
    assert data.rotated(AWS, {**PAIR, "session_token": "old"}, changed).plain() == PAIR


def test_a_rotation_does_not_remove_a_needed_field() -> None:
    with pytest.raises(InvalidData):
        data.rotated(API_KEY, {"api_key": "old"}, data.changes(API_KEY, given(api_key=None)))


def test_a_bearer_token_replaces_a_key_pair_and_the_other_way_round() -> None:
    bearer = {"bearer_token": "token"}
    assert data.rotated(AWS, PAIR, data.changes(AWS, given(**bearer))).plain() == bearer
    assert data.rotated(AWS, bearer, data.changes(AWS, given(**PAIR))).plain() == PAIR


def test_removing_a_field_alone_switches_no_form() -> None:
    changed = data.changes(AWS, given(session_token=None))
    assert data.rotated(AWS, {"bearer_token": "t"}, changed).plain() == {"bearer_token": "t"}


@pytest.mark.parametrize("fields", [{}, {"api_key": ""}, {"api_key": " \n"}])
def test_a_rotation_to_nothing_changes_nothing(fields: dict[str, str]) -> None:
    assert data.changes(API_KEY, given(**fields)) == {}


@pytest.mark.parametrize("value", ["x", "", None])
def test_a_rotation_refuses_fields_of_other_types(value: str | None) -> None:
    with pytest.raises(InvalidData) as caught:
        data.changes(API_KEY, given(bearer_token=value))
    assert [error.field for error in caught.value.errors] == ["data.bearer_token"]


def test_a_whole_new_set_needs_nothing_of_the_old_one() -> None:
    assert data.keeps_nothing(API_KEY, {"api_key": "new"})
    assert data.keeps_nothing(AWS, {"bearer_token": "new"})
    assert not data.keeps_nothing(AWS, PAIR)
    assert data.keeps_nothing(AWS, {**PAIR, "session_token": None})
    assert not data.keeps_nothing(AWS, {"session_token": None})
