// What a step says it is.

const KEYS = ["name", "version", "summary", "reads", "readsIfPresent", "writes", "capabilities", "configSchema", "run"];

/** Checks a step's definition and fills in what it leaves out. */
export function defineStep(definition) {
  for (const key of Object.keys(definition)) {
    if (!KEYS.includes(key)) throw new TypeError(`defineStep: ${key} is not a key of a step; they are ${KEYS.join(", ")}`);
  }
  for (const key of ["name", "version", "summary"]) {
    if (typeof definition[key] !== "string") throw new TypeError(`defineStep: ${key} must be a text`);
  }
  if (typeof definition.run !== "function") throw new TypeError("defineStep: run must be a function");
  return Object.freeze({
    reads: [],
    readsIfPresent: [],
    writes: [],
    capabilities: [],
    configSchema: {},
    ...definition,
  });
}
