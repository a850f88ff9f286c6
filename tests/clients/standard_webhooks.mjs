// Verifies webhooks with the official package of npm: node standard_webhooks.mjs FOLDER-WITH-node_modules
//
// Reads JSON documents {"secret", "headers", "body"} from standard input, one a line, and prints one line each: `ok`, or why
// not.

import { createRequire } from "node:module";
import { createInterface } from "node:readline";

const require = createRequire(`${process.argv[2]}/package.json`);
const { Webhook, WebhookVerificationError } = require("standardwebhooks");

for await (const line of createInterface({ input: process.stdin })) {
  const { secret, headers, body } = JSON.parse(line);
  try {
    new Webhook(secret).verify(body, headers);
    console.log("ok");
  } catch (error) {
    if (!(error instanceof WebhookVerificationError)) throw error;
    console.log(`refused: ${error.message}`);
  }
}
