"""SQL and nothing else. Transactions belong to the callers."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Row

AnyRow = Row[*tuple[Any, ...]]
Rows = Sequence[AnyRow]
