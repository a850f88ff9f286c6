// node --test step.test.js
import assert from "node:assert/strict";
import { existsSync, readFileSync, readdirSync } from "node:fs";
import { test } from "node:test";
import { MockTask } from "#morag-step/mock";
import step from "./step.js";

const cases = new URL("../tests/", import.meta.url);

for (const name of readdirSync(cases)) {
  test(`golden case ${name} holds without wasm too`, () => {
    const file = (path) => new URL(`${name}/${path}`, cases);
    const { config } = existsSync(file("case.json")) ? JSON.parse(readFileSync(file("case.json"), "utf8")) : { config: {} };
    const task = new MockTask({ step, config, artifacts: { "markdown.md": new Uint8Array(readFileSync(file("artifacts/markdown.md"))) } });
    step.run(task, task.config);
    for (const artifact of ["redacted.md", "redactions.json"]) {
      assert.deepEqual(Buffer.from(task.files.get(artifact)), readFileSync(file(`expected/artifacts/${artifact}`)));
    }
  });
}
