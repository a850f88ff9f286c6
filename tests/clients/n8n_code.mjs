// Runs the Code node "Verify" of examples/n8n/workflow.json as n8n would: node n8n_code.mjs WORKFLOW
//
// Reads JSON documents {"secret", "headers", "body"} from standard input, one a line, and prints the node's first item each.

import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { createInterface } from "node:readline";

const { nodes } = JSON.parse(readFileSync(process.argv[2], "utf8"));
const { jsCode } = nodes.find((node) => node.name === "Verify").parameters;
const AsyncFunction = (async () => {}).constructor;
const code = new AsyncFunction("require", "$env", "$input", jsCode);

for await (const line of createInterface({ input: process.stdin })) {
  const { secret, headers, body } = JSON.parse(line);
  // What the node sees: the headers as JSON, and the raw body as the file `data`.
  const input = { first: () => ({ json: { headers, body: JSON.parse(body) } }) };
  const self = { helpers: { getBinaryDataBuffer: async () => Buffer.from(body) } };
  const [item] = await code.call(self, createRequire(import.meta.url), { WEBHOOK_SECRET: secret }, input);
  console.log(JSON.stringify(item.json));
}
