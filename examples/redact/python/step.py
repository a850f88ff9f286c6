"""Masks personal data in the markdown of a document; see ../README.md."""

from dataclasses import dataclass, field
from typing import Annotated, Literal

from morag_step import Output, Task, step

from scanner import KINDS, scan


@dataclass
class Config:
    kinds: Annotated[list[Literal["email", "phone", "iban", "card"]], {"minItems": 1, "uniqueItems": True}] = field(
        default_factory=lambda: ["email", "phone", "iban", "card"]
    )
    mask: Literal["x", "X", "#", "*", "_"] = "x"


@step(
    name="redact",
    version="1.0.0",
    summary="Masks e-mail addresses, phone numbers, IBANs and card numbers, byte for byte",
    reads=["markdown.md"],
    writes=[
        Output("redacted.md", "text/markdown", published_as="redacted_file_url"),
        Output("redactions.json", "application/json"),
    ],
    config=Config,
)
def redact(task: Task, config: Config) -> dict:
    text = task.artifact_bytes("markdown.md")
    kinds = [kind for kind in KINDS if kind in config.kinds]
    counts = dict.fromkeys(kinds, 0)
    findings = []
    for place, (kind, found) in enumerate(scan(text, set(kinds)), start=1):
        counts[kind] = len(found)
        findings += found
        task.report_progress(place / (len(kinds) + 1), f"{kind}: {len(found)} found")
    findings.sort(key=lambda finding: finding.start)

    redacted = bytearray(text)
    for finding in findings:
        redacted[finding.start : finding.end] = config.mask.encode() * (finding.end - finding.start)
    masked = sum(finding.end - finding.start for finding in findings)
    task.log(f"masked {len(findings)} finding(s), {masked} of {len(text)} bytes")

    task.write_artifact("redacted.md", bytes(redacted))
    listed = [{"kind": finding.kind, "start": finding.start, "end": finding.end} for finding in findings]
    task.write_json("redactions.json", {"version": 1, "mask": config.mask, "kinds": kinds, "findings": listed})
    return {"redactions": counts, "redacted_bytes": masked}
