// Converts files of lines `key = value` (.kvt), a made-up format, into a table.
import { Failure, defineStep } from "#morag-step";

/** Larger documents are refused: in memory the rows of one are many times as large. */
export const BYTES_MAX = 4 << 20;

export default defineStep({
  name: "{{name}}",
  version: "0.1.0",
  summary: "Converts lines of keys and values into a table",
  writes: [
    { name: "markdown.md", mediaType: "text/markdown", publishedAs: "markdown_file_url" },
    { name: "document.json", mediaType: "application/json" },
  ],
  formats: [{ name: "kvtxt", mediaTypes: ["application/x-kvtxt"], extensions: ["kvt"] }],
  run(task) {
    const { fileName, size } = task.info;
    if (size > BYTES_MAX) {
      throw new Failure("DOCUMENT_TOO_LARGE", `${fileName} has ${size} bytes, and at most ${BYTES_MAX} can be converted: split it`);
    }
    const source = task.source();
    const { rows, damaged } = read(source.bytes());
    source.close();
    if (rows.length === 0) {
      // The host asks the next converter that takes such a document.
      throw new Failure("UNSUPPORTED_FORMAT", `${fileName} has no lines of text \`key = value\`: submit it in another format`);
    }
    if (damaged > 0) task.log(`lines without a key and \`=\`, which are left out: ${damaged}`, "warn");
    task.reportProgress(0.5, `${rows.length} keys`);

    const markdown = ["| Key | Value |", "| --- | --- |", ...rows].join("\n") + "\n";
    task.writeArtifact("markdown.md", markdown);
    task.writeJson("document.json", { encoding: "utf-8", format: "kvtxt", media_type: "application/x-kvtxt" });
    const content_length = [...markdown].length;
    return { conversion_metadata: { original_format: "kvtxt", file_size_bytes: size, content_length, page_count: null } };
  },
});

/** The rows of the table, and the number of lines that are damaged. No rows where it is no text. */
function read(content) {
  let text;
  try {
    text = new TextDecoder("utf-8", { fatal: true }).decode(content);
  } catch {
    text = "\0";
  }
  const found = { rows: [], damaged: 0 };
  if (text.includes("\0")) return found;
  for (const raw of text.split("\n")) {
    const line = trim(raw.replace(/[\u0001-\u001f\u007f]/g, " "));
    if (line === "" || line.startsWith("#")) continue;
    const at = line.indexOf("=");
    const key = at < 0 ? "" : cell(line.slice(0, at));
    if (key === "") found.damaged++;
    else found.rows.push(`| ${key} | ${cell(line.slice(at + 1))} |`);
  }
  return found;
}

/** Without the spaces around it. */
function trim(text) {
  let [start, end] = [0, text.length];
  while (start < end && text[start] === " ") start++;
  while (start < end && text[end - 1] === " ") end--;
  return text.slice(start, end);
}

/** Text as it is, between the lines of a table: what markdown would read as its own is escaped. */
const cell = (text) => trim(text).replace(/[\\`*_[\]<&|]/g, "\\$&");
