"""Logs as JSON lines, traces by OTLP where an endpoint is set."""

import logging
import sys
from collections.abc import MutableMapping
from typing import Any

import structlog
from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from tollway_kit.settings import ServiceSettings


def set_up_telemetry(service: str, settings: ServiceSettings) -> None:
    """Configure this process's logs and traces. Called once, by `__main__`."""
    _set_up_logs(service, settings)
    if settings.otlp_endpoint is not None:
        # The exporter reads the other OTEL_* variables by itself.
        provider = TracerProvider(resource=Resource.create({"service.name": f"tollway-{service}"}))
        provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
        trace.set_tracer_provider(provider)


def traceparent() -> str | None:
    """Return the current trace's W3C header, None outside a trace."""
    carrier: dict[str, str] = {}
    TraceContextTextMapPropagator().inject(carrier)
    return carrier.get("traceparent")


def _set_up_logs(service: str, settings: ServiceSettings) -> None:
    level = getattr(logging, settings.log_level.upper())
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _named(service),
    ]
    last: list[structlog.typing.Processor] = (
        [structlog.processors.format_exc_info, structlog.processors.JSONRenderer()]
        if settings.log_format == "json"
        # Its default formatter prints local variables, and those can be keys.
        else [structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)]
    )
    structlog.configure(
        processors=[*shared, *last],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
    formatter = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=shared,
        processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *last],
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(formatter)
    # Libraries speak up from warnings on; what they say below that can hold headers and bodies.
    logging.basicConfig(level=max(level, logging.WARNING), handlers=[handler], force=True)


def _named(service: str) -> structlog.typing.Processor:
    def add(
        _: Any,
        __: str,
        event: MutableMapping[str, Any],
    ) -> MutableMapping[str, Any]:
        event["service"] = service
        return event

    return add
