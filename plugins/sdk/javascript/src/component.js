// What a component exports: the entry that build.mjs generates gives it the project's step and the interfaces of its world.
import { WitHost, sendConsole } from "./host.js";
import { Failure } from "./failure.js";
import { defineStep } from "./define.js";
import { Task } from "./task.js";

/** The export `morag:step/converter` of a definition, for a world that has it. */
export function exportedFormats(definition) {
  const { formats } = defineStep(definition);
  if (formats.length === 0) {
    throw new TypeError("plugin.toml says converter = true, but the step takes no formats: add formats to its defineStep");
  }
  return {
    formats: () => formats.map(({ name, mediaTypes = [], extensions = [] }) => ({ name, mediaTypes, extensions })),
  };
}

/** Throws where a step takes formats and its world does not export them. */
export function checkNoFormats(definition) {
  if (defineStep(definition).formats.length > 0) {
    throw new TypeError("the step takes formats, so it is a converter: add converter = true to plugin.toml");
  }
}

/** The export `morag:step/step` of a definition. `further` are capabilities that are no interface of ours (`http`). */
export function exported(definition, interfaces, further = []) {
  if (definition === undefined || definition === null) throw new TypeError("step.js must `export default defineStep({ … })`");
  const step = defineStep(definition);
  const host = new WitHost(interfaces);
  // What is imported needs a grant, whether the step says so or not.
  const capabilities = [...new Set([...step.capabilities, ...host.imported, ...further])];
  return {
    describe() {
      const input = (required) => (name) => ({ name, required });
      return {
        name: step.name,
        version: step.version,
        summary: step.summary,
        inputs: [...step.reads.map(input(true)), ...step.readsIfPresent.map(input(false))],
        outputs: step.writes.map(({ name, mediaType, publishedAs }) => ({ name, mediaType, dataKey: publishedAs })),
        capabilities,
        configSchema: JSON.stringify(step.configSchema),
      };
    },
    async run() {
      sendConsole(host);
      try {
        const task = new Task(host);
        return { data: JSON.stringify((await step.run(task, task.config)) ?? {}) };
      } catch (error) {
        const failure = error instanceof Failure ? error : unhandled(error, host);
        const { code, message, details, retryable } = failure;
        // The binding takes `payload` of what is thrown as the error of the result.
        throw { payload: { code, message, details: JSON.stringify(details), retryable } };
      }
    },
  };
}

/** Whatever was thrown, as a failure that says what and where. */
function unhandled(error, host) {
  if (!(error instanceof Error)) return new Failure("STEP_ERROR", `thrown: ${String(error)}`);
  const places = String(error.stack ?? "").trim().split("\n").filter(Boolean);
  for (const place of places.slice(0, 20)) host.log("error", place);
  const where = places[0] ? ` (at ${places[0].trim()})` : "";
  return new Failure("STEP_ERROR", `${error.name}: ${error.message}${where}`, { details: { exception: error.name } });
}
