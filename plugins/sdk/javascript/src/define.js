// What a step says it is.

const KEYS = ["name", "version", "summary", "reads", "readsIfPresent", "writes", "capabilities", "formats", "configSchema", "run"];

/** Media types, and extensions, of a format at most. */
const NAMES = 16;

function checkFormat({ name, mediaTypes = [], extensions = [] }) {
  if (!/^[a-z0-9]{1,16}$/.test(name)) throw new TypeError(`defineStep: the format ${name} must have 1 to 16 characters of a-z 0-9 as its name`);
  for (const [what, names] of Object.entries({ mediaTypes, extensions })) {
    if (!Array.isArray(names) || names.length > NAMES) {
      throw new TypeError(`defineStep: ${what} of the format ${name} must be a list of at most ${NAMES} texts`);
    }
    for (const one of names) {
      if (typeof one !== "string" || one !== one.toLowerCase() || one.startsWith(".") || one.includes(";")) {
        throw new TypeError(`defineStep: ${one} of the format ${name} must be in lower case, without a dot before it and parameters`);
      }
    }
  }
}

/** Whether a file of this name may be written as this output, whose name may have one `*` for one or more characters. */
export function takes({ name: declared }, name) {
  if (!declared.includes("*")) return declared === name;
  const [before, after] = declared.split("*", 2);
  const filled = name.length > before.length + after.length && name.slice(before.length, name.length - after.length);
  const fits = filled && name.startsWith(before) && name.endsWith(after) && /^[A-Za-z0-9._-]+$/.test(filled);
  return Boolean(fits) && name.length <= 64 && !name.startsWith(".");
}

/** Checks a step's definition and fills in what it leaves out. */
export function defineStep(definition) {
  for (const key of Object.keys(definition)) {
    if (!KEYS.includes(key)) throw new TypeError(`defineStep: ${key} is not a key of a step; they are ${KEYS.join(", ")}`);
  }
  for (const key of ["name", "version", "summary"]) {
    if (typeof definition[key] !== "string") throw new TypeError(`defineStep: ${key} must be a text`);
  }
  if (typeof definition.run !== "function") throw new TypeError("defineStep: run must be a function");
  definition.formats?.forEach(checkFormat);
  return Object.freeze({
    reads: [],
    readsIfPresent: [],
    writes: [],
    capabilities: [],
    formats: [],
    configSchema: {},
    ...definition,
  });
}
