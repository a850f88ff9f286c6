"""The guides' consumer, as a test client: the JSON Schema, the validator's rules and the WebhookProcessor of guide 2.

Reads webhook bodies from standard input, one JSON document a line, and prints one JSON object: how many bodies there were,
which were refused and why, and what the handlers saw. Exits 1 when a body was refused, 2 when there was none.
"""

import json
import sys
from datetime import datetime

import jsonschema

WEBHOOK_SCHEMA = {
    "type": "object",
    "required": ["event_type", "timestamp", "data"],
    "properties": {
        "event_type": {"type": "string"},
        "timestamp": {"type": "string", "format": "date-time"},
        "data": {
            "type": "object",
            "required": ["task_id", "status"],
            "properties": {
                "task_id": {"type": "string"},
                "status": {"type": "string"},
                "step": {"type": "string"},
                "progress_percent": {"type": "number", "minimum": 0, "maximum": 100},
                "message": {"type": "string"},
                "error_message": {"type": "string"},
                "data": {"type": "object"},
                "result": {"type": "object"},
                "metadata": {"type": "object"},
            },
        },
    },
}


def validate_webhook(payload):
    """The validator of guide 2: the schema, and the rules beside it."""
    errors = []
    try:
        jsonschema.validate(payload, WEBHOOK_SCHEMA)
    except jsonschema.ValidationError as error:
        errors.append(f"schema: {error.message}")
    data = payload.get("data", {})
    if "step" in data and "progress_percent" in data and not 0 <= data["progress_percent"] <= 100:
        errors.append(f"progress out of range: {data['progress_percent']}")
    if payload.get("event_type") == "task_completed" and data.get("status") != "completed":
        errors.append(f"task_completed with status {data.get('status')}")
    return errors


class WebhookProcessor:
    """The processor of guide 2 with the handlers of its Python and Go consumers: they index, so a missing key raises."""

    def __init__(self):
        self.failed = []
        self.stats = {"total_received": 0, "successful": 0, "failed": 0}
        self.seen = {"started": 0, "completed": [], "task_failed": [], "steps": []}

    def process_webhook(self, payload):
        self.stats["total_received"] += 1
        try:
            for field in ("event_type", "timestamp", "data"):
                if field not in payload:
                    raise ValueError(f"missing {field}")
            datetime.fromisoformat(payload["timestamp"].replace("Z", "+00:00"))
            event_type, data = payload["event_type"], payload["data"]
            if event_type == "task_started":
                self.task_started(data)
            elif event_type == "task_completed":
                self.task_completed(data)
            elif event_type == "task_failed":
                self.task_failed(data)
            elif "step" in data:
                self.step_update(data)
            else:
                raise ValueError(f"unknown event type {event_type}")
            self.stats["successful"] += 1
        except Exception as error:  # the guide's processor keeps whatever goes wrong
            self.stats["failed"] += 1
            self.failed.append(f"{payload.get('event_type')}: {type(error).__name__}: {error}")

    def task_started(self, data):
        assert data["task_id"]
        self.seen["started"] += 1

    def task_completed(self, data):
        # As the Go consumer does: chunks_created must be a number, or its type assertion panics.
        chunks = data["result"]["chunks_created"]
        if isinstance(chunks, bool) or not isinstance(chunks, (int, float)):
            raise TypeError("chunks_created is no number")
        self.seen["completed"].append(chunks)

    def task_failed(self, data):
        self.seen["task_failed"].append(data["error"])

    def step_update(self, data):
        line = [data["step"], data["status"], float(data["progress_percent"])]
        if data["status"] == "completed" and "data" in data:
            step_data = data["data"]
            if data["step"] == "markdown_conversion":
                assert step_data["markdown_file_url"]
                line.append(step_data["conversion_metadata"]["page_count"])
            elif data["step"] == "ingestion":
                line.append([step_data["chunks_ingested"], step_data["facts_stored"]])
        self.seen["steps"].append(line)


def main():
    processor, refused, count = WebhookProcessor(), [], 0
    for line in sys.stdin:
        if not line.strip():
            continue
        count += 1
        payload = json.loads(line)
        errors = validate_webhook(payload)
        if errors:
            refused.append({"event_type": payload.get("event_type"), "errors": errors})
        processor.process_webhook(payload)
    print(json.dumps({"bodies": count, "refused": refused, "processor_failed": processor.failed,
                      "stats": processor.stats, "seen": processor.seen}))
    return 2 if count == 0 else 1 if refused or processor.failed else 0


if __name__ == "__main__":
    sys.exit(main())
