"""The main job with a client that is made of the OpenAPI document: submit a file, wait for its end, read its Markdown.

Usage: python main_job.py URL KEY FILE WEBHOOK_URL, with the folder of `morag_client` in PYTHONPATH. Prints a line of JSON.
"""

import json
import pathlib
import sys

from morag_client import AuthenticatedClient
from morag_client.api.files import get_file, list_files
from morag_client.api.ingest import ingest_file
from morag_client.api.status import get_status, list_tasks
from morag_client.api.webhooks import create_endpoint
from morag_client.models import BodyFormat, EndpointRequest, ErrorBody, IngestForm, IngestFormMetadata
from morag_client.types import File

url, key, path, webhook_url = sys.argv[1:]
client = AuthenticatedClient(base_url=url, token=key, timeout=120.0)


def checked(answer):
    """The answer, unless it is an error. `detail` is a text, or the wrong fields."""
    if answer is None or isinstance(answer, ErrorBody):
        raise SystemExit(f"{answer and answer.error_code}: {answer and answer.detail}")
    return answer


settings = EndpointRequest(
    id="python", url=webhook_url, events=["task_completed"], format_=BodyFormat.FLAT
)
checked(create_endpoint.sync(client=client, body=settings))

file = pathlib.Path(path)
with file.open("rb") as payload:
    metadata = IngestFormMetadata.from_dict({"source": "python"})
    form = IngestForm(
        file=File(payload=payload, file_name=file.name), document_id="python-1", chunk_size=500, metadata=metadata
    )
    submitted = checked(ingest_file.sync(client=client, body=form, idempotency_key="python-1"))

while True:
    status = checked(get_status.sync(submitted.task_id, client=client, wait=30))
    if status.status == "completed":
        break
    if status.status in ("failed", "cancelled"):
        raise SystemExit(f"the task {status.status}: {status.error}")

files = checked(list_files.sync(submitted.task_id, client=client))
markdown = checked(get_file.sync(submitted.task_id, "markdown.md", client=client))
wrong = list_tasks.sync(client=client, limit=0)
if not isinstance(wrong, ErrorBody):
    raise SystemExit("a limit of 0 is accepted")

print(
    json.dumps(
        {
            "task_id": str(submitted.task_id),
            "files": [one.filename for one in files.files],
            "markdown": markdown.payload.read().decode(),
            "wrong": f"{wrong.error_code}: {'; '.join(field.msg for field in wrong.detail)}",
        }
    )
)
