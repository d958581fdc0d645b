"""An attempt's span: what it is called, whose trace it is in, what it says."""

from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import NoOpTracerProvider, StatusCode
from support.attempts import an_attempt

from tollway_contracts.vocabulary import Outcome
from tollway_router.canonical.usage import UsageReport
from tollway_router.usage.attempt import Whole
from tollway_router.usage.spool import Numbers
from tollway_router.usage.trace import trace_attempt

TRACE = "0af7651916cd43dd8448eb211c80319c"
TRACEPARENT = f"00-{TRACE}-b7ad6b7169203331-01"


def traced(outcome: Outcome, traceparent: str | None = TRACEPARENT):
    exporter = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    attempt = an_attempt()
    meters = {"input_uncached": 2, "cache_read": 10, "output": 3, "reasoning": 1}
    attempt.measured = Whole(UsageReport(raw={}, meters=meters), 9, response_model="m-2026")
    event = attempt.event(outcome, Numbers("rtr_1", 1, 1))
    trace_attempt(provider.get_tracer("test"), event, traceparent)
    (span,) = exporter.get_finished_spans()
    return span


def test_a_span_speaks_the_genai_conventions_and_counts_cached_tokens_as_input():
    span = traced(Outcome.OK)
    assert span.name == "chat chat"
    assert span.attributes["gen_ai.request.model"] == "house-1"
    assert span.attributes["gen_ai.response.model"] == "m-2026"
    assert span.attributes["gen_ai.usage.input_tokens"] == 12
    assert span.attributes["gen_ai.usage.output_tokens"] == 3
    assert span.status.status_code is StatusCode.UNSET


def test_a_span_is_in_the_client_s_trace():
    assert format(traced(Outcome.OK).context.trace_id, "032x") == TRACE


def test_a_client_s_garbage_in_the_place_of_a_trace_begins_a_new_one():
    assert traced(Outcome.OK, "nonsense").context.trace_id


def test_an_attempt_that_failed_is_an_error_by_its_outcome():
    span = traced(Outcome.UPSTREAM_CUT)
    assert span.status.status_code is StatusCode.ERROR
    assert span.attributes["error.type"] == "upstream_cut"


def test_without_a_collector_nothing_is_told():
    event = an_attempt().event(Outcome.OK, Numbers("rtr_1", 1, 1))
    trace_attempt(NoOpTracerProvider().get_tracer("test"), event, None)
