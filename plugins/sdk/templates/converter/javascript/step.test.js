// node --test step.test.js
import assert from "node:assert/strict";
import { test } from "node:test";
import { MockTask } from "#morag-step/mock";
import step, { BYTES_MAX } from "./step.js";

test("lines become a table", () => {
  const task = new MockTask({ step, source: "\ufeffname = A|B\r\n\n# no row\nno key\n= none\nsum = 1 = 1" });
  assert.equal(step.run(task).conversion_metadata.content_length, 62);
  assert.equal(task.fileText("markdown.md"), "| Key | Value |\n| --- | --- |\n| name | A\\|B |\n| sum | 1 = 1 |\n");
  assert.equal(task.lines.length, 1);
});

test("what is not ours is passed on", () => {
  for (const source of ["", "a letter", new Uint8Array([97, 61, 255]), "a = \0"]) {
    assert.throws(() => step.run(new MockTask({ step, source })), { code: "UNSUPPORTED_FORMAT" });
  }
});

test("a large document is refused", () => {
  const source = new Uint8Array(BYTES_MAX + 1);
  assert.throws(() => step.run(new MockTask({ step, source })), { code: "DOCUMENT_TOO_LARGE" });
});
