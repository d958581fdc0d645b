"""The kinds of resources that the command line knows, as data: columns and options of each."""

from tollway_cli.api.settings import Service
from tollway_cli.commands.fields import Field
from tollway_cli.commands.kind import Kind, Shown
from tollway_cli.commands.values import (
    COUNT,
    INSTANT,
    JSON_PAIRS,
    LIST,
    NUMBER,
    PAIRS,
    TEXT,
    USD,
    choice,
    now,
    switch,
)
from tollway_contracts.vocabulary import (
    MODEL_NAME_PATTERN,
    ModelKind,
    ModelState,
    OnUnsupported,
    ProviderOrigin,
    Region,
    Spec,
)

NAME = Shown("name", "name")
DISPLAY_NAME = Field("display_name", "--display-name", TEXT, "What people read; 200 characters.")

WORKSPACE = Kind(
    word="workspace",
    plural="workspaces",
    summary="Tenants: everything else belongs to one of them.",
    in_workspace=False,
    service=Service.REGISTRY,
    columns=(
        NAME,
        Shown("display name", "display_name"),
        Shown("custom models", "custom_models"),
        Shown("timezone", "timezone"),
    ),
    fields=(
        DISPLAY_NAME,
        Field(
            "custom_models",
            "--custom-models/--no-custom-models",
            switch("allowed", "barred"),
            "Whether it may bring providers of its own.",
        ),
        Field("timezone", "--timezone", TEXT, "An IANA name such as Europe/Berlin; UTC at first."),
    ),
)

PROVIDER = Kind(
    word="provider",
    plural="providers",
    summary="Connections to upstreams: a wire format, an address, a credential.",
    service=Service.REGISTRY,
    columns=(
        NAME,
        Shown("spec", "spec"),
        Shown("base url", "base_url"),
        Shown("credential", "credential"),
        Shown("origin", "origin"),
    ),
    fields=(
        Field("spec", "--spec", choice(Spec), "The wire format that it speaks.", required=True),
        Field("base_url", "--base-url", TEXT, "Where its API begins, such as https://host/v1."),
        Field("credential", "--credential", TEXT, "The name of the credential that it is sent."),
        Field(
            "origin",
            "--origin",
            choice(ProviderOrigin),
            "native: the vendor's public API; custom (at first): an endpoint of yours.",
        ),
        Field("headers", "--header", PAIRS, "A header that every request carries; repeatable."),
        Field(
            "model_id_mapping",
            "--map",
            PAIRS,
            "A model id of clients and the provider's own, id=upstream; repeatable.",
        ),
        Field(
            "options",
            "--option",
            JSON_PAIRS,
            "An option of the spec, such as region=eu-central-1; JSON or text; repeatable.",
        ),
    ),
)

MODEL = Kind(
    word="model",
    plural="models",
    summary="What clients ask for by name.",
    service=Service.REGISTRY,
    name_pattern=MODEL_NAME_PATTERN,
    columns=(
        NAME,
        Shown("kind", "kind"),
        Shown("state", "state"),
        Shown("visibility", "visibility"),
        Shown("region", "region"),
        Shown("context", "context_window", number=True),
        Shown("max output", "max_output_tokens", number=True),
        Shown("display name", "display_name"),
    ),
    fields=(
        Field("kind", "--kind", choice(ModelKind), "What it makes; completion at first."),
        DISPLAY_NAME,
        Field(
            "description", "--description", PAIRS, "In a language, en=... or de=...; repeatable."
        ),
        Field("region", "--region", choice(Region), "Where requests are processed."),
        Field("context_window", "--context-window", COUNT, "Tokens that fit in, input and output."),
        Field("max_output_tokens", "--max-output-tokens", COUNT, "Tokens of one answer at most."),
        Field("capabilities.tools", "--tools/--no-tools", switch(), "Takes tools."),
        Field(
            "capabilities.temperature",
            "--temperature/--no-temperature",
            switch(),
            "Takes a temperature.",
        ),
        Field("capabilities.image_analysis", "--images/--no-images", switch(), "Sees images."),
        Field("capabilities.canvas", "--canvas/--no-canvas", switch(), "Offered for canvas."),
        Field(
            "capabilities.always_show_reasoning",
            "--show-reasoning/--no-show-reasoning",
            switch(),
            "Its reasoning is always shown.",
        ),
        Field(
            "capabilities.responses_api",
            "--responses-api/--no-responses-api",
            switch(),
            "Speaks the Responses API.",
        ),
        Field(
            "visibility",
            "--visible/--invisible",
            switch("visible", "invisible"),
            "Whether members see it; it answers by name all the same.",
        ),
        Field("assistants", "--assistants/--no-assistants", switch(), "Offered to assistants."),
        Field("premium", "--premium/--no-premium", switch(), "Marked as premium."),
        Field("state", "--state", choice(ModelState), "maintenance refuses with 503."),
        Field("fallbacks", "--fallback", LIST, "The model asked when it fails; repeatable."),
    ),
)

DEPLOYMENT = Kind(
    word="deployment",
    plural="deployments",
    summary="Models on providers, under the provider's own model id.",
    service=Service.REGISTRY,
    columns=(
        NAME,
        Shown("model", "model"),
        Shown("provider", "provider"),
        Shown("upstream model", "upstream_model"),
        Shown("weight", "weight", number=True),
        Shown("priority", "priority", number=True),
        Shown("tokens/min", "tokens_per_minute", number=True),
        Shown("requests/min", "requests_per_minute", number=True),
    ),
    fields=(
        Field("model", "--model", TEXT, "The model that it serves.", required=True),
        Field("provider", "--provider", TEXT, "The provider that it calls.", required=True),
        Field(
            "upstream_model",
            "--upstream-model",
            TEXT,
            "The model's id at the provider.",
            required=True,
        ),
        Field("credential", "--credential", TEXT, "Its own credential, not the provider's."),
        Field("weight", "--weight", NUMBER, "Its share among equal priorities; 1 at first."),
        Field("priority", "--priority", NUMBER, "The lowest number is asked first; 0 at first."),
        Field("region", "--region", choice(Region), "Where requests are processed."),
        Field("tokens_per_minute", "--tokens-per-minute", COUNT, "Tokens per minute at most."),
        Field("requests_per_minute", "--requests-per-minute", COUNT, "Requests per minute."),
        Field(
            "on_unsupported",
            "--on-unsupported",
            choice(OnUnsupported),
            "What happens to a field that the provider cannot do; refuse at first.",
        ),
    ),
)


def _price(group: str, name: str, what: str) -> Field:
    unit = "USD per 1,000,000 tokens" if group == "usd_per_mtok" else "USD per"
    flag = f"--{name.replace('_', '-')}"
    return Field(f"{group}.{name}", flag, USD, f"{unit} {what}", fixed=True)


PRICE = Kind(
    word="price",
    plural="prices",
    summary="Unit prices of models in US dollars, each for a time.",
    service=Service.REGISTRY,
    exact=True,
    columns=(
        NAME,
        Shown("model", "model"),
        Shown("deployment", "deployment"),
        Shown("valid from", "valid_from"),
        Shown("valid to", "valid_to"),
        Shown("input $/Mtok", "usd_per_mtok.input", number=True),
        Shown("output $/Mtok", "usd_per_mtok.output", number=True),
        Shown("cache read", "usd_per_mtok.cache_read", number=True),
        Shown("cache write", "usd_per_mtok.cache_write", number=True),
    ),
    fields=(
        Field("model", "--model", TEXT, "The model that it prices.", required=True, fixed=True),
        Field("deployment", "--deployment", TEXT, "Only this deployment of it.", fixed=True),
        Field(
            "valid_from",
            "--valid-from",
            INSTANT,
            "Its first moment; now without it.",
            fixed=True,
            default=now,
        ),
        Field("valid_to", "--valid-to", INSTANT, "The first moment that is no longer its own."),
        _price("usd_per_mtok", "input", "of input that no cache held."),
        _price("usd_per_mtok", "output", "of output, reasoning included."),
        _price("usd_per_mtok", "cache_read", "read from a cache."),
        _price("usd_per_mtok", "cache_write", "written to a cache for five minutes."),
        _price("usd_per_mtok", "cache_write_1h", "written to a cache for an hour."),
        _price("usd_per_mtok", "input_audio", "of audio in."),
        _price("usd_per_mtok", "output_audio", "of audio out."),
        _price("usd_per_mtok", "input_image", "of images in."),
        _price("usd_per_mtok", "output_image", "of images out."),
        _price("usd_per_unit", "image", "image made."),
        _price("usd_per_unit", "request", "request."),
        _price("usd_per_unit", "second", "second."),
        _price("usd_per_unit", "web_search", "web search."),
        Field("note", "--note", TEXT, "Why it is so; 500 characters."),
    ),
    note="What is not named stays unpriced, which is not zero.",
)

API_KEY = Kind(
    word="API key",
    plural="keys",
    summary="API keys that clients present to the router.",
    service=Service.REGISTRY,
    columns=(
        NAME,
        Shown("ends in", "hint"),
        Shown("models", "models"),
        Shown("cost centre", "cost_centre"),
        Shown("disabled", "disabled"),
        Shown("expires at", "expires_at"),
        Shown("requests/min", "limits.requests_per_minute", number=True),
        Shown("tokens/min", "limits.tokens_per_minute", number=True),
    ),
    fields=(
        Field("models", "--model", LIST, "A model that it may use, all without; repeatable."),
        Field("cost_centre", "--cost-centre", TEXT, "Who pays."),
        Field("tags", "--tag", PAIRS, "A tag that reports can group by; repeatable."),
        Field("limits.requests_per_minute", "--requests-per-minute", COUNT, "Requests per minute."),
        Field("limits.tokens_per_minute", "--tokens-per-minute", COUNT, "Tokens per minute."),
        Field("expires_at", "--expires-at", INSTANT, "From when on it is refused."),
        Field("disabled", "--disable/--enable", switch(), "Whether it is refused now."),
    ),
    note="The key is shown this once.",
)

CREDENTIAL = Kind(
    word="credential",
    plural="credentials",
    summary="Keys that providers ask for: stored encrypted, never shown again.",
    service=Service.SECRETS,
    columns=(
        NAME,
        Shown("type", "type"),
        Shown("hints", "hints"),
        Shown("version", "version", number=True),
        Shown("updated at", "updated_at"),
    ),
    fields=(),
)

KINDS = (WORKSPACE, PROVIDER, MODEL, DEPLOYMENT, API_KEY, PRICE)
"""The kinds whose fields may be typed; a credential's are secrets, which may not."""
