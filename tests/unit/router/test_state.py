"""The topics' last states, in memory and on disk."""

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


def test_a_credential_s_change_and_its_end_are_told():
    changed = CredentialChanged(
        id="cred_1", workspace="acme", name="main", type="api-key", version=2, reason="rotated"
    )
    state = TopicState()
    assert state.apply(CREDENTIALS.name, "cred_1", changed.to_json()) == changed
    assert state.apply(CREDENTIALS.name, "cred_1", None) == changed


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
