// The real host, on the interfaces of the project's own world, which the generated entry passes in.
import { CapabilityError, Failure } from "./failure.js";

const NAMES = ["embeddings", "vectors", "graph", "completions", "transcription", "kv", "secrets", "conversion", "ocr"];

function fileFailure({ tag, val }) {
  switch (tag) {
    case "undeclared":
      return new Failure("ARTIFACT_UNDECLARED", `${val} is not among the outputs the step declares`);
    case "limit":
      return new Failure("PLUGIN_OUTPUT_LIMIT", val);
    case "unavailable":
      return Failure.unavailable(val);
    default:
      return new Failure("ARTIFACT_CLOSED", "the file was finished already");
  }
}

const capabilityError = ({ tag, val }) => new CapabilityError(tag, val);

/** Calls the host; an error of the interface, which the binding throws with a payload, becomes a failure. */
function calling(failure, call) {
  try {
    return call();
  } catch (error) {
    const payload = error?.payload ?? error;
    if (payload && typeof payload.tag === "string") throw failure(payload);
    throw error;
  }
}

/** Gives a handle back to the host. */
const giveBack = (handle) => handle[Symbol.dispose ?? Symbol.for("dispose")]?.();

class HostBlob {
  constructor(handle) {
    this.handle = handle;
  }
  size() {
    return Number(this.handle.size());
  }
  mediaType() {
    return this.handle.mediaType();
  }
  read(offset, length) {
    return calling(fileFailure, () => this.handle.read(BigInt(offset), length));
  }
  drop() {
    giveBack(this.handle);
  }
}

class HostWriter {
  constructor(handle) {
    this.handle = handle;
  }
  write(bytes) {
    calling(fileFailure, () => this.handle.write(bytes));
  }
  finish() {
    calling(fileFailure, () => this.handle.finish());
  }
  /** Gives the handle back; a file that is not finished leaves nothing. */
  drop() {
    giveBack(this.handle);
  }
}

const text = (value) => JSON.stringify(value ?? {});

/** A JSON object that another component wrote; empty where it is none. */
function objectOf(json) {
  try {
    const value = JSON.parse(json);
    return value !== null && typeof value === "object" && !Array.isArray(value) ? value : {};
  } catch {
    return {};
  }
}

const ADAPTERS = {
  embeddings: (wit) => ({
    model: () => wit.model(),
    embed: (texts) => calling(capabilityError, () => wit.embed(texts)).map((vector) => [...vector]),
  }),
  vectors: (wit) => ({
    put: (model, points) =>
      calling(capabilityError, () =>
        wit.put(model, points.map(({ payload, vector, ...point }) => ({ ...point, vector: Float32Array.from(vector), payload: text(payload) }))),
      ),
  }),
  graph: (wit) => {
    const withText = (items) => items.map((item) => ({ ...item, properties: text(item.properties) }));
    return {
      putNodes: (nodes) =>
        calling(capabilityError, () => wit.putNodes(withText(nodes).map((node) => ({ mentions: 1, ...node })))),
      putEdges: (edges) => calling(capabilityError, () => wit.putEdges(withText(edges))),
      putFacts: (facts) => calling(capabilityError, () => wit.putFacts(withText(facts))),
    };
  },
  completions: (wit) => ({
    complete: (messages, { maxTokens, temperature, responseSchema }) =>
      calling(capabilityError, () =>
        wit.complete(messages, {
          maxTokens,
          temperature,
          responseSchema: responseSchema === undefined ? undefined : JSON.stringify(responseSchema),
        }),
      ),
  }),
  transcription: (wit) => ({
    model: () => calling(capabilityError, () => wit.model()),
    transcribe: (audio, language) => {
      const found = calling(capabilityError, () => wit.transcribe(audio.handle, language));
      const number = (value) => (value === undefined ? undefined : Number(value));
      const segments = found.segments.map(({ startMs, endMs, text }) => ({ startMs: number(startMs), endMs: number(endMs), text }));
      return { ...found, durationMs: number(found.durationMs), segments };
    },
  }),
  conversion: (wit) => ({
    convert: (document, name) => {
      const { tag, val } = calling(capabilityError, () => wit.convert(document.handle, name));
      return tag === "converted" ? { converted: { ...val, document: objectOf(val.document) } } : { refused: val };
    },
  }),
  ocr: (wit) => ({
    model: () => calling(capabilityError, () => wit.model()),
    read: (picture) => {
      const found = calling(capabilityError, () => wit.read(picture));
      const line = ({ text, confidence, density, topLeft, topRight, bottomRight, bottomLeft }) => ({
        text,
        confidence,
        density,
        corners: [topLeft, topRight, bottomRight, bottomLeft],
      });
      return { ...found, lines: found.lines.map(line) };
    },
  }),
  kv: (wit) => ({
    get: (key) => calling(capabilityError, () => wit.get(key)),
    set: (key, value) => calling(capabilityError, () => wit.set(key, value)),
    delete: (key) => calling(capabilityError, () => wit["delete"](key)),
    keys: (prefix, after) => calling(capabilityError, () => wit.keys(prefix, after)),
  }),
  secrets: (wit) => ({ get: (name) => calling(capabilityError, () => wit.get(name)) }),
};

export class WitHost {
  #wit;
  constructor(interfaces) {
    this.#wit = interfaces;
  }
  /** Capabilities that this component imports. */
  get imported() {
    return NAMES.filter((name) => this.#wit[name] !== undefined);
  }
  info() {
    const { size, options, metadata, ...info } = this.#wit.task.info();
    return { ...info, size: Number(size), options: JSON.parse(options), metadata: JSON.parse(metadata) };
  }
  config() {
    return JSON.parse(this.#wit.task.config());
  }
  source() {
    return new HostBlob(this.#wit.task.source());
  }
  artifact(name) {
    const handle = this.#wit.task.artifact(name);
    return handle === undefined || handle === null ? undefined : new HostBlob(handle);
  }
  createArtifact(name) {
    return new HostWriter(calling(fileFailure, () => this.#wit.task.createArtifact(name)));
  }
  createTemporaryFile(name, mediaType) {
    return new HostWriter(calling(fileFailure, () => this.#wit.task.createTemporaryFile(name, mediaType)));
  }
  temporaryFile(name) {
    const handle = this.#wit.task.temporaryFile(name);
    return handle === undefined || handle === null ? undefined : new HostBlob(handle);
  }
  reportProgress(fraction, message) {
    this.#wit.task.reportProgress(fraction, message);
  }
  elapsedMs() {
    return Number(this.#wit.task.elapsedMs());
  }
  log(level, message) {
    this.#wit.log.log(level, message);
  }
  capability(name) {
    if (this.#wit[name] === undefined) {
      throw new Failure(
        "CAPABILITY_NOT_IMPORTED",
        `the step uses ${name}: add "${name}" to capabilities in its plugin.toml and build it again`,
      );
    }
    return ADAPTERS[name](this.#wit[name]);
  }
}

/** What is written to the console goes to the step's log. */
export function sendConsole(host) {
  const shown = (value) => {
    if (typeof value === "string") return value;
    if (value instanceof Error) return `${value.name}: ${value.message}`;
    try {
      return JSON.stringify(value) ?? String(value);
    } catch {
      return String(value);
    }
  };
  const levels = { trace: "trace", debug: "debug", log: "info", info: "info", warn: "warn", error: "error" };
  for (const [name, level] of Object.entries(levels)) {
    console[name] = (...values) => host.log(level, values.map(shown).join(" "));
  }
}
