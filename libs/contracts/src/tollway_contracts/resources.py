"""The resources of a workspace: what an admin writes (`...Spec`) and what everyone reads.

A `...Spec` is the desired state; with a `name` it is the body of a create, alone that of an update.
The resource adds what the registry decides: id, revision, times. Resources refer to each other by
name. Field names are those of the files that `tollway apply` reads, in snake_case.
"""

import ipaddress
import re
import unicodedata
from decimal import Decimal
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    JsonValue,
    PlainSerializer,
    WithJsonSchema,
    model_validator,
)

from tollway_contracts.vocabulary import (
    Meter,
    ModelKind,
    ModelName,
    ModelState,
    Name,
    OnUnsupported,
    ProviderOrigin,
    Region,
    Spec,
    Visibility,
)
from tollway_contracts.wire import Instant, Wire

Revision = Annotated[int, Field(ge=1)]
Description = Annotated[str, Field(max_length=150)]
PositiveInt = Annotated[int, Field(gt=0)]

DECIMAL_PATTERN = r"^[0-9]{1,30}(\.[0-9]{1,30})?([eE][+-]?[0-9]{1,2})?$"


def _decimal(value: object) -> object:
    # Decimal itself also reads "1_0", " 3 ", "Infinity" and the digits of every script.
    if isinstance(value, str) and not re.fullmatch(DECIMAL_PATTERN, value, re.ASCII):
        msg = "must be a decimal number such as 0.25"
        raise ValueError(msg)
    return Decimal(str(value)) if type(value) in {str, int, float} else value


def _without_exponent(value: Decimal) -> str:
    return format(value, "f")


UsdPrice = Annotated[
    Decimal,
    Field(ge=0, allow_inf_nan=False, max_digits=30),
    BeforeValidator(_decimal),
    AfterValidator(abs),  # no -0
    PlainSerializer(_without_exponent, return_type=str, when_used="json"),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "string", "pattern": DECIMAL_PATTERN},
                {"type": "number", "minimum": 0},
            ]
        },
        mode="validation",
    ),
]
"""US dollars, best as a string; in JSON a number has 17 digits at most."""


def _http_url(value: str) -> str:
    if not value.isprintable() or " " in value:
        msg = "must not contain spaces or control characters"
        raise ValueError(msg)
    url = urlsplit(value)
    if url.scheme not in {"http", "https"} or not url.hostname:
        msg = "must be an http or https address with a host, such as https://api.example.com/v1"
        raise ValueError(msg)
    if url.username or url.password:
        msg = "must not carry a user or a password; put the key into a credential"
        raise ValueError(msg)
    if url.query or url.fragment:
        msg = "must not carry a query or a fragment; put the key into a credential"
        raise ValueError(msg)
    if url.port == 0:  # reading it raises ValueError where it is no port at all
        msg = "must not have port 0"
        raise ValueError(msg)
    _check_host(url.hostname)
    return value.rstrip("/")


def _check_host(host: str) -> None:
    """Raise ValueError for a host that is read as another, most of all as an IP address."""
    # What looks up a name reads full-width letters, circled digits and "。" as plain ones.
    if not host.isascii() and unicodedata.normalize("NFKC", host).replace("。", ".").isascii():
        msg = "must have its host in plain letters, digits, dots and hyphens"
        raise ValueError(msg)
    last = host.rstrip(".").rpartition(".")[2]
    if ":" not in host and re.fullmatch(r"[0-9]+|0x[0-9a-f]*", last):
        try:  # no "2130706433", "0x7f.1", "0177.0.0.1"
            ipaddress.IPv4Address(host)
        except ValueError:
            msg = "must have an IP address as four decimal numbers, such as 192.0.2.1"
            raise ValueError(msg) from None


HttpUrl = Annotated[str, AfterValidator(_http_url), Field(max_length=2048)]


class Resource(Wire):
    """What every resource has once the registry knows it."""

    id: str
    workspace: Name
    revision: Revision
    created_at: Instant
    updated_at: Instant


class WorkspaceSpec(Wire):
    """A tenant's own settings."""

    display_name: str = Field(default="", max_length=200)
    custom_models: Literal["allowed", "barred"] = "allowed"
    timezone: str = "UTC"


class Workspace(WorkspaceSpec, Resource):
    """The tenant: every row, query, event and token belongs to exactly one. Its id is its name."""

    resource: Literal["workspace"] = "workspace"
    name: Name


class ProviderSpec(Wire):
    """An upstream connection."""

    spec: Spec
    base_url: HttpUrl | None = None
    credential: Name | None = None
    origin: ProviderOrigin = ProviderOrigin.CUSTOM
    model_id_mapping: dict[str, str] = Field(default_factory=dict)
    options: dict[str, JsonValue] = Field(default_factory=dict)
    headers: dict[str, str] = Field(default_factory=dict)


class Provider(ProviderSpec, Resource):
    """An upstream connection that the registry knows."""

    resource: Literal["provider"] = "provider"
    name: Name


class Capabilities(Wire):
    """What a model can do; the router obeys it."""

    image_analysis: bool = False
    canvas: bool = False
    tools: bool = True
    temperature: bool = True
    always_show_reasoning: bool = False
    responses_api: bool = False


class ModelSpec(Wire):
    """What a client asks for by name."""

    kind: ModelKind = ModelKind.COMPLETION
    display_name: str = Field(default="", max_length=200)
    region: Region = Region.GLOBAL
    description: dict[Literal["en", "de"], Description] = Field(default_factory=dict)
    context_window: PositiveInt | None = None
    max_output_tokens: PositiveInt | None = None
    capabilities: Capabilities = Capabilities()
    visibility: Visibility = Visibility.VISIBLE
    assistants: bool = True
    premium: bool = False
    state: ModelState = ModelState.ACTIVE
    fallbacks: tuple[ModelName, ...] = ()


class Model(ModelSpec, Resource):
    """A model that the registry knows."""

    resource: Literal["model"] = "model"
    name: ModelName


class DeploymentSpec(Wire):
    """A model on a provider, under the provider's own model id.

    `first_byte_timeout` is in seconds and replaces the router's own: an answer that is not streamed
    is silent until it is complete.
    """

    model: ModelName
    provider: Name
    upstream_model: str = Field(min_length=1, max_length=256)
    credential: Name | None = None
    weight: Annotated[int, Field(ge=0, le=1000)] = 1
    priority: Annotated[int, Field(ge=0, le=1000)] = 0
    region: Region | None = None
    tokens_per_minute: PositiveInt | None = None
    requests_per_minute: PositiveInt | None = None
    on_unsupported: OnUnsupported = OnUnsupported.REFUSE
    first_byte_timeout: Annotated[int, Field(gt=0, le=3600)] | None = None


class Deployment(DeploymentSpec, Resource):
    """A deployment that the registry knows."""

    resource: Literal["deployment"] = "deployment"
    name: Name


class UsdPerMtok(Wire):
    """US dollars per 1,000,000 tokens. A field that is absent is not zero: it is unpriced.

    `cache_write` is the price of a write that lives five minutes (or of a provider that knows one
    lifetime only), `cache_write_1h` that of one that lives an hour.
    """

    input: UsdPrice | None = None
    output: UsdPrice | None = None
    cache_read: UsdPrice | None = None
    cache_write: UsdPrice | None = None
    cache_write_1h: UsdPrice | None = None
    input_audio: UsdPrice | None = None
    output_audio: UsdPrice | None = None
    input_image: UsdPrice | None = None
    output_image: UsdPrice | None = None


class UsdPerUnit(Wire):
    """US dollars per one image, request, second or web search. Absent is unpriced, not zero."""

    image: UsdPrice | None = None
    request: UsdPrice | None = None
    second: UsdPrice | None = None
    web_search: UsdPrice | None = None


METER_OF_PRICE: dict[str, Meter] = {
    "input": Meter.INPUT_UNCACHED,
    "output": Meter.OUTPUT,
    "cache_read": Meter.CACHE_READ,
    "cache_write": Meter.CACHE_WRITE_5M,
    "cache_write_1h": Meter.CACHE_WRITE_1H,
    "input_audio": Meter.INPUT_AUDIO,
    "output_audio": Meter.OUTPUT_AUDIO,
    "input_image": Meter.INPUT_IMAGE,
    "output_image": Meter.OUTPUT_IMAGE,
    "image": Meter.IMAGES,
    "request": Meter.REQUESTS,
    "second": Meter.SECONDS,
    "web_search": Meter.WEB_SEARCHES,
}
"""Which meter a field of `UsdPerMtok` or `UsdPerUnit` is the price of."""


class PriceSpec(Wire):
    """Unit prices of a model, or of one of its deployments, for a time.

    `valid_from` belongs to that time, `valid_to` does not.
    """

    model: ModelName
    deployment: Name | None = None
    valid_from: Instant
    valid_to: Instant | None = None
    usd_per_mtok: UsdPerMtok = UsdPerMtok()
    usd_per_unit: UsdPerUnit = UsdPerUnit()
    note: str = Field(default="", max_length=500)

    @model_validator(mode="after")
    def _says_something(self) -> "PriceSpec":
        if self.valid_to is not None and self.valid_to <= self.valid_from:
            msg = "valid_to must be later than valid_from"
            raise ValueError(msg)
        if not self.unit_prices():
            msg = "at least one price is needed in usd_per_mtok or usd_per_unit"
            raise ValueError(msg)
        return self

    def unit_prices(self) -> dict[Meter, tuple[Decimal, int]]:
        """Return, for each meter that has a price here, US dollars and for how many units."""
        groups: tuple[tuple[Wire, int], ...] = (
            (self.usd_per_mtok, 1_000_000),
            (self.usd_per_unit, 1),
        )
        return {
            METER_OF_PRICE[field]: (price, per)
            for group, per in groups
            for field, price in group
            if price is not None
        }


class Price(PriceSpec, Resource):
    """A price that the registry knows."""

    resource: Literal["price"] = "price"
    name: Name


class Limits(Wire):
    """How fast a key may go. Absent is unlimited."""

    requests_per_minute: PositiveInt | None = None
    tokens_per_minute: PositiveInt | None = None


class ApiKeySpec(Wire):
    """What a client that presents the key may do, and who pays."""

    models: tuple[ModelName, ...] | None = None
    cost_centre: str | None = Field(default=None, max_length=100)
    tags: dict[str, str] = Field(default_factory=dict)
    limits: Limits = Limits()
    expires_at: Instant | None = None
    disabled: bool = False


class ApiKey(ApiKeySpec, Resource):
    """An API key that the registry knows: never the key itself, only its last characters."""

    resource: Literal["api_key"] = "api_key"
    name: Name
    hint: str


RegistryResource = Workspace | Provider | Model | Deployment | Price
AnyResource = Annotated[RegistryResource, Field(discriminator="resource")]


def plain(spec: Wire) -> dict[str, Any]:
    """Return a resource's specification as JSON values, without what the registry added."""
    return spec.model_dump(mode="json", exclude=set(Resource.model_fields) | {"name", "resource"})
