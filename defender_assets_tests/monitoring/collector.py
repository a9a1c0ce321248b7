"""A collector of OpenTelemetry: it takes OTLP over HTTP as a real one does, and keeps what came."""

import gzip
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from ..loopback import Answer, Request, answering


@dataclass
class Collector:
    """Where it listens, and the bodies that came, by path."""

    port: int = 0
    bodies: dict[str, list[bytes]] = field(default_factory=dict)
    headers: list[dict[str, str]] = field(default_factory=list)

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def raw(self) -> bytes:
        """Everything that came."""
        return b"".join(body for bodies in self.bodies.values() for body in bodies)

    def spans(self) -> list[Any]:
        """Every span that came."""
        from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

        requests = [ExportTraceServiceRequest.FromString(body) for body in self.bodies.get("/v1/traces", [])]
        scopes = [scope for request in requests for group in request.resource_spans for scope in group.scope_spans]
        return [span for scope in scopes for span in scope.spans]

    def metrics(self) -> dict[str, list[Any]]:
        """The data points of each metric in the last message."""
        from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest

        last = ExportMetricsServiceRequest.FromString(self.bodies["/v1/metrics"][-1])
        scopes = [scope for group in last.resource_metrics for scope in group.scope_metrics]
        found = [metric for scope in scopes for metric in scope.metrics]
        return {metric.name: list(getattr(metric, metric.WhichOneof("data")).data_points) for metric in found}

    def resource(self) -> dict[str, str]:
        """What the sender says of itself."""
        from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest

        last = ExportMetricsServiceRequest.FromString(self.bodies["/v1/metrics"][-1])
        return attributes(last.resource_metrics[0].resource)


def attributes(of: Any) -> dict[str, Any]:
    """The attributes of a span, a data point or a resource."""
    return {each.key: getattr(each.value, each.value.WhichOneof("value")) for each in of.attributes}


@contextmanager
def collecting() -> Iterator[Collector]:
    """A collector that listens within this block."""

    collector = Collector()

    def take(request: Request) -> Answer:
        packed = request.headers.get("Content-Encoding") == "gzip"
        collector.bodies.setdefault(request.path, []).append(gzip.decompress(request.body) if packed else request.body)
        collector.headers.append(dict(request.headers))
        return Answer()

    with answering(take) as server:
        collector.port = server.port
        yield collector
