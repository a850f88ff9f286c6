// Makes a component of a project in JavaScript: `node build.mjs --project DIR --out FILE [--capability NAME]…`.
//
// step.js and what it imports are bundled into one module; a generated entry binds the interfaces of the project's world to
// the SDK, so that the SDK itself imports none and a world that lacks one still works. Needs the packages of package.json
// beside this file, and no network.
import { componentize } from "@bytecodealliance/componentize-js";
import { rolldown } from "rolldown";
import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { parseArgs } from "node:util";

const { values } = parseArgs({
  options: {
    project: { type: "string", default: "." },
    out: { type: "string" },
    capability: { type: "string", multiple: true, default: [] },
  },
});

// Without these the component imports nothing of wasi:http and of the terminal. Clocks and random numbers stay: without
// them `Date.now()` and `Math.random()` would answer for ever what they answered while it was built.
const DISABLED = ["stdio", "http", "fetch-event"];
const INTERFACES = [
  "task", "log", "embeddings", "vectors", "graph", "completions", "transcription", "kv", "secrets", "conversion", "ocr",
];

async function main() {
  if (!values.out) throw new Error("say where the component goes: --out FILE");
  const project = resolve(values.project);
  const out = resolve(project, values.out);
  const work = join(project, ".morag", "bundle");
  const wit = join(project, ".morag", "wit");
  await rm(work, { recursive: true, force: true });
  await mkdir(work, { recursive: true });
  await mkdir(dirname(out), { recursive: true });

  const entry = join(work, "entry.js");
  await writeFile(entry, await entryOf(wit, values.capability.filter((name) => name === "http")));
  const bundled = join(work, "step.js");
  const bundle = await rolldown({
    input: entry,
    cwd: project,
    external: /^(morag|wasi):/,
    platform: "neutral",
    resolve: { mainFields: ["module", "main"], conditionNames: ["import", "default"] },
    onLog(level, log) {
      if (level === "warn" && log.code === "UNRESOLVED_IMPORT") throw new Error(log.message);
      if (level === "warn") console.warn(log.message);
    },
  });
  await bundle.write({ file: bundled, format: "esm", codeSplitting: false });
  await bundle.close();

  const disableFeatures = DISABLED.filter((name) => name !== "http" || !values.capability.includes("http"));
  const { component } = await componentize({ sourcePath: bundled, witPath: wit, worldName: "plugin", disableFeatures });
  await writeFile(out, component);
}

// The module that componentize-js is given. The version of the package is read from the WIT, not repeated here.
async function entryOf(wit, further) {
  const world = await readFile(join(wit, "plugin.wit"), "utf8");
  const version = /^package morag:step@([\w.+-]+);/m.exec(await readFile(join(wit, "world.wit"), "utf8"))?.[1];
  if (!version) throw new Error(`${wit}/world.wit does not say "package morag:step@…;"`);
  const imported = INTERFACES.filter((name) => new RegExp(`^\\s*import ${name};`, "m").test(world));
  const isConverter = /^\s*export converter;/m.test(world);
  return [
    ...imported.map((name) => `import * as ${name} from "morag:step/${name}@${version}";`),
    'import { checkNoFormats, exported, exportedFormats } from "../sdk/javascript/src/component.js";',
    'import definition from "../../step.js";',
    `export const step = exported(definition, { ${imported.join(", ")} }, ${JSON.stringify(further)});`,
    isConverter ? "export const converter = exportedFormats(definition);" : "checkNoFormats(definition);",
    "",
  ].join("\n");
}

try {
  await main();
} catch (error) {
  console.error(`the component cannot be built: ${error?.message ?? error}`);
  process.exitCode = 1;
}
