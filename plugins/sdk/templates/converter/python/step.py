"""Converts files of lines `key = value` (.kvt), a made-up format, into a table."""

import re

from morag_step import Failure, Format, Level, Output, Task, step

#: Larger documents are refused: in memory the rows of one are many times as large.
BYTES_MAX = 4 << 20


@step(
    name="{{name}}",
    version="0.1.0",
    summary="Converts lines of keys and values into a table",
    writes=[
        Output("markdown.md", "text/markdown", published_as="markdown_file_url"),
        Output("document.json", "application/json"),
    ],
    formats=[Format("kvtxt", media_types=["application/x-kvtxt"], extensions=["kvt"])],
)
def convert(task: Task) -> dict:
    name, size = task.info.file_name, task.info.size
    if size > BYTES_MAX:
        raise Failure("DOCUMENT_TOO_LARGE", f"{name} has {size} bytes, and at most {BYTES_MAX} can be converted: split it")
    with task.source() as source:
        rows, damaged = read(source.bytes())
    if not rows:
        # The host asks the next converter that takes such a document.
        raise Failure("UNSUPPORTED_FORMAT", f"{name} has no lines of text `key = value`: submit it in another format")
    if damaged:
        task.log(f"lines without a key and `=`, which are left out: {damaged}", Level.WARN)
    task.report_progress(0.5, f"{len(rows)} keys")

    markdown = "\n".join(["| Key | Value |", "| --- | --- |", *rows]) + "\n"
    task.write_artifact("markdown.md", markdown)
    task.write_json("document.json", {"encoding": "utf-8", "format": "kvtxt", "media_type": "application/x-kvtxt"})
    return {
        "conversion_metadata": {
            "original_format": "kvtxt", "file_size_bytes": size, "content_length": len(markdown), "page_count": None
        }
    }


def read(content: bytes) -> tuple[list[str], int]:
    """The rows of the table, and the number of lines that are damaged. No rows where it is no text."""
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return [], 0
    if "\0" in text:
        return [], 0
    rows, damaged = [], 0
    for line in text.split("\n"):
        line = re.sub("[\x01-\x1f\x7f]", " ", line).strip(" ")
        if line == "" or line.startswith("#"):
            continue
        key, equals, value = line.partition("=")
        if equals and key.strip(" "):
            rows.append(f"| {cell(key)} | {cell(value)} |")
        else:
            damaged += 1
    return rows, damaged


def cell(text: str) -> str:
    """Text as it is, between the lines of a table: what markdown would read as its own is escaped."""
    return re.sub(r"[\\`*_\[\]<&|]", r"\\\g<0>", text.strip(" "))
