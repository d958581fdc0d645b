"""An OpenTelemetry span for each attempt, in the names of the GenAI conventions.

https://opentelemetry.io/docs/specs/semconv/gen-ai/gen-ai-spans/
"""

from datetime import datetime

from opentelemetry.trace import SpanKind, StatusCode, Tracer
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from tollway_contracts.events import UsageRecorded
from tollway_contracts.vocabulary import Meter, Outcome, Spec
from tollway_router.canonical.usage import INPUT_METERS, OUTPUT_METERS, total

_PROVIDER_NAMES = {
    Spec.ANTHROPIC: "anthropic",
    Spec.OPENAI_CHAT_COMPLETIONS: "openai",
}


def trace_attempt(tracer: Tracer, event: UsageRecorded, traceparent: str | None) -> None:
    """Tell of an attempt that has ended, in the client's trace where it sent one."""
    carrier = {"traceparent": traceparent} if traceparent else {}
    span = tracer.start_span(
        f"chat {event.model}",
        context=TraceContextTextMapPropagator().extract(carrier),
        kind=SpanKind.CLIENT,
        start_time=_nanoseconds(event.occurred_at),
    )
    if span.is_recording():
        span.set_attributes(_attributes(event))
        if event.outcome is not Outcome.OK:
            span.set_status(StatusCode.ERROR)
            span.set_attribute("error.type", event.outcome.value)
    span.end(_nanoseconds(event.ended_at))


def _attributes(event: UsageRecorded) -> dict[str, str | int | bool]:
    meters = {Meter(name).value: count for name, count in event.meters.items()}
    attributes: dict[str, str | int | bool] = {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": _PROVIDER_NAMES.get(event.spec, event.spec.value),
        "gen_ai.request.model": event.upstream_model,
        "tollway.workspace": event.workspace,
        "tollway.model": event.model,
        "tollway.deployment": event.deployment,
        "tollway.request_id": event.request_id,
        "tollway.attempt": event.attempt,
        "tollway.usage_estimated": event.estimated,
    }
    if event.response_model:
        attributes["gen_ai.response.model"] = event.response_model
    if event.response_id:
        attributes["gen_ai.response.id"] = event.response_id
    if meters:
        # The convention counts cached tokens as input, whatever the provider does.
        attributes["gen_ai.usage.input_tokens"] = total(meters, INPUT_METERS)
        attributes["gen_ai.usage.output_tokens"] = total(meters, OUTPUT_METERS)
    return attributes


def _nanoseconds(at: datetime) -> int:
    return int(at.timestamp() * 1_000_000) * 1_000
