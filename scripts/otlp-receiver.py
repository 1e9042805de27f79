"""A receiver of OTLP over HTTP that decodes with OpenTelemetry's own schema, and refuses what is not of it.

POST /v1/traces takes spans, as a collector does; GET /spans gives all of them as JSON, in the order of their coming.
"""

import gzip
import json
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from google.protobuf.json_format import MessageToDict
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)

received = []


class Receiver(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        body = self.body()
        if self.path != "/v1/traces":
            return self.answer(404, b"", "text/plain")
        if self.headers.get("content-type") != "application/x-protobuf":
            return self.answer(415, b"", "text/plain")
        if self.headers.get("content-encoding") == "gzip":
            body = gzip.decompress(body)
        request = ExportTraceServiceRequest()
        try:
            request.ParseFromString(body)
        except Exception as error:  # what the decoder raises is its own
            return self.answer(400, str(error).encode(), "text/plain")
        for resource_spans in request.resource_spans:
            resource = MessageToDict(resource_spans.resource)
            for scope_spans in resource_spans.scope_spans:
                for span in scope_spans.spans:
                    received.append(
                        {
                            "resource": resource,
                            "traceId": span.trace_id.hex(),
                            "spanId": span.span_id.hex(),
                            "parentId": span.parent_span_id.hex(),
                            "name": span.name,
                            "kind": span.kind,
                            "startNs": str(span.start_time_unix_nano),
                            "endNs": str(span.end_time_unix_nano),
                            "status": span.status.code,
                            "message": span.status.message,
                            "attributes": {
                                one.key: getattr(one.value, one.value.WhichOneof("value"))
                                for one in span.attributes
                            },
                            "links": [
                                {"traceId": link.trace_id.hex(), "spanId": link.span_id.hex()} for link in span.links
                            ],
                        }
                    )
        self.answer(200, ExportTraceServiceResponse().SerializeToString(), "application/x-protobuf")

    def do_GET(self):
        if self.path == "/spans":
            return self.answer(200, json.dumps(received).encode(), "application/json")
        self.answer(200 if self.path == "/ready" else 404, b"{}", "application/json")

    def body(self):
        if self.headers.get("transfer-encoding") != "chunked":
            return self.rfile.read(int(self.headers["content-length"]))
        chunks = []
        while size := int(self.rfile.readline().split(b";")[0], 16):
            chunks.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(chunks)

    def answer(self, status, body, content_type):
        self.send_response(status)
        self.send_header("content-type", content_type)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Receiver).serve_forever()
