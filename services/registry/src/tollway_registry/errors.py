"""The registry's own errors, as callers see them."""

from tollway_kit.errors import ServiceError


class InUse(ServiceError):
    """Something else depends on it."""

    status, code, title = 409, "in_use", "In use"


class CustomModelsBarred(ServiceError):
    """The workspace does not allow endpoints of its own."""

    status, code, title = 409, "custom_models_barred", "Custom models are barred"


class UnknownReference(ServiceError):
    """A field names a resource that the workspace does not have."""

    status, code, title = 422, "unknown_reference", "Unknown reference"


class TooLarge(ServiceError):
    """More than one resource may hold."""

    status, code, title = 413, "too_large", "Too large"
