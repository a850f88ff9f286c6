// node --test step.test.js
import assert from "node:assert/strict";
import { test } from "node:test";
import { MockTask } from "#morag-step/mock";
import step from "./step.js";

test("words are counted", async () => {
  const task = new MockTask({ step, artifacts: { "markdown.md": "one two three" } });
  assert.deepEqual(await step.run(task, task.config), { words: 3 });
  assert.equal(task.fileText("word_count.json"), '{"words":3,"longest":"three"}\n');
});

test("a document without markdown is a failure", () => {
  assert.throws(() => step.run(new MockTask({ step }), {}), { code: "INPUT_MISSING" });
});
