// A host in memory, for unit tests of a step in Node:
//
//     const task = new MockTask({ artifacts: { "markdown.md": "one two" } });
//     assert.deepEqual(await step.run(task, task.config), { words: 2 });
//     assert.equal(task.fileText("word_count.json"), "…");
import {
  Completion, Data, Edge, Fact, Info, Level, Message, Node, Outcome, Picture, Point, Reading, Step, Task, Transcript,
} from "./index.js";

type Bytes = string | Uint8Array;
/** Answers in order (errors are thrown), or a function of what is asked. */
type Answers<Asked, Answer> = (string | Answer | Error)[] | ((asked: Asked) => string | Answer | Error);

export class MockTask extends Task {
  constructor(options?: {
    source?: Bytes;
    /** With it, only what it declares is there. */
    step?: Step<any>;
    artifacts?: Record<string, Bytes>;
    config?: Data;
    info?: Partial<Info>;
    secrets?: Record<string, string>;
    kv?: Record<string, Bytes>;
    completions?: Answers<Message[], Completion>;
    transcripts?: Answers<Uint8Array, Transcript>;
    /** Name of the model that transcribes; null is as where the operator has set no service up. */
    transcriptionModel?: string | null;
    /** A text is the markdown of a document that was converted. */
    conversions?: Answers<{ name: string; content: Uint8Array }, Outcome>;
    /** A text is what the picture says, line by line. */
    readings?: Answers<Required<Picture>, Reading>;
  });
  /** Artifacts by name: those given, and those the step has finished. */
  files: Map<string, Uint8Array>;
  /** Temporary files that the step has finished, by name. */
  temporaryFiles: Map<string, Uint8Array>;
  fileText(name: string): string | undefined;
  /** Every progress report that the host would have kept. */
  progress: [number, string][];
  lines: [Level, string][];
  /** What was staged. */
  store: { points: Point[]; nodes: Node[]; edges: Edge[]; facts: Fact[] };
  /** Keys and values. */
  values: Map<string, Uint8Array>;
}
