// The main job with a client that is made of the OpenAPI document: submit a file, wait for its end, read its Markdown.
// Usage: node main_job.js URL KEY FILE WEBHOOK_URL. Prints a line of JSON.
import { readFile } from "node:fs/promises";
import { basename } from "node:path";
import createClient from "openapi-fetch";
import type { components, paths } from "./schema.js";

const [url, key, file, webhookUrl] = process.argv.slice(2) as [string, string, string, string];
const client = createClient<paths>({ baseUrl: url, headers: { Authorization: `Bearer ${key}` } });

/** A form of fields; objects and lists are JSON, as the document says of forms. */
function form(fields: Record<string, unknown>): FormData {
  const form = new FormData();
  for (const [name, value] of Object.entries(fields)) {
    if (value instanceof Blob) form.append(name, value, basename(file));
    else form.append(name, typeof value === "object" ? JSON.stringify(value) : String(value));
  }
  return form;
}

/** The text of an error. `detail` is a text, or the wrong fields. */
function text({ detail, error_code: code }: components["schemas"]["ErrorBody"]): string {
  return typeof detail === "string" ? `${code}: ${detail}` : `${code}: ${detail.map((field) => field.msg).join("; ")}`;
}

const endpoint = await client.POST("/api/v1/webhooks/endpoints", {
  body: { id: "typescript", url: webhookUrl, events: ["task_completed"], format: "flat" },
});
if (endpoint.error) throw new Error(text(endpoint.error));

// The document has a binary string for the file, which TypeScript writes as a string.
const upload = new Blob([new Uint8Array(await readFile(file))]) as unknown as string;
const submitted = await client.POST("/api/v1/ingest/file", {
  params: { header: { "Idempotency-Key": "typescript-1" } },
  body: { file: upload, document_id: "typescript-1", chunk_size: 500, metadata: { source: "typescript" } },
  bodySerializer: (fields) => form(fields as Record<string, unknown>),
});
if (submitted.error) throw new Error(text(submitted.error));
const path = { task_id: submitted.data.task_id };

for (;;) {
  const status = await client.GET("/api/v1/status/{task_id}", { params: { path, query: { wait: 30 } } });
  if (status.error) throw new Error(text(status.error));
  if (status.data.status === "completed") break;
  if (status.data.status === "failed") throw new Error(status.data.error ?? "it failed");
}
const files = await client.GET("/api/files/temp/{task_id}", { params: { path } });
if (files.error) throw new Error(text(files.error));
const markdown = await client.GET("/api/files/temp/{task_id}/{filename}", {
  params: { path: { ...path, filename: "markdown.md" } },
  parseAs: "text",
});
if (markdown.error) throw new Error(text(markdown.error));
const wrong = await client.GET("/api/v1/status", { params: { query: { limit: 0 } } });
if (!wrong.error) throw new Error("a limit of 0 is accepted");

console.log(
  JSON.stringify({
    task_id: path.task_id,
    files: files.data.files.map((one) => one.filename),
    markdown: markdown.data,
    wrong: text(wrong.error),
  }),
);
