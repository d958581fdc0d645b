"""The table of kinds agrees with what it speaks of."""

import pytest

from tollway_contracts.resources import Resource
from tollway_registry.keys import mint
from tollway_registry.kinds import IN_WORKSPACES, KINDS, Kind


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.word)
def test_a_kind_is_consistent(kind: Kind) -> None:
    fields = set(kind.spec.model_fields)
    assert set(kind.guarded) <= fields & set(kind.table.c.keys())
    assert {reference.field for reference in kind.references} <= fields
    assert (kind.changeable or frozenset()) <= fields
    assert issubclass(kind.new, kind.spec)
    assert issubclass(kind.view, (kind.spec, Resource))
    assert not fields & (set(Resource.model_fields) | {"name", "resource"})


def test_a_reference_to_one_resource_is_guarded_by_the_database() -> None:
    for kind in IN_WORKSPACES:
        targets = {
            (tuple(key.column_keys), key.referred_table.name)
            for key in kind.table.foreign_key_constraints
        }
        for reference in kind.references:
            if not reference.many:
                assert [
                    columns
                    for columns, table in targets
                    if reference.field in columns and table == reference.target
                ]
        for key in kind.table.foreign_key_constraints:
            assert key.ondelete == "RESTRICT"
            assert "workspace" in key.column_keys


def test_words_segments_and_prefixes_differ() -> None:
    for values in (
        [kind.word for kind in KINDS],
        [kind.segment for kind in KINDS],
        [kind.id_prefix for kind in KINDS],
    ):
        assert len(set(values)) == len(KINDS)


def test_a_minted_key_does_not_show_in_its_representation() -> None:
    key = mint()
    assert key.plain not in repr(key)
    assert key.plain.startswith("tw_")
    assert len(key.plain) == 3 + 43
