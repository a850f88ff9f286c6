// Masks personal data in the markdown of a document; see ../README.md.
import { defineStep } from "#morag-step";
import { KINDS, scan } from "./scanner.js";

export default defineStep({
  name: "redact",
  version: "1.0.0",
  summary: "Masks e-mail addresses, phone numbers, IBANs and card numbers, byte for byte",
  reads: ["markdown.md"],
  writes: [
    { name: "redacted.md", mediaType: "text/markdown", publishedAs: "redacted_file_url" },
    { name: "redactions.json", mediaType: "application/json" },
  ],
  configSchema: {
    type: "object",
    properties: {
      kinds: { type: "array", items: { enum: KINDS }, minItems: 1, uniqueItems: true, default: KINDS },
      mask: { enum: ["x", "X", "#", "*", "_"], default: "x" },
    },
    additionalProperties: false,
  },
  run(task, { kinds: wanted = KINDS, mask = "x" }) {
    const text = task.artifactBytes("markdown.md");
    const kinds = KINDS.filter((kind) => wanted.includes(kind));
    const counts = Object.fromEntries(kinds.map((kind) => [kind, 0]));
    const findings = [];
    let passes = 0;
    for (const [kind, found] of scan(text, new Set(kinds))) {
      passes += 1;
      counts[kind] = found.length;
      findings.push(...found);
      task.reportProgress(passes / (kinds.length + 1), `${kind}: ${found.length} found`);
    }
    findings.sort((a, b) => a.start - b.start);

    const redacted = text.slice();
    for (const { start, end } of findings) redacted.fill(mask.charCodeAt(0), start, end);
    const masked = findings.reduce((sum, { start, end }) => sum + end - start, 0);
    task.log(`masked ${findings.length} finding(s), ${masked} of ${text.length} bytes`);

    task.writeArtifact("redacted.md", redacted);
    task.writeJson("redactions.json", { version: 1, mask, kinds, findings });
    return { redactions: counts, redacted_bytes: masked };
  },
});
