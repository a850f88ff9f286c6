// node --test plugins/sdk/javascript/tests/sdk.test.js
import assert from "node:assert/strict";
import { test } from "node:test";
import { CapabilityError, Failure, defineStep } from "../src/index.js";
import { MockTask } from "../src/mock.js";
import { checkNoFormats, exported, exportedFormats } from "../src/component.js";

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

test("files of a pattern are declared", () => {
  const step = defineStep({ ...shout, writes: [{ name: "page-*.png", mediaType: "image/png" }] });
  const task = new MockTask({ step });
  for (const name of ["page-1.png", "page-a.b_C.png", "page-.png.png"]) task.writeArtifact(name, "x");
  for (const name of ["page-.png", "page-1.jpg", "page-a/b.png", "page-*.png", "page-1.png\n", `page-${"1".repeat(56)}.png`]) {
    assert.throws(() => task.writeArtifact(name, "x"), code("ARTIFACT_UNDECLARED"), name);
  }
  const hidden = new MockTask({ step: defineStep({ ...shout, writes: [{ name: "*.png", mediaType: "image/png" }] }) });
  assert.throws(() => hidden.writeArtifact(".a.png", "x"), code("ARTIFACT_UNDECLARED"));
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

test("a step is told the model that transcribes, or that there is none", () => {
  assert.equal(new MockTask().transcription.model(), "mock");
  assert.equal(new MockTask({ transcriptionModel: "whisper" }).transcription.model(), "whisper");
  const task = new MockTask({ source: "sound", transcriptionModel: null, transcripts: ["said"] });
  const away = (error) => error instanceof CapabilityError && error.kind === "unavailable";
  assert.throws(() => task.transcription.model(), away);
  assert.throws(() => task.transcription.transcribe(task.source()), away);
});

test("a temporary file is no artifact", () => {
  const task = new MockTask({ step: shout });
  assert.equal(task.temporaryFile("sound.wav"), undefined);
  const file = task.writeTemporaryFile("sound.wav", "audio/wav", "sound");
  assert.deepEqual([new TextDecoder().decode(file.bytes()), file.mediaType], ["sound", "audio/wav"]);
  assert.deepEqual([task.files.size, [...task.temporaryFiles.keys()]], [0, ["sound.wav"]]);
  task.createTemporaryFile("half", "text/plain").discard();
  assert.equal(task.temporaryFile("half"), undefined);
  for (const name of ["", ".hidden", "a/b", "Upper", "n".repeat(65)]) {
    assert.throws(() => task.createTemporaryFile(name, "text/plain"), code("ARTIFACT_UNDECLARED"), name);
  }
});

test("inner documents are converted or refused", () => {
  const refused = { code: "UNSUPPORTED_FORMAT", message: "no" };
  const text = (bytes) => new TextDecoder().decode(bytes);
  const task = new MockTask({
    conversions: ({ name, content }) => (name.endsWith(".txt") ? text(content).toUpperCase() : { refused }),
  });
  const file = task.writeTemporaryFile("one", "application/octet-stream", "hello");
  assert.equal(task.conversion.convert(file, "a.txt").converted.markdown, "HELLO");
  assert.deepEqual(task.conversion.convert(file, "a.bin"), { refused });
  assert.throws(() => new MockTask().conversion.convert(file, "a.txt"), code("CAPABILITY_LIMIT"));
});

test("pictures are read and must be as large as they say", () => {
  const task = new MockTask({ readings: ["Total\n12.50", { lines: [], turned: 90, truncated: false }] });
  const picture = (width, height, bytes, format) => ({ width, height, pixels: new Uint8Array(bytes), format });
  const read = task.ocr.read(picture(16, 20, 320));
  assert.deepEqual(read.lines.map((line) => line.text), ["Total", "12.50"]);
  assert.deepEqual(read.lines[1].corners[2], { x: 50, y: 50 });
  assert.equal(task.ocr.read(picture(16, 16, 768, "rgb8")).turned, 90);
  assert.deepEqual(task.ocr.model().scripts, ["Latn"]);
  for (const [width, height, bytes, format] of [[15, 16, 240], [16, 16, 255], [16_385, 16, 262_160], [16, 16, 256, "rgb8"], [16_384, 16_384, 0]]) {
    assert.throws(() => task.ocr.read(picture(width, height, bytes, format)), code("CAPABILITY_INVALID"), `${width} x ${height}`);
  }
});

const kvtxt = { name: "kvtxt", mediaTypes: ["application/x-kvtxt"], extensions: ["kvt"] };

test("a converter says its formats, and one that is one in half is not built", () => {
  const converter = defineStep({ ...shout, formats: [kvtxt, { name: "other" }] });
  assert.deepEqual(exportedFormats(converter).formats(), [kvtxt, { name: "other", mediaTypes: [], extensions: [] }]);
  assert.throws(() => checkNoFormats(converter), /add converter = true to plugin.toml/);
  assert.throws(() => exportedFormats(shout), /takes no formats/);
  checkNoFormats(shout);
});

test("a format that the host would refuse is refused", () => {
  const wrong = [
    { name: "Kvtxt" }, { name: "" }, { name: "n".repeat(17) }, { mediaTypes: ["Text/Plain"] }, { mediaTypes: ["text/plain; charset=utf-8"] },
    { extensions: [".kvt"] }, { mediaTypes: "text/plain" }, { extensions: Array(17).fill("a") },
  ];
  for (const one of wrong) {
    assert.throws(() => defineStep({ ...shout, formats: [{ ...kvtxt, ...one }] }), /defineStep: .*format/, JSON.stringify(one));
  }
});

// The interfaces as componentize-js gives them: errors are thrown with a payload, 64-bit numbers are BigInt.
function bindings(overrides = {}, further = {}) {
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
      ...further,
    },
  };
}

async function failureOf(run, overrides, further) {
  const saved = { ...console };
  const { interfaces, lines } = bindings(overrides, further);
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

async function dataOf(run, overrides, further) {
  const saved = { ...console };
  try {
    const { interfaces } = bindings(overrides, further);
    return JSON.parse((await exported({ ...shout, run }, interfaces).run()).data);
  } finally {
    Object.assign(console, saved);
  }
}

test("temporary files are written, opened and given back", async () => {
  let open = 0;
  const written = [];
  const handle = (methods) => {
    open++;
    return { ...methods, [Symbol.dispose]: () => void open-- };
  };
  const task = {
    createTemporaryFile: () => handle({ write: (bytes) => written.push(...bytes), finish: () => written.push("end") }),
    temporaryFile: () => (written.includes("end") ? handle({ size: () => 1n, read: () => new Uint8Array([49]) }) : undefined),
  };
  const data = await dataOf((task) => {
    const before = task.temporaryFile("a") === undefined;
    const file = task.writeTemporaryFile("a", "text/plain", "1");
    const [byte] = file.bytes();
    file.close();
    return { before, byte };
  }, task);
  assert.deepEqual([data, written, open], [{ before: true, byte: 49 }, [49, "end"], 0]);
  const refused = () => {
    throw Object.assign(new Error("component error"), { payload: { tag: "undeclared", val: ".x" } });
  };
  assert.equal((await failureOf((task) => task.createTemporaryFile(".x", "text/plain"), { createTemporaryFile: refused })).code, "ARTIFACT_UNDECLARED");
});

test("a component converts inner documents and reads pictures", async () => {
  const outcomes = [
    { tag: "converted", val: { markdown: "# A", document: '{"format":"txt"}', component: "text_conversion" } },
    { tag: "converted", val: { markdown: "", document: "[", component: "odd" } },
    { tag: "refused", val: { code: "UNSUPPORTED_FORMAT", message: "no" } },
  ];
  const blob = { size: () => 1n };
  const asked = [];
  const point = (x, y) => ({ x, y });
  const line = { text: "Total", confidence: 0.5, density: 2, topLeft: point(0, 0), topRight: point(9, 0), bottomRight: point(9, 5), bottomLeft: point(0, 5) };
  const further = {
    conversion: { convert: (document, name) => (asked.push([document === blob, name]), outcomes.shift()) },
    ocr: {
      model: () => ({ name: "m", scripts: ["Latn"] }),
      read: (picture) => (asked.push(picture), { lines: [line], turned: 90, truncated: true }),
    },
  };
  const data = await dataOf((task) => {
    const file = task.temporaryFile("a");
    const found = [1, 2, 3].map(() => task.conversion.convert(file, "a.txt"));
    return { found, model: task.ocr.model(), read: task.ocr.read({ width: 16, height: 16, pixels: new Uint8Array(256) }) };
  }, { temporaryFile: () => blob }, further);
  assert.deepEqual(data.found, [
    { converted: { markdown: "# A", document: { format: "txt" }, component: "text_conversion" } },
    { converted: { markdown: "", document: {}, component: "odd" } },
    { refused: { code: "UNSUPPORTED_FORMAT", message: "no" } },
  ]);
  assert.deepEqual(asked.slice(0, 3), Array(3).fill([true, "a.txt"]));
  assert.deepEqual(asked[3], { width: 16, height: 16, pixels: new Uint8Array(256), format: "gray8" });
  assert.deepEqual(data.model, { name: "m", scripts: ["Latn"] });
  const corners = [point(0, 0), point(9, 0), point(9, 5), point(0, 5)];
  assert.deepEqual(data.read, { lines: [{ text: "Total", confidence: 0.5, density: 2, corners }], turned: 90, truncated: true });
});

test("a component asks which model transcribes", async () => {
  const asking = (model) => ({ transcription: { model } });
  const asks = (task) => ({ model: task.transcription.model() });
  assert.deepEqual(await dataOf(asks, {}, asking(() => "whisper-1")), { model: "whisper-1" });
  const away = () => {
    throw Object.assign(new Error("component error"), { payload: { tag: "unavailable", val: "none is set up" } });
  };
  const failure = await failureOf(asks, {}, asking(away));
  assert.deepEqual([failure.code, failure.message], ["SERVICE_UNAVAILABLE", "none is set up"]);
});

test("a component asks for what it imports", () => {
  const { interfaces } = bindings();
  const described = exported({ ...shout, capabilities: ["kv"] }, interfaces, ["http"]).describe();
  assert.deepEqual(described.capabilities, ["kv", "http"]);
  assert.deepEqual(described.inputs, [{ name: "markdown.md", required: true }, { name: "document.json", required: false }]);
  assert.deepEqual(described.outputs, [{ name: "shout.md", mediaType: "text/markdown", dataKey: "shout_file_url" }]);
});
