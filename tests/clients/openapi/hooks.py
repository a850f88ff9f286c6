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

# Rules between several values, and between a request and what is stored, which the document says in words: the operation (None: any),
# and the code or the field and a part of the text of the error.
SUBMISSIONS = ["ingest_file", "ingest_url", "ingest_batch", "process_ingest", "process_document"]
# The operations whose bodies may have empty texts in place of absent values.
TEXTS = [*SUBMISSIONS, "resend_delivery", "recover_endpoint", "replay_endpoint", "test_endpoint"]
RULES = [(operation, "chunk_overlap", "less than chunk_size") for operation in SUBMISSIONS] + [
    *[(operation, "page_range", "after its end") for operation in SUBMISSIONS],
    ("replay_endpoint", "since", "since is required"),
    ("list_endpoint_events", "key", "is required"),
    ("change_endpoint", "version_mismatch", "read it again"),
    ("retry_task", "from_step", "cannot be run before"),
    ("retry_task", "from_step", "the task's pipeline has no step"),
    ("get_file", "range_not_satisfiable", "the range is beyond them"),
    ("get_task_file", "range_not_satisfiable", "the range is beyond them"),
]


# Fields whose values are bytes.
FILES = ["file", "batch_files"]


def without_empty(value):
    """The value without empty texts: each counts as absent, in queries and submissions (docs/http-api.md)."""
    if isinstance(value, dict):
        return {name: without_empty(one) for name, one in value.items() if one != "" or name in FILES}
    if isinstance(value, list):
        return [without_empty(one) for one in value if one != ""]
    return value


def texts(value):
    """Every text of a value."""
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        for one in value:
            yield from texts(one)
    elif isinstance(value, str):
        yield value


def with_known_hosts(value):
    """The value with a URL of the tests for each of an example, whose host does not exist: looking it up takes seconds."""
    if isinstance(value, dict):
        return {name: with_known_hosts(one) for name, one in value.items()}
    if isinstance(value, list):
        return [with_known_hosts(one) for one in value]
    return KNOWN["base_url"] if isinstance(value, str) and ".example.com/" in value else value


def operation_of(case):
    return case.operation.definition.raw.get("operationId")


@schemathesis.hook
def before_call(context, case, kwargs):
    """Changes a request before it is sent; whether it is valid is then found out anew."""
    # Read first: reading it judges the request anew.
    is_valid = case.meta is not None and case.meta.generation.mode.is_positive
    has_file = isinstance(case.body, dict) and any(name in case.body for name in FILES)
    if isinstance(case.body, dict) and not (has_file and not is_valid):
        case.body = with_known_hosts(case.body)
        if operation_of(case) in TEXTS:
            case.body = without_empty(case.body)
    if isinstance(case.query, dict):
        case.query = without_empty(case.query)
    if not is_valid:
        return
    # Valid requests are about what exists: an invented id is answered with 404 alone.
    known = KNOWN["spare" if case.method == "DELETE" or "/cancel/" in case.path else "kept"]
    for name in case.path_parameters or {}:
        if name in known:
            case.path_parameters[name] = known[name]
    if operation_of(case) == "process_document" and isinstance(case.body, dict):
        case.body = consistent(case.body)
    if has_file:
        # A file is bytes, and judged anew as a text it would be none: what was valid stays so.
        case._record_starting_state()


def consistent(body):
    """A form of `POST /api/v1/process` with the fields that its `source_type` and `mode` take: the document says them in words."""
    others = {"file": ("url", "batch_urls", "items", "batch_files"), "url": ("batch_urls", "items", "batch_files")}
    kind = {"url": "url", "web": "url", "batch": "batch"}.get(body.get("source_type"), "file" if "file" in body else "url")
    body = {name: value for name, value in body.items() if name not in others.get(kind, ())}
    if isinstance(body.get("request_data"), dict):
        body["request_data"] = {name: value for name, value in body["request_data"].items() if name not in ("mode", "source_type")}
        body["request_data"] = {name: value for name, value in body["request_data"].items() if name not in others.get(kind, ())}
    if kind == "url":
        body["url"] = KNOWN["base_url"]
    if kind == "batch":
        body.setdefault("batch_urls", [KNOWN["base_url"]])
    if body.get("mode") == "ingest":
        body["webhook_url"] = KNOWN["base_url"]
    return body


def is_rule(operation, error):
    """Whether an error, as (code or field, text), is of a rule."""
    return any(operation == rule[0] and error[0] == rule[1] and rule[2] in error[1] for rule in RULES)


@schemathesis.hook
def filter_failure(context, failure, case, response):
    """False for what is no difference between the server and the document."""
    operation = operation_of(case)
    if type(failure).__name__ == "RejectedPositiveData":
        body = response.json()
        errors = [(body["error_code"], body["error"])]
        if isinstance(body["detail"], list):
            errors = [(one["loc"][-1], one["msg"]) for one in body["detail"]]
        return not all(is_rule(operation, error) for error in errors)
    if type(failure).__name__ == "AcceptedNegativeData":
        # A wrong value that items share is told for each of them, with 200 (docs/http-api.md).
        if operation in ("ingest_batch", "process_document") and response.status_code == 200:
            answer = response.json()
            batch = answer if "rejected" in answer else answer.get("metadata", {})
            return not batch.get("rejected")
        if isinstance(case.body, dict) and any(name in case.body for name in FILES) and "" in texts(case.body):
            # Forms with a file are not changed before they are sent.
            return False
        # A field of its own wins over the same in a nested object, which is not read then (docs/http-api.md).
        nested = [name for name in ("request_data", "processing_options", "webhook_config") if isinstance(case.body, dict) and name in case.body]
        return not any(f"{name} ->" in failure.message for name in nested)
    return True
