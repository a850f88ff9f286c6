// Serves guide 2's TypeScript consumer, as the guide shows it (guide/consumer.ts, to the letter), around the Express app that
// it takes for granted: node guide_consumer_ts.mjs FOLDER-WITH-node_modules
//
// Prints the port it listens on; POST /webhook is the consumer, GET /seen tells what it answered and logged.

import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

const require = createRequire(`${process.argv[2]}/package.json`);
const express = require("express");
const typescript = require("typescript");

const answers = [];
const lines = [];
const source = readFileSync(new URL("guide/consumer.ts", import.meta.url), "utf8");
const { outputText } = typescript.transpileModule(source, { compilerOptions: { target: "es2022", module: "commonjs" } });

const app = express();
app.use((request, response, next) => {
  if (request.path === "/webhook") response.on("finish", () => answers.push(response.statusCode));
  next();
});
app.use(express.json({ limit: "1mb" }));
const log = { log: (line) => lines.push(line) };
// The one handler that the guide calls and does not show.
const handleTaskFailed = (data) => lines.push(`Task ${data.task_id} failed: ${data.error}`);
new Function("app", "console", "handleTaskFailed", outputText)(app, log, handleTaskFailed);
app.get("/seen", (_request, response) => response.json({ answers, lines }));
const server = app.listen(0, "127.0.0.1", () => console.log(server.address().port));
