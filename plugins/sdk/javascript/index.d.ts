// Write a MoRAG step in JavaScript.
//
// A step is what the project's `step.js` exports as its default, made by `defineStep`. Everything it may do goes through the
// `Task` it is given; what it returns are the step's own keys of the `step_completed` event:
//
//     import { defineStep } from "#morag-step";
//
//     export default defineStep({
//       name: "shout",
//       version: "0.1.0",
//       summary: "Makes a document loud",
//       reads: ["markdown.md"],
//       writes: [{ name: "shout.md", mediaType: "text/markdown", publishedAs: "shout_file_url" }],
//       run(task) {
//         const text = task.artifactText("markdown.md");
//         task.writeArtifact("shout.md", text.toUpperCase());
//         return { shouted: text.length };
//       },
//     });

/** A JSON object. */
export type Data = Record<string, unknown>;

/** An artifact the step writes, or with a pattern any number of them. */
export interface Output {
  /**
   * File name: 1 to 64 characters of `a-z 0-9 . _ -`. With one `*`, such as `page-*.png`, it is a pattern: the step writes any number of
   * files whose names have one or more characters in its place, and all of them are listed.
   */
  name: string;
  /** Media type, for example `text/markdown`. */
  mediaType: string;
  /** Key of the step's data under which the host publishes the file's URL. Not for a pattern. */
  publishedAs?: string;
}

/** A format that a converter takes; see `format` in `wit/converter.wit`. */
export interface Format {
  /** Short name, the usual extension: 1 to 16 characters of `a-z 0-9`. */
  name: string;
  /** Without parameters, in lower case; at most 16. */
  mediaTypes?: string[];
  /** Of its files, without the dot, in lower case; at most 16. */
  extensions?: string[];
}

/** What a step is, and what it does. */
export interface Definition<Config = Data> {
  /** Lower snake case, 1 to 64 characters. */
  name: string;
  /** The step's own version (semver). */
  version: string;
  /** One line for people. */
  summary: string;
  /** Artifacts that an earlier step must write. */
  reads?: string[];
  /** Artifacts that are read where an earlier step has written them. */
  readsIfPresent?: string[];
  writes?: Output[];
  /** Capabilities wanted. A component adds those that it imports: the ones of `plugin.toml`. */
  capabilities?: string[];
  /**
   * Formats that the step takes, which makes it a converter (`converter = true` in `plugin.toml`): it writes `markdown.md` and
   * `document.json`, and passes a document on to the next converter by failing with the code `UNSUPPORTED_FORMAT`.
   */
  formats?: Format[];
  /** JSON Schema (draft 2020-12) of the configuration. */
  configSchema?: Data;
  /** Runs the step once. May be async: what it awaits ends before the step does. What it throws fails the step. */
  run(task: Task, config: Config): Data | void | Promise<Data | void>;
}

/** A definition with what it left out filled in. */
export type Step<Config = Data> = Readonly<Required<Definition<Config>>>;

/** Checks a step's definition. Throws `TypeError` where a key is unknown or missing. */
export function defineStep<Config = Data>(definition: Definition<Config>): Step<Config>;

/** Ends the step as failed: throw it from anywhere. */
export class Failure extends Error {
  /**
   * @param code stable and machine readable: upper snake case, 1 to 64 characters
   * @param message what happened, to what, and what to do about it; at most 4 KiB
   */
  constructor(code: string, message: string, options?: { details?: Data; retryable?: boolean; cause?: unknown });
  code: string;
  /** Further keys of the `step_failed` event. */
  details: Data;
  /** Whether the same input could succeed later. */
  retryable: boolean;
  /** A failure of something behind the host, which may work later. */
  static unavailable(message: string): Failure;
}

/** Why a capability could not do what was asked. A step that does not catch it fails with it. */
export class CapabilityError extends Failure {
  constructor(kind: CapabilityError["kind"], message: string);
  /** `invalid`: asking again gives the same answer; `limit`: the text names it; `unavailable`: may work later. */
  kind: "invalid" | "limit" | "unavailable";
}

/** What was submitted; see `info` in `wit/task.wit`. */
export interface Info {
  taskId: string;
  documentId: string;
  /** Run of the task, from 1. */
  attempt: number;
  fileName: string;
  /** As submitted: a hint, never a promise. */
  mediaType: string;
  /** Bytes of the source. */
  size: number;
  sha256: string;
  sourceType: "document" | "audio" | "video" | "image";
  /** ISO 639-1, if the caller gave one. */
  language: string | undefined;
  collection: string;
  replaceExisting: boolean;
  options: Data;
  metadata: Data;
}

/**
 * A read-only file with random access. A step holds at most 64 files of the host at once: `close()` it where there are many,
 * or say `using file = task.source()` where the engine has `using`.
 */
export class Blob {
  readonly size: number;
  readonly mediaType: string;
  /** At most `length` bytes from `offset`; shorter only at the end. */
  read(offset: number, length: number): Uint8Array;
  /** The file from its beginning to its end, in pieces (64 KiB by default), so that memory stays small. */
  pieces(length?: number): Generator<Uint8Array>;
  /** The whole file, in memory. */
  bytes(): Uint8Array;
  /** Gives the file back to the host. Reading it is an error from then on; closing it again is none. */
  close(): void;
  [Symbol.dispose](): void;
}

/** A file being written. It is visible only after `finish`, when the step succeeds. */
export class Writer {
  /** Appends bytes, or text as UTF-8, of any length; returns the number of bytes. */
  write(data: string | Uint8Array): number;
  /** Closes the file. */
  finish(): void;
  /** Leaves nothing of the file. */
  discard(): void;
}

export type Level = "trace" | "debug" | "info" | "warn" | "error";

/** The task a step runs for. Needs no grant, but for the capabilities. */
export class Task {
  readonly info: Info;
  /** The configuration, valid by the step's own schema. */
  readonly config: Data;
  /** Milliseconds since the step began. */
  readonly elapsedMs: number;
  /** The document that was submitted. */
  source(): Blob;
  /** An artifact of an earlier step; undefined where it is not there or is not declared in `reads`. */
  artifact(name: string): Blob | undefined;
  /** An artifact that must exist, whole. Throws `INPUT_MISSING`. */
  artifactBytes(name: string): Uint8Array;
  /** An artifact that must exist, as UTF-8 text. Throws `INPUT_MISSING` and `INPUT_INVALID`. */
  artifactText(name: string): string;
  /** An artifact that must exist, parsed as JSON. Throws `INPUT_MISSING` and `INPUT_INVALID`. */
  artifactJson(name: string): any;
  /** Starts an artifact that the definition declares. */
  createArtifact(name: string): Writer;
  /** Writes a whole artifact; text as UTF-8. */
  writeArtifact(name: string, data: string | Uint8Array): void;
  /** Writes a whole artifact as compact JSON with a line end. */
  writeJson(name: string, value: unknown): void;
  /** Starts a file that is there for this run alone: one to be converted or transcribed. `name` is as an artifact's. */
  createTemporaryFile(name: string, mediaType: string): Writer;
  /** A temporary file that this run has finished. */
  temporaryFile(name: string): Blob | undefined;
  /** Writes a whole temporary file and opens it; text as UTF-8. */
  writeTemporaryFile(name: string, mediaType: string, data: string | Uint8Array): Blob;
  /** Says how far the step is, from 0 to 1, with a short line for people. At most ten a second. */
  reportProgress(fraction: number, message: string): void;
  /** Writes one line to the step's log (`info` by default). `console` does too. */
  log(message: string, level?: Level): void;
  /** Capability `embeddings`. */
  readonly embeddings: Embeddings;
  /** Capability `vectors`. */
  readonly vectors: Vectors;
  /** Capability `graph`. */
  readonly graph: Graph;
  /** Capability `completions`. */
  readonly completions: Completions;
  /** Capability `transcription`. */
  readonly transcription: Transcription;
  /** Capability `conversion`. */
  readonly conversion: Conversion;
  /** Capability `ocr`. */
  readonly ocr: Ocr;
  /** Capability `kv`. */
  readonly kv: KeyValues;
  /** Capability `secrets`. */
  readonly secrets: Secrets;
}

/** Text embeddings by the host's model. */
export interface Embeddings {
  model(): { name: string; dimensions: number };
  /** One vector a text, in order. */
  embed(texts: string[]): number[][];
}

/** A text with its vector; `id` is unique within the document. */
export interface Point {
  id: string;
  text: string;
  vector: ArrayLike<number>;
  payload?: Data;
}

/** The vector store, staged until the step succeeds. */
export interface Vectors {
  /** Stages points made by the named model; returns how many. */
  put(model: string, points: Point[]): number;
}

export interface Node {
  /** Nodes of several documents with the same key are the same entity. */
  key: string;
  name: string;
  kind: string;
  mentions?: number;
  properties?: Data;
}
export interface Edge {
  /** Key of a node that is staged already. */
  source: string;
  target: string;
  kind: string;
  properties?: Data;
}
export interface Fact {
  subject: string;
  predicate: string;
  object: string;
  properties?: Data;
}

/** The knowledge graph, staged until the step succeeds. Each returns how many were staged. */
export interface Graph {
  putNodes(nodes: Node[]): number;
  putEdges(edges: Edge[]): number;
  putFacts(facts: Fact[]): number;
}

export interface Message {
  role: "system" | "user" | "assistant";
  content: string;
}
export interface Completion {
  text: string;
  model: string;
  inputTokens: number;
  outputTokens: number;
  /** Whether the answer stopped at `maxTokens` instead of at its end. */
  truncated: boolean;
}

/** Text completions by the host's model, within the task's budget. */
export interface Completions {
  /** Answers a conversation of 1 to 64 messages, or one text of the user. */
  complete(
    messages: string | Message[],
    options?: { maxTokens?: number; temperature?: number; responseSchema?: Data },
  ): Completion;
}

export interface Transcript {
  text: string;
  language: string | undefined;
  durationMs: number | undefined;
  segments: { startMs: number; endMs: number; text: string }[];
}

/** Speech to text by the host's service, within the task's budget. */
export interface Transcription {
  /** Name of the model that transcribes. `unavailable` where the operator has set no service up; the service is not asked. */
  model(): string;
  transcribe(audio: Blob, language?: string): Transcript;
}

export interface ConvertedDocument {
  /** CommonMark with GitHub tables. */
  markdown: string;
  /** What the converter wrote as `document.json`; empty where it wrote none. */
  document: Data;
  /** Name of the component that converted it. */
  component: string;
}

/** A document that was not converted, as a step's failure. */
export interface Refused {
  /** For example `UNSUPPORTED_FORMAT`. */
  code: string;
  /** What happened, to what, and what to do about it. */
  message: string;
}

/** What became of a document: one of the two. */
export type Outcome = { converted: ConvertedDocument; refused?: undefined } | { converted?: undefined; refused: Refused };

/**
 * Converts attachments of a mail, files of an archive, … by the converters of the step that asks, within the run's budget:
 *
 *     const file = task.writeTemporaryFile("attachment", "application/octet-stream", bytes);
 *     const { converted, refused } = task.conversion.convert(file, "report.docx");
 */
export interface Conversion {
  /** Converts a temporary file of this run. `name` is the document's, whose extension is a hint. */
  convert(document: Blob, name: string): Outcome;
}

/** A decoded picture: each side 16 to 16,384 pixels, at most 16,777,216 pixels in all. */
export interface Picture {
  /** Pixels of a row. */
  width: number;
  /** Rows. */
  height: number;
  /** The pixels, row by row from the top, without padding. */
  pixels: Uint8Array;
  /** `gray8` (the default): one byte a pixel, 0 is black; `rgb8`: three bytes a pixel. */
  format?: "gray8" | "rgb8";
}

export interface TextLine {
  text: string;
  /** 0 to 1: how sure the model is of the characters that it found. */
  confidence: number;
  /** Characters for each length of the line's height; well below 0.5 it is a script that the model does not know. */
  density: number;
  /** Of the box around it as it is read, in pixels: upper left, upper right, lower right, lower left. */
  corners: { x: number; y: number }[];
}

/** What a picture says. */
export interface Reading {
  /** From top to bottom, as they were found. */
  lines: TextLine[];
  /** Degrees by which the picture must be turned clockwise to be upright: 0, 90, 180 or 270. */
  turned: number;
  /** Whether there were more lines than are read. */
  truncated: boolean;
}

/** Reads text in pictures by the host's model, within the run's budget. */
export interface Ocr {
  /** The model in use, with the scripts that it reads as ISO 15924 codes; `unavailable` where the operator has set none up. */
  model(): { name: string; scripts: string[] };
  /** Reads a picture. Takes seconds of processor time, on the host's own threads. */
  read(picture: Picture): Reading;
}

/** The plugin's own store, kept between tasks. */
export interface KeyValues {
  /** The value of a key (1 to 255 bytes of UTF-8 without control characters). */
  get(key: string): Uint8Array | undefined;
  getText(key: string): string | undefined;
  /** Sets a value of at most 64 KiB; text as UTF-8. */
  set(key: string, value: string | Uint8Array): void;
  delete(key: string): void;
  /** All keys that begin with `prefix`, in the order of their bytes. */
  keys(prefix?: string): Generator<string>;
}

/** Secrets that the operator has given to this plugin by name. */
export interface Secrets {
  /** `invalid` for a name that was not granted. */
  get(name: string): string;
}
