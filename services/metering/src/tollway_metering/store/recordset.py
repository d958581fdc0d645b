"""Many rows in one statement: they travel as one JSON text, which PostgreSQL takes apart.

Numbers that must stay exact travel as strings.
"""

from typing import Any

import msgspec
from sqlalchemy import JSON, Select, Table, Text, bindparam, cast, column, func, select

from tollway_metering.posting import Row

Parameters = dict[str, Any]


def recordset(table: Table, *names: str) -> Select[Any]:
    """Select rows that `parameters` made, in their order, typed as the table's columns are."""
    columns = [column(name, table.c[name].type) for name in names]
    given = cast(bindparam("rows", type_=Text), JSON)
    rows = func.json_to_recordset(given).table_valued(*columns, name="given")
    return select(*rows.render_derived(with_types=True).c)


def parameters(rows: list[Row]) -> Parameters:
    """Return what a statement with a `recordset` is executed with."""
    return {"rows": msgspec.json.encode(rows).decode()}
