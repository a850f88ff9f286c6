"""Guide 2's validator and WebhookProcessor, to the letter, over many bodies at once.

Reads webhook bodies from standard input, one JSON document a line, and prints one JSON object: how many bodies there were,
which were refused and why, and what the handlers saw. Exits 1 when a body was refused, 2 when there was none.
"""

import json
import logging
import sys

from guide_code import load

# What the processor logs of a body that it refuses is in its list too.
logging.disable(logging.CRITICAL)
validate_webhook = load("webhook_validator")["validate_webhook"]


class Processor(load("webhook_processor")["WebhookProcessor"]):
    """With the handlers of the guide's Python and Go consumers: they index, so a missing key raises."""

    def __init__(self):
        super().__init__()
        self.seen = {"started": 0, "completed": [], "task_failed": [], "steps": []}

    def _handle_task_started(self, data):
        assert data["task_id"]
        self.seen["started"] += 1

    def _handle_task_completed(self, data):
        # As the Go consumer does: chunks_created must be a number, or its type assertion panics.
        chunks = data["result"]["chunks_created"]
        if isinstance(chunks, bool) or not isinstance(chunks, (int, float)):
            raise TypeError("chunks_created is no number")
        self.seen["completed"].append(chunks)

    def _handle_task_failed(self, data):
        self.seen["task_failed"].append(data["error"])

    def _handle_step_update(self, data):
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
    processor, refused, count = Processor(), [], 0
    for line in sys.stdin:
        if not line.strip():
            continue
        count += 1
        payload = json.loads(line)
        errors = validate_webhook(payload)
        if errors:
            refused.append({"event_type": payload.get("event_type"), "errors": errors})
        processor.process_webhook(payload)
    failed = [f"{one['payload'].get('event_type')}: {one['error']}" for one in processor.failed_webhooks]
    print(json.dumps({"bodies": count, "refused": refused, "processor_failed": failed,
                      "stats": processor.processing_stats, "seen": processor.seen}))
    return 2 if count == 0 else 1 if refused or failed else 0


if __name__ == "__main__":
    sys.exit(main())
