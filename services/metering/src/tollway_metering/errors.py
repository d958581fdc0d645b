"""Metering's own errors; the rest are the kit's."""

from typing import ClassVar

from tollway_kit.errors import ServiceError


class UnknownGroup(ServiceError):
    """A report cannot be grouped by that."""

    status: ClassVar[int] = 422
    code: ClassVar[str] = "unknown_group"
    title: ClassVar[str] = "Cannot group by that"
