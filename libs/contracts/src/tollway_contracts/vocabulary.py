"""The closed sets of words that Tollway's parts share, and the shapes of names."""

from enum import StrEnum
from typing import Annotated

from pydantic import Field


class Spec(StrEnum):
    """The wire format that an upstream speaks."""

    ANTHROPIC = "anthropic"
    OPENAI_CHAT_COMPLETIONS = "openai-chat-completions"
    OPENAI_COMPLETIONS = "openai-completions"
    OPENAI_RESPONSES = "openai-responses"
    GOOGLE = "google"
    AZURE = "azure"
    AMAZON_BEDROCK = "amazon-bedrock"
    GOOGLE_VERTEX = "google-vertex"


class Surface(StrEnum):
    """The wire format that a client speaks to the router."""

    CHAT_COMPLETIONS = "chat-completions"
    MESSAGES = "messages"


class ModelKind(StrEnum):
    """What a model makes."""

    COMPLETION = "completion"
    EMBEDDING = "embedding"
    IMAGE = "image"


class CredentialType(StrEnum):
    """The shape of an upstream key set."""

    API_KEY = "api-key"
    AWS = "aws"
    GOOGLE_SERVICE_ACCOUNT = "google-service-account"


class ProviderOrigin(StrEnum):
    """`native` is a vendor's public API, `custom` an endpoint that the workspace brings."""

    NATIVE = "native"
    CUSTOM = "custom"


class Region(StrEnum):
    """Where a model's requests are processed."""

    EU = "EU"
    US = "US"
    GLOBAL = "Global"


class Visibility(StrEnum):
    """Whether members see a model; an invisible one still answers by name, for tests."""

    INVISIBLE = "invisible"
    VISIBLE = "visible"


class ModelState(StrEnum):
    """Whether a model serves. `maintenance` refuses with 503 and deletes nothing."""

    ACTIVE = "active"
    MAINTENANCE = "maintenance"
    DEPRECATED = "deprecated"


class OnUnsupported(StrEnum):
    """What happens to a request field that the upstream's format cannot say."""

    REFUSE = "refuse"
    DROP = "drop"


class Role(StrEnum):
    """What a person may do in a workspace."""

    ADMIN = "admin"
    MEMBER = "member"
    FINANCE = "finance"
    AUDITOR = "auditor"


class Meter(StrEnum):
    """A quantity that a price can apply to.

    Meters are disjoint: each token is counted by one of them. `reasoning` is the exception: it
    informs about tokens that `output` already counts, and never has a price.
    """

    INPUT_UNCACHED = "input_uncached"
    CACHE_READ = "cache_read"
    CACHE_WRITE_5M = "cache_write_5m"
    CACHE_WRITE_1H = "cache_write_1h"
    OUTPUT = "output"
    REASONING = "reasoning"
    INPUT_AUDIO = "input_audio"
    OUTPUT_AUDIO = "output_audio"
    INPUT_IMAGE = "input_image"
    OUTPUT_IMAGE = "output_image"
    IMAGES = "images"
    REQUESTS = "requests"
    SECONDS = "seconds"
    WEB_SEARCHES = "web_searches"


INFORMATIONAL_METERS = frozenset({Meter.REASONING})


class Outcome(StrEnum):
    """How an upstream attempt ended."""

    OK = "ok"
    CLIENT_DISCONNECTED = "client_disconnected"
    UPSTREAM_REFUSED = "upstream_refused"
    UPSTREAM_UNREACHABLE = "upstream_unreachable"
    UPSTREAM_TIMEOUT = "upstream_timeout"
    UPSTREAM_CUT = "upstream_cut"
    UPSTREAM_FAILED = "upstream_failed"
    UPSTREAM_INVALID = "upstream_invalid"
    ROUTER_STOPPED = "router_stopped"
    ROUTER_FAILED = "router_failed"


NAME_PATTERN = r"^[a-z0-9]([a-z0-9._-]{0,61}[a-z0-9])?$"
MODEL_NAME_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9._:/-]{0,127}$"

Name = Annotated[str, Field(pattern=NAME_PATTERN, examples=["house-llm"])]
"""A resource's name: lower case, digits, `.`, `_`, `-`; 63 characters at most; never changes."""

ModelName = Annotated[str, Field(pattern=MODEL_NAME_PATTERN, examples=["house-chat"])]
"""A model's name, which clients type: also upper case, `/` and `:`; 128 characters at most."""
