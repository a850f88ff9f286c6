// The task a step runs for: what was submitted, files, progress, log, and the capabilities.
import { Completions, Conversion, Embeddings, Graph, KeyValues, Ocr, Secrets, Transcription, Vectors } from "./capabilities.js";
import { Failure } from "./failure.js";

/** Bytes that a call to the host carries at most. */
export const PIECE = 1 << 20;

// An engine that does not know `using` yet has no name for what it calls.
const dispose = Symbol.dispose ?? Symbol.for("dispose");

export class Blob {
  #raw;
  #size;
  #closed = false;
  constructor(raw) {
    this.#raw = raw;
  }
  close() {
    if (this.#closed) return;
    this.#closed = true;
    this.#raw.drop();
  }
  [dispose]() {
    this.close();
  }
  /** The host's own handle, for capabilities that take a file. */
  get raw() {
    return this.#raw;
  }
  get size() {
    return (this.#size ??= this.#raw.size());
  }
  get mediaType() {
    return this.#raw.mediaType();
  }
  read(offset, length) {
    if (this.#closed) throw new TypeError("the file is closed");
    const wanted = Math.max(0, Math.min(length, this.size - offset));
    const found = new Uint8Array(wanted);
    let at = 0;
    while (at < wanted) {
      const piece = this.#raw.read(offset + at, Math.min(wanted - at, PIECE));
      if (piece.length === 0) return found.slice(0, at);
      found.set(piece, at);
      at += piece.length;
    }
    return found;
  }
  *pieces(length = 1 << 16) {
    for (let offset = 0; offset < this.size; offset += length) yield this.read(offset, length);
  }
  bytes() {
    return this.read(0, this.size);
  }
}

function bytesOf(data) {
  if (typeof data === "string") return new TextEncoder().encode(data);
  if (data instanceof Uint8Array) return data;
  throw new TypeError("an artifact is written as text or as a Uint8Array");
}

export class Writer {
  #raw;
  constructor(raw) {
    this.#raw = raw;
  }
  write(data) {
    const bytes = bytesOf(data);
    for (let start = 0; start < bytes.length; start += PIECE) this.#raw.write(bytes.subarray(start, start + PIECE));
    return bytes.length;
  }
  finish() {
    try {
      this.#raw.finish();
    } finally {
      this.#raw.drop();
    }
  }
  discard() {
    this.#raw.drop();
  }
}

function writeWhole(writer, data) {
  try {
    writer.write(data);
  } catch (error) {
    writer.discard();
    throw error;
  }
  writer.finish();
}

const CAPABILITIES = {
  embeddings: Embeddings,
  vectors: Vectors,
  graph: Graph,
  completions: Completions,
  transcription: Transcription,
  conversion: Conversion,
  ocr: Ocr,
  kv: KeyValues,
  secrets: Secrets,
};

export class Task {
  #host;
  #kept = new Map();
  constructor(host) {
    this.#host = host;
  }
  #once(key, make) {
    if (!this.#kept.has(key)) this.#kept.set(key, make());
    return this.#kept.get(key);
  }
  #capability(name) {
    return this.#once(name, () => new CAPABILITIES[name](this.#host.capability(name)));
  }
  get info() {
    return this.#once("info", () => this.#host.info());
  }
  get config() {
    return this.#once("config", () => this.#host.config());
  }
  get elapsedMs() {
    return this.#host.elapsedMs();
  }
  source() {
    return new Blob(this.#host.source());
  }
  artifact(name) {
    const raw = this.#host.artifact(name);
    return raw === undefined ? undefined : new Blob(raw);
  }
  artifactBytes(name) {
    const blob = this.artifact(name);
    if (!blob) throw new Failure("INPUT_MISSING", `${name} is missing: run the step that writes it before this one`);
    try {
      return blob.bytes();
    } finally {
      // The host holds 64 files a step at most, and the collector of garbage does not know it.
      blob.close();
    }
  }
  artifactText(name) {
    const bytes = this.artifactBytes(name);
    try {
      return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
    } catch (cause) {
      throw new Failure("INPUT_INVALID", `${name} is not UTF-8 text`, { cause });
    }
  }
  artifactJson(name) {
    const text = this.artifactText(name);
    try {
      return JSON.parse(text);
    } catch (cause) {
      throw new Failure("INPUT_INVALID", `${name} is not what this step reads: ${cause.message}`, { cause });
    }
  }
  createArtifact(name) {
    return new Writer(this.#host.createArtifact(name));
  }
  writeArtifact(name, data) {
    writeWhole(this.createArtifact(name), data);
  }
  writeJson(name, value) {
    this.writeArtifact(name, JSON.stringify(value) + "\n");
  }
  createTemporaryFile(name, mediaType) {
    return new Writer(this.#host.createTemporaryFile(name, mediaType));
  }
  temporaryFile(name) {
    const raw = this.#host.temporaryFile(name);
    return raw === undefined ? undefined : new Blob(raw);
  }
  writeTemporaryFile(name, mediaType, data) {
    writeWhole(this.createTemporaryFile(name, mediaType), data);
    return this.temporaryFile(name);
  }
  reportProgress(fraction, message) {
    this.#host.reportProgress(fraction, message);
  }
  log(message, level = "info") {
    this.#host.log(level, String(message));
  }
  get embeddings() {
    return this.#capability("embeddings");
  }
  get vectors() {
    return this.#capability("vectors");
  }
  get graph() {
    return this.#capability("graph");
  }
  get completions() {
    return this.#capability("completions");
  }
  get transcription() {
    return this.#capability("transcription");
  }
  get conversion() {
    return this.#capability("conversion");
  }
  get ocr() {
    return this.#capability("ocr");
  }
  get kv() {
    return this.#capability("kv");
  }
  get secrets() {
    return this.#capability("secrets");
  }
}
