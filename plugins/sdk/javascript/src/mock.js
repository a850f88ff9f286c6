// A host in memory, for unit tests of a step in Node. Types and documentation: ../mock.d.ts.
import { createHash } from "node:crypto";
import { takes } from "./define.js";
import { CapabilityError, Failure } from "./failure.js";
import { ITEMS } from "./capabilities.js";
import { PIECE, Task } from "./task.js";

/** Files that a step holds open at once, as on the host. */
const HANDLES = 64;

/** Counts the files that a step holds open. */
class Handles {
  #open = 0;
  take() {
    if (this.#open === HANDLES) {
      throw new Failure("PLUGIN_HANDLE_LIMIT", `the step held more than its ${HANDLES} handles of the host at once: close() what is read`);
    }
    this.#open++;
    let held = true;
    return () => {
      if (held) this.#open--;
      held = false;
    };
  }
}

const bytesOf = (data) => (typeof data === "string" ? new TextEncoder().encode(data) : data);

class MockBlob {
  constructor(content, mediaType, handles) {
    this.content = content;
    this.type = mediaType;
    this.drop = handles.take();
  }
  size() {
    return this.content.length;
  }
  mediaType() {
    return this.type;
  }
  read(offset, length) {
    return this.content.slice(offset, offset + Math.min(length, PIECE));
  }
}

class MockWriter {
  #pieces = [];
  #closed = false;
  #giveBack;
  constructor(name, files, handles) {
    this.name = name;
    this.files = files;
    this.#giveBack = handles.take();
  }
  #open() {
    if (this.#closed) throw new Failure("ARTIFACT_CLOSED", "the file was finished already");
  }
  write(bytes) {
    this.#open();
    this.#pieces.push(bytes.slice());
  }
  finish() {
    this.#open();
    this.#closed = true;
    this.files.set(this.name, new Uint8Array(Buffer.concat(this.#pieces)));
  }
  drop() {
    this.#closed = true;
    this.#giveBack();
  }
}

function batch(items) {
  if (items.length > ITEMS) throw new CapabilityError("limit", `at most ${ITEMS} items a call`);
  return items.length;
}

class MockStore {
  points = [];
  nodes = [];
  edges = [];
  facts = [];
  model() {
    return { name: "mock-2", dimensions: 2 };
  }
  embed(texts) {
    const bytes = texts.reduce((sum, text) => sum + bytesOf(text).length, 0);
    if (batch(texts) && bytes > 1 << 20) throw new CapabilityError("limit", "at most 1 MiB of text a call");
    return texts.map((text) => [text.length, text.split(" ").length - 1]);
  }
  put(model, points) {
    this.points.push(...points);
    return batch(points);
  }
  putNodes(nodes) {
    this.nodes.push(...nodes);
    return batch(nodes);
  }
  putEdges(edges) {
    const known = new Set(this.nodes.map((node) => node.key));
    for (const key of edges.flatMap(({ source, target }) => [source, target])) {
      if (!known.has(key)) throw new CapabilityError("invalid", `no node has the key ${key}`);
    }
    this.edges.push(...edges);
    return batch(edges);
  }
  putFacts(facts) {
    this.facts.push(...facts);
    return batch(facts);
  }
}

const byBytes = (a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b));

class MockKeyValues {
  constructor(values) {
    this.values = values;
  }
  #checked(key) {
    const length = bytesOf(key).length;
    if (length < 1 || length > 255 || /[\u0000-\u001f\u007f]/.test(key)) {
      throw new CapabilityError("invalid", "a key has 1 to 255 bytes without control characters");
    }
    return key;
  }
  get(key) {
    return this.values.get(this.#checked(key));
  }
  set(key, value) {
    if (value.length > 1 << 16) throw new CapabilityError("limit", "at most 64 KiB a value");
    this.values.set(this.#checked(key), value);
  }
  delete(key) {
    this.values.delete(this.#checked(key));
  }
  keys(prefix, after) {
    const later = [...this.values.keys()].filter((key) => key.startsWith(prefix) && (after === undefined || byBytes(key, after) > 0));
    return later.sort(byBytes).slice(0, ITEMS);
  }
}

function answers(given, make) {
  const rest = typeof given === "function" ? undefined : [...given];
  return (asked) => {
    if (rest?.length === 0) throw new CapabilityError("limit", "the mock has no more answers");
    const answer = rest ? rest.shift() : given(asked);
    if (answer instanceof Error) throw answer;
    return typeof answer === "string" ? make(answer) : answer;
  };
}

/** Sides and pixels of a picture; as on the host. */
const [SIDE_MIN, SIDE_MAX, PIXELS_MAX] = [16, 16_384, 16 << 20];

/** Throws where a picture is not as large as it says. */
function checkPicture({ width, height, pixels, format }) {
  const area = width * height;
  if (Math.min(width, height) < SIDE_MIN || Math.max(width, height) > SIDE_MAX || area > PIXELS_MAX) {
    throw new CapabilityError("invalid", "a picture has sides of 16 to 16,384 pixels and at most 16 Mi");
  }
  const wanted = area * (format === "rgb8" ? 3 : 1);
  if (pixels.length !== wanted) throw new CapabilityError("invalid", `the picture has ${wanted} bytes of pixels`);
}

/** A reading of lines, one below the other. */
function readingOf(text) {
  const line = (text, row) => {
    const [top, right] = [row * 30, text.length * 10];
    const corners = [[0, top], [right, top], [right, top + 20], [0, top + 20]].map(([x, y]) => ({ x, y }));
    return { text, confidence: 0.99, density: 2, corners };
  };
  return { lines: text.split("\n").map(line), turned: 0, truncated: false };
}

class MockHost {
  handles = new Handles();
  files = new Map();
  temporary = new Map();
  mediaTypes = new Map();
  progress = [];
  lines = [];
  constructor(step, source, info, config) {
    Object.assign(this, { step, content: source, given: info, configuration: config });
  }
  info() {
    return this.given;
  }
  config() {
    // Through JSON, as in a component: what is no JSON is found here.
    return JSON.parse(JSON.stringify(this.configuration));
  }
  source() {
    return new MockBlob(this.content, this.given.mediaType, this.handles);
  }
  artifact(name) {
    const declared = !this.step || this.step.reads.includes(name) || this.step.readsIfPresent.includes(name);
    const content = declared ? this.files.get(name) : undefined;
    return content && new MockBlob(content, "application/octet-stream", this.handles);
  }
  createArtifact(name) {
    if (this.step && !this.step.writes.some((output) => takes(output, name))) {
      throw new Failure("ARTIFACT_UNDECLARED", `${name} is not among the outputs the step declares`);
    }
    return new MockWriter(name, this.files, this.handles);
  }
  createTemporaryFile(name, mediaType) {
    if (!/^[a-z0-9_-][a-z0-9._-]{0,63}$/.test(name)) {
      throw new Failure("ARTIFACT_UNDECLARED", `${name} is not among the outputs the step declares`);
    }
    this.mediaTypes.set(name, mediaType);
    return new MockWriter(name, this.temporary, this.handles);
  }
  temporaryFile(name) {
    const content = this.temporary.get(name);
    return content && new MockBlob(content, this.mediaTypes.get(name), this.handles);
  }
  reportProgress(fraction, message) {
    // As the host: it has been told 0 already, and progress only rises.
    const reported = this.progress.at(-1)?.[0] ?? 0;
    const shown = Math.min(fraction, 1);
    if (Number.isFinite(fraction) && shown > reported) this.progress.push([shown, message.slice(0, 200)]);
  }
  elapsedMs() {
    return 0;
  }
  log(level, message) {
    this.lines.push([level, message]);
  }
  capability(name) {
    if (this.step && !this.step.capabilities.includes(name)) {
      throw new Failure("CAPABILITY_NOT_IMPORTED", `the step uses ${name}: add "${name}" to capabilities in its defineStep`);
    }
    return this.capabilities[name];
  }
}

export class MockTask extends Task {
  constructor({
    source = "",
    step,
    artifacts = {},
    config = {},
    info = {},
    secrets = {},
    kv = {},
    completions = [],
    transcripts = [],
    transcriptionModel = "mock",
    conversions = [],
    readings = [],
  } = {}) {
    const content = bytesOf(source);
    const whole = {
      taskId: "00000000-0000-4000-8000-000000000000",
      documentId: "document",
      attempt: 1,
      fileName: "document.md",
      mediaType: "application/octet-stream",
      sourceType: "document",
      language: undefined,
      collection: "documents",
      replaceExisting: false,
      options: {},
      metadata: {},
      ...info,
      size: content.length,
      sha256: createHash("sha256").update(content).digest("hex"),
    };
    const host = new MockHost(step, content, whole, config);
    for (const [name, data] of Object.entries(artifacts)) host.files.set(name, bytesOf(data));
    super(host);
    this.files = host.files;
    this.temporaryFiles = host.temporary;
    this.progress = host.progress;
    this.lines = host.lines;
    this.store = new MockStore();
    this.values = new Map(Object.entries(kv).map(([key, value]) => [key, bytesOf(value)]));
    const completed = answers(completions, (text) => ({ text, model: "mock", inputTokens: 0, outputTokens: 0, truncated: false }));
    const heard = answers(transcripts, (text) => ({ text, language: undefined, durationMs: undefined, segments: [] }));
    const converted = answers(conversions, (markdown) => ({ converted: { markdown, document: {}, component: "mock" } }));
    const read = answers(readings, readingOf);
    host.capabilities = {
      embeddings: this.store,
      vectors: this.store,
      graph: this.store,
      completions: { complete: (messages) => completed(messages) },
      transcription: {
        model() {
          if (transcriptionModel !== null) return transcriptionModel;
          throw new CapabilityError("unavailable", "the mock has no service for transcription");
        },
        transcribe(audio) {
          this.model();
          return heard(audio.content);
        },
      },
      conversion: { convert: (document, name) => converted({ name, content: document.content }) },
      ocr: {
        model: () => ({ name: "mock", scripts: ["Latn"] }),
        read(picture) {
          checkPicture(picture);
          return read(picture);
        },
      },
      kv: new MockKeyValues(this.values),
      secrets: {
        get(name) {
          if (!Object.hasOwn(secrets, name)) throw new CapabilityError("invalid", `no secret ${name} is granted`);
          return secrets[name];
        },
      },
    };
  }
  /** An artifact's text; undefined where it is not there. */
  fileText(name) {
    const content = this.files.get(name);
    return content && new TextDecoder().decode(content);
  }
}
