"""The topics' last states, in memory and on disk."""

import json

from support.builders import api_key, deployment, model, provider

from tollway_contracts.events import CredentialChanged, ResourceChanged
from tollway_contracts.topics import API_KEYS, CREDENTIALS, MODELS
from tollway_router.routing.state import TopicState, load, save


def state_of(*resources) -> TopicState:
    state = TopicState()
    for resource in resources:
        state.apply(MODELS.name, f"acme/{resource.id}", ResourceChanged(resource).to_json())
    return state


def test_a_tombstone_takes_a_resource_out():
    state = state_of(model(), provider(), deployment())
    state.apply(MODELS.name, "acme/dep_chat-a", None)
    assert state.table().models["acme", "chat"].routes == ()


def test_an_older_revision_changes_nothing():
    state = state_of(model(revision=3, display_name="new"), model(revision=2, display_name="old"))
    assert state.table().models["acme", "chat"].model.display_name == "new"


def test_a_record_that_cannot_be_read_changes_nothing():
    state = state_of(model())
    state.apply(MODELS.name, "acme/mdl_chat", b"{garbage")
    state.apply(MODELS.name, "acme/mdl_x", b"\xff\xfe")
    assert list(state.table().models) == [("acme", "chat")]


def test_fields_that_a_later_version_added_are_left_out():
    body = ResourceChanged(model()).to_json()[:-1] + b', "colour": "blue"}'
    state = TopicState()
    state.apply(MODELS.name, "acme/mdl_chat", body)
    assert ("acme", "chat") in state.table().models


def credential(version: int, name: str = "main") -> CredentialChanged:
    return CredentialChanged(
        id=f"cred_{name}",
        workspace="acme",
        name=name,
        type="api-key",
        version=version,
        reason="rotated",
    )


def credentials_of(*changes: CredentialChanged) -> TopicState:
    state = TopicState()
    for changed in changes:
        state.apply(CREDENTIALS.name, changed.id, changed.to_json())
    return state


def test_a_credential_s_change_and_its_end_are_told():
    state = TopicState()
    assert state.apply(CREDENTIALS.name, "cred_main", credential(2).to_json()) == credential(2)
    gone = state.apply(CREDENTIALS.name, "cred_main", None)
    assert gone == credential(3)  # no version that was ever fetched is as late
    assert state.apply(CREDENTIALS.name, "cred_main", None) is None


def test_what_is_told_of_a_credential_again_is_no_news():
    state = credentials_of(credential(2))
    assert state.apply(CREDENTIALS.name, "cred_main", credential(2).to_json()) is None
    assert state.apply(CREDENTIALS.name, "cred_main", credential(1).to_json()) is None
    assert state.apply(CREDENTIALS.name, "cred_main", credential(3).to_json()) == credential(3)


def test_a_state_read_anew_knows_which_credentials_changed_meanwhile():
    known = credentials_of(credential(2, "same"), credential(2, "newer"), credential(4, "gone"))
    fresh = credentials_of(credential(2, "same"), credential(3, "newer"), credential(1, "first"))
    fresh.apply(MODELS.name, "acme/mdl_chat", ResourceChanged(model()).to_json())
    assert fresh.newer_credentials(known) == [credential(3, "newer"), credential(1, "first")]
    assert fresh.ended_credentials(known) == [credential(5, "gone")]


def test_a_stored_state_comes_back_whole(tmp_path):
    state = state_of(model(), provider(), deployment())
    state.apply(API_KEYS.name, "key_search", api_key().to_json())
    save(state.records(), 17, tmp_path / "sub" / "table.json")
    again = load(tmp_path / "sub" / "table.json")
    assert again.table() == state.table()
    assert again.read == 17


def test_a_missing_or_broken_file_is_an_empty_state(tmp_path):
    assert not load(tmp_path / "none.json").records()
    for broken in (b"", b"[1, 2]", b'{"read": 1}', b'{"read": 1, "records": [["a"]]}'):
        (tmp_path / "table.json").write_bytes(broken)
        assert not load(tmp_path / "table.json").records()


def test_a_log_that_starts_anew_drops_nothing_it_does_not_mention():
    known, fresh = state_of(model("old"), model("chat")), state_of(model("chat", revision=2))
    fresh.read = 1
    known.merge(fresh)
    assert sorted(name for _, name in known.table().models) == ["chat", "old"]
    assert known.read == 1


def test_a_log_that_starts_anew_takes_nothing_back():
    known, fresh = state_of(model(revision=3)), state_of(model(revision=2))
    known.merge(fresh)
    assert known.table().models["acme", "chat"].model.revision == 3


def test_a_large_state_is_stored_in_one_write(tmp_path, monkeypatch):
    def piece_by_piece(*_: object) -> None:
        raise AssertionError

    monkeypatch.setattr(json, "dump", piece_by_piece)
    save(state_of(model()).records(), 1, tmp_path / "table.json")
    assert load(tmp_path / "table.json").records()
