"""What the OpenAPI document cannot say of the requests of this server, for schemathesis.

`MORAG_KNOWN` is JSON: `base_url` of a server that gives a document and takes webhooks, and parameters of paths that exist on the server
under test: `kept` for requests that leave them there, `spare` for those that delete or end something.
"""

import json
import os

import schemathesis
from hypothesis import strategies as st

KNOWN = json.loads(os.environ["MORAG_KNOWN"])

# Formats of our own: texts that a pattern cannot describe.
EVENTS = ["task_started", "task_completed", "step_completed", "step_failed", "task_*", "step_*", "*_failed", "*"]
STEPS = ["markdown_conversion", "metadata_extraction", "content_processing", "chunking", "graph_extraction", "ingestion"]
WORDS = st.text(alphabet="abcdefghijklmnopqrstuvwxyz0123456789", min_size=32, max_size=64)
schemathesis.openapi.format("event-pattern", st.sampled_from(EVENTS))
schemathesis.openapi.format("pipeline", st.sampled_from(["ingest", "process", "convert"]))
schemathesis.openapi.format("step", st.sampled_from(STEPS))
schemathesis.openapi.format("signing-secret", WORDS)
# Others' hosts are not for tests.
schemathesis.openapi.format("uri", st.sampled_from([KNOWN["base_url"]]))

# Rules between several values, and between a request and what is stored: the document says them in words. A part of the text of each
# error.
RULES = [
    # Values of one request.
    "chunk_overlap",
    "items is for source_type batch",
    "batch_urls is for source_type batch",
    "batch_files is for source_type batch",
    "needs webhook_config.url",
    "webhook_url is required with",
    "url is for source_type",
    "file is required",
    "since is required",
    # What is stored.
    "the range is beyond them",
    "read it again",
    "cannot be run before",
    "the task's pipeline has no step",
]


NESTED = ["request_data", "processing_options", "webhook_config"]


def texts(value):
    """Every text of a value."""
    if isinstance(value, dict):
        for one in value.values():
            yield from texts(one)
    elif isinstance(value, list):
        for one in value:
            yield from texts(one)
    elif isinstance(value, str):
        yield value


@schemathesis.hook
def map_case(context, case):
    """Valid requests are about what exists: an invented id is answered with 404 alone."""
    if case.meta is None or case.meta.generation.mode.is_negative:
        return case
    known = KNOWN["spare" if case.method == "DELETE" or "/cancel/" in case.path else "kept"]
    for name in case.path_parameters or {}:
        if name in known:
            case.path_parameters[name] = known[name]
    if case.operation.definition.raw.get("operationId") == "process_document" and isinstance(case.body, dict):
        case.body = consistent(case.body)
    return case


def consistent(body):
    """A form of `POST /api/v1/process` with the fields that its `source_type` and `mode` take: see RULES."""
    others = {"file": ("url", "batch_urls", "items", "batch_files"), "url": ("batch_urls", "items", "batch_files")}
    kind = {"url": "url", "web": "url", "batch": "batch"}.get(body.get("source_type"), "file" if "file" in body else "url")
    body = {name: value for name, value in body.items() if name not in others.get(kind, ())}
    if kind == "url":
        body["url"] = KNOWN["base_url"]
    if kind == "batch":
        body.setdefault("batch_urls", [KNOWN["base_url"]])
    if body.get("mode") == "ingest":
        body["webhook_url"] = KNOWN["base_url"]
    return body


@schemathesis.hook
def filter_failure(context, failure, case, response):
    """False for what is no difference between the server and the document."""
    name = type(failure).__name__
    if name == "RejectedPositiveData":
        body = response.json()
        errors = [one["msg"] for one in body["detail"]] if isinstance(body["detail"], list) else [body["detail"]]
        return not all(any(rule in error for rule in RULES) for error in errors)
    if name == "AcceptedNegativeData":
        body = case.body if isinstance(case.body, dict) else {}
        # An empty text counts as absent, in queries and submissions (docs/http-api.md), whatever its schema.
        if "" in texts([case.query or {}, body]):
            return False
        # A field of its own wins over the same in a nested object, which is not read then (docs/http-api.md).
        return not any(f"{nested} ->" in str(failure) + failure.message for nested in NESTED if nested in body)
    return True
