// node --test plugins/sdk/javascript/tests/sdk.test.js
import assert from "node:assert/strict";
import { test } from "node:test";
import { CapabilityError, Failure, defineStep } from "../src/index.js";
import { MockTask } from "../src/mock.js";
import { exported } from "../src/component.js";

const shout = defineStep({
  name: "shout",
  version: "0.1.0",
  summary: "Loud",
  reads: ["markdown.md"],
  readsIfPresent: ["document.json"],
  writes: [{ name: "shout.md", mediaType: "text/markdown", publishedAs: "shout_file_url" }],
  run(task, { least = 1 }) {
    const text = task.artifactText("markdown.md");
    task.reportProgress(0, "the host starts there");
    task.reportProgress(0.5, "half");
    task.reportProgress(0.4, "never back");
    task.reportProgress(NaN, "nor this");
    task.writeArtifact("shout.md", text.toUpperCase());
    return { length: text.length, least };
  },
});

const code = (wanted) => (error) => error instanceof Failure && error.code === wanted;

test("a step runs over the mock", () => {
  const task = new MockTask({ step: shout, artifacts: { "markdown.md": "größe" }, config: { least: 2 } });
  assert.deepEqual(shout.run(task, task.config), { length: 5, least: 2 });
  assert.equal(task.fileText("shout.md"), "GRÖSSE");
  assert.deepEqual(task.progress, [[0.5, "half"]]);
});

test("a definition with an unknown or a missing key is refused", () => {
  assert.throws(() => defineStep({ ...shout, read: [] }), /read is not a key/);
  assert.throws(() => defineStep({ name: "x", version: "1.0.0", run() {} }), /summary must be a text/);
});

test("a missing or odd input is a failure", () => {
  const run = (artifacts) => shout.run(new MockTask({ step: shout, artifacts }), {});
  assert.throws(() => run({}), code("INPUT_MISSING"));
  assert.throws(() => run({ "markdown.md": new Uint8Array([255]) }), code("INPUT_INVALID"));
  assert.throws(() => new MockTask({ artifacts: { "a.json": "{" } }).artifactJson("a.json"), code("INPUT_INVALID"));
});

test("only what is declared is there", () => {
  const task = new MockTask({ step: shout, artifacts: { "secret.md": "x" } });
  assert.equal(task.artifact("secret.md"), undefined);
  assert.throws(() => task.writeArtifact("other.md", "x"), code("ARTIFACT_UNDECLARED"));
});

test("only capabilities that a step declares are there", () => {
  assert.throws(() => new MockTask({ step: shout }).kv, code("CAPABILITY_NOT_IMPORTED"));
  assert.equal(new MockTask({ step: defineStep({ ...shout, capabilities: ["kv"] }) }).kv.get("k"), undefined);
});

test("what is read and written whole is given back, and what is closed is not read", () => {
  const task = new MockTask({ artifacts: { "a.json": "1", "bad.md": new Uint8Array([255]) } });
  for (let round = 0; round < 100; round++) {
    task.artifactBytes("a.json");
    task.artifactText("a.json");
    task.artifactJson("a.json");
    task.writeJson("b.json", round);
    assert.throws(() => task.artifactText("bad.md"), code("INPUT_INVALID"));
  }
  const files = Array.from({ length: 64 }, () => task.artifact("a.json"));
  assert.throws(() => task.artifact("a.json"), code("PLUGIN_HANDLE_LIMIT"));
  assert.throws(() => task.createArtifact("b.json"), code("PLUGIN_HANDLE_LIMIT"));
  files[0].close();
  files[0].close();
  assert.throws(() => files[0].read(0, 1), /closed/);
  task.artifact("a.json")[Symbol.dispose]();
  assert.equal(task.artifactText("a.json"), "1");
});

test("large files pass in pieces", () => {
  const source = new Uint8Array(2_500_000).map((_, place) => place % 251);
  const task = new MockTask({ source });
  assert.deepEqual(task.source().bytes(), source);
  assert.deepEqual(task.source().read(source.length - 2, 10), source.slice(-2));
  assert.equal([...task.source().pieces(1_000_000)].length, 3);
  task.writeArtifact("copy", source);
  assert.deepEqual(task.files.get("copy"), source);
});

test("key values are paged and limited", () => {
  const many = Object.fromEntries(Array.from({ length: 600 }, (_, place) => [`n/${String(place).padStart(4, "0")}`, ""]));
  const task = new MockTask({ kv: many });
  task.kv.set("other", "text");
  assert.equal([...task.kv.keys("n/")].length, 600);
  assert.equal(task.kv.getText("other"), "text");
  task.kv.delete("other");
  assert.equal(task.kv.get("other"), undefined);
  assert.throws(() => task.kv.set("", ""), code("CAPABILITY_INVALID"));
  assert.throws(() => task.kv.set("k", new Uint8Array(65537)), code("CAPABILITY_LIMIT"));
});

test("items are sent in batches, and edges need their nodes", () => {
  const task = new MockTask();
  const vectors = task.embeddings.embed(Array.from({ length: 300 }, (_, place) => `t ${place}`));
  assert.equal(task.vectors.put("mock-2", vectors.map((vector, id) => ({ id: `${id}`, text: "t", vector }))), 300);
  task.graph.putNodes([{ key: "a", name: "A", kind: "person" }, { key: "b", name: "B", kind: "person" }]);
  assert.equal(task.graph.putEdges([{ source: "a", target: "b", kind: "knows" }]), 1);
  assert.throws(() => task.graph.putEdges([{ source: "a", target: "c", kind: "knows" }]), CapabilityError);
});

test("answers come in order, then the budget is used up", () => {
  const task = new MockTask({ completions: ["one", new CapabilityError("unavailable", "away")], secrets: { TOKEN: "t" } });
  assert.equal(task.completions.complete("ask").text, "one");
  assert.throws(() => task.completions.complete("again"), (error) => error.retryable && error.kind === "unavailable");
  assert.throws(() => task.completions.complete("more"), code("CAPABILITY_LIMIT"));
  assert.equal(task.secrets.get("TOKEN"), "t");
  assert.throws(() => task.secrets.get("toString"), code("CAPABILITY_INVALID"));
  const heard = new MockTask({ source: "sound", transcripts: (audio) => new TextDecoder().decode(audio) + "!" });
  assert.equal(heard.transcription.transcribe(heard.source()).text, "sound!");
});

// The interfaces as componentize-js gives them: errors are thrown with a payload, 64-bit numbers are BigInt.
function bindings(overrides = {}) {
  const lines = [];
  const thrown = (payload) => () => {
    throw Object.assign(new Error("component error"), { payload });
  };
  return {
    lines,
    interfaces: {
      task: {
        config: () => "{}",
        artifact: () => undefined,
        createArtifact: thrown({ tag: "undeclared", val: "x.md" }),
        elapsedMs: () => 5n,
        ...overrides,
      },
      log: { log: (level, message) => lines.push([level, message]) },
      kv: { get: thrown({ tag: "unavailable", val: "away" }) },
    },
  };
}

async function failureOf(run, overrides) {
  const saved = { ...console };
  const { interfaces, lines } = bindings(overrides);
  const { name, version, summary } = shout;
  try {
    await exported({ name, version, summary, run }, interfaces).run();
  } catch (error) {
    return { ...error.payload, lines };
  } finally {
    Object.assign(console, saved);
  }
  throw new Error("it did not fail");
}

test("a component tells failures as the host reads them", async () => {
  const own = await failureOf(() => {
    throw new Failure("ODD", "why", { details: { page: 3 }, retryable: true });
  });
  assert.deepEqual({ ...own, lines: undefined }, { code: "ODD", message: "why", details: '{"page":3}', retryable: true, lines: undefined });
  assert.equal((await failureOf((task) => task.writeArtifact("x.md", ""))).code, "ARTIFACT_UNDECLARED");
  assert.equal((await failureOf((task) => task.kv.get("k"))).retryable, true);
  assert.equal((await failureOf((task) => task.artifactText("a.md"))).code, "INPUT_MISSING");
  const lacking = await failureOf((task) => task.graph);
  assert.match(lacking.message, /add "graph" to capabilities in its plugin.toml/);
});

test("what else is thrown becomes STEP_ERROR with its place", async () => {
  const failure = await failureOf(async () => {
    console.warn("odd", { a: 1 });
    null.x;
  });
  assert.equal(failure.code, "STEP_ERROR");
  assert.match(failure.message, /^TypeError: .*null/);
  assert.deepEqual(failure.lines[0], ["warn", 'odd {"a":1}']);
  assert.equal((await failureOf(() => { throw "text"; })).message, "thrown: text");
});

test("a component gives its handles back to the host", async () => {
  let open = 0;
  const handle = () => {
    open++;
    return { size: () => 1n, read: () => new Uint8Array([49]), [Symbol.dispose]: () => void open-- };
  };
  await failureOf((task) => {
    for (let round = 0; round < 100; round++) task.artifactJson("a.json");
    throw new Failure("READ", "");
  }, { artifact: handle });
  assert.equal(open, 0);
});

test("a component asks for what it imports", () => {
  const { interfaces } = bindings();
  const described = exported({ ...shout, capabilities: ["kv"] }, interfaces, ["http"]).describe();
  assert.deepEqual(described.capabilities, ["kv", "http"]);
  assert.deepEqual(described.inputs, [{ name: "markdown.md", required: true }, { name: "document.json", required: false }]);
  assert.deepEqual(described.outputs, [{ name: "shout.md", mediaType: "text/markdown", dataKey: "shout_file_url" }]);
});
