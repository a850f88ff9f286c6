// A webhook receiver that verifies, deduplicates and answers fast (Express, TypeScript).
//
//     npm ci && WEBHOOK_SECRET=change-me npm start      # listens on 127.0.0.1:8001
//
// POST /webhook takes deliveries, GET /events shows what was worked on.

import { createHash, createHmac, timingSafeEqual } from "node:crypto";
import express, { type Request, type Response } from "express";

/** A delivery has a few KiB; nobody sends us more than this. */
const BODY_BYTES_MAX = 1 << 20;
/** Names remembered for deduplication, two a delivery: far more than can be retried at once. */
const NAMES_MAX = 20_000;
/** Deliveries that wait for the worker. When there are more we say 503, and the server tries again later. */
const WAITING_MAX = 1_000;
/** Events kept for GET /events. */
const EVENTS_MAX = 1_000;
/** Age at which a signed timestamp is refused, seconds: what was recorded cannot be replayed after it. */
const TOLERANCE = 5 * 60;
/** Signatures read of one webhook-signature: a rotated secret adds one. */
const SIGNATURES_MAX = 16;
/** What a `whsec_` secret begins with; the rest is the key in base64. */
const PREFIX = "whsec_";

interface WebhookEvent {
  event_type: string;
  timestamp: string;
  data: Record<string, unknown>;
}

const secret = process.env.WEBHOOK_SECRET ?? "";
/** What Standard Webhooks signs with: what a `whsec_` secret encodes, any other as it is. */
const key = secret.startsWith(PREFIX) ? Buffer.from(secret.slice(PREFIX.length), "base64") : Buffer.from(secret);
/** Bytes below which a key can be guessed. */
const KEY_BYTES_MIN = secret.startsWith(PREFIX) ? 24 : 8;
/** Ids and digests of bodies that were taken, with the signed id of that delivery: empty where no id was signed. */
const seen = new Map<string, string>();
const waiting: WebhookEvent[] = [];
const events: WebhookEvent[] = [];

/** Compares in constant time: a difference in timing would tell an attacker how much of a guess is right. */
function equal(expected: string, given: string): boolean {
  const [a, b] = [Buffer.from(expected), Buffer.from(given)];
  return a.length === b.length && timingSafeEqual(a, b);
}

/** X-MoRAG-Signature: the HMAC of the body, in hexadecimal. */
function moragSignatureHolds(body: Buffer, signature: string): boolean {
  return equal("sha256=" + createHmac("sha256", secret).update(body).digest("hex"), signature);
}

/**
 * The three headers of Standard Webhooks, which sign id and time too. With a `whsec_` secret the package
 * `standardwebhooks` does the same: new Webhook(secret).verify(body, headers).
 */
function standardSignatureHolds(body: Buffer, id: string, timestamp: string, signatures: string): boolean {
  const mac = createHmac("sha256", key).update(`${id}.${timestamp}.`).update(body).digest("base64");
  // There are several while a secret is rotated: whoever knows the old one or the new one finds theirs.
  const given = signatures.split(" ", SIGNATURES_MAX);
  return given.filter((one) => equal("v1," + mac, one)).length > 0;
}

/**
 * Why a delivery is not taken; nothing where it is the server's, and not too old.
 *
 * One of the two signatures is enough. X-MoRAG-Signature is of the body alone, so whoever recorded a delivery can send it again
 * with another X-MoRAG-Timestamp: where that matters, take webhook-signature only.
 */
function whyRefused(body: Buffer, header: (name: string) => string): string | undefined {
  const [morag, standard] = [header("X-MoRAG-Signature"), header("webhook-signature")];
  if (!morag && !standard) return "unsigned: it has neither webhook-signature nor X-MoRAG-Signature";
  let timestamp: string;
  if (standardSignatureHolds(body, header("webhook-id"), header("webhook-timestamp"), standard)) {
    timestamp = header("webhook-timestamp");
  } else if (moragSignatureHolds(body, morag)) {
    timestamp = header("X-MoRAG-Timestamp");
  } else {
    // For an HMAC both look alike: nobody can tell which it was.
    return "wrong secret or changed body: is WEBHOOK_SECRET the server's, and the body as it came?";
  }
  const isFresh = Math.abs(Date.now() / 1000 - Number(timestamp || NaN)) <= TOLERANCE;
  return isFresh ? undefined : `too old: its time is more than ${TOLERANCE} seconds off: a replay, or a wrong clock`;
}

/**
 * The signed id of a delivery that is not refused, and the digest of its body.
 *
 * Only what is signed names it: all else can be another when a recorded delivery is sent again. The id, which is the same on
 * retries, is empty where X-MoRAG-Signature alone holds: that signs only the body.
 */
function namesOf(body: Buffer, header: (name: string) => string): [string, string] {
  const id = header("webhook-id");
  const isSigned = standardSignatureHolds(body, id, header("webhook-timestamp"), header("webhook-signature"));
  return [isSigned ? id : "", createHash("sha256").update(body).digest("hex")];
}

/** Whether it was taken before. Where it has no signed id, or had none when it was taken, its body tells. */
function isKnown(id: string, digest: string): boolean {
  return id ? seen.has(id) || seen.get(digest) === "" : seen.has(digest);
}

/** Notes one that was taken. */
function note(id: string, digest: string): void {
  if (id) seen.set(id, id);
  seen.set(digest, id);
  // A map is in order of insertion.
  for (const oldest of seen.keys()) {
    if (seen.size <= NAMES_MAX) break;
    seen.delete(oldest);
  }
}

function receive(request: Request, response: Response): void {
  // The bytes as they came: a parsed and re-rendered body has another signature.
  const body: Buffer = Buffer.isBuffer(request.body) ? request.body : Buffer.alloc(0);
  const header = (name: string): string => request.get(name) ?? "";
  const error = whyRefused(body, header);
  if (error) {
    response.status(401).json({ error });
    return;
  }
  let event: WebhookEvent;
  try {
    event = JSON.parse(body.toString("utf8"));
  } catch {
    response.status(400).json({ error: "the body is not JSON" });
    return;
  }
  // Delivery is at least once.
  const [id, digest] = namesOf(body, header);
  if (isKnown(id, digest)) {
    response.json({ status: "duplicate" });
    return;
  }
  if (waiting.length >= WAITING_MAX) {
    response.status(503).set("Retry-After", "5").json({ error: "busy" });
    return;
  }
  // Only queue it here: the server waits for this answer before it sends the next event. The queue of a real receiver is
  // on disk, or what waits in it is lost with the process.
  waiting.push(event);
  setImmediate(work);
  // Noted after it was queued: a delivery that we said no to must come again.
  note(id, digest);
  response.json({ status: "received" });
}

/** Does with events, one after the other, what you want done with them. */
function work(): void {
  for (let event = waiting.shift(); event; event = waiting.shift()) {
    events.push(event);
    if (events.length > EVENTS_MAX) events.shift();
  }
}

if (key.length < KEY_BYTES_MIN) {
  console.error(`set WEBHOOK_SECRET to the server's, of at least ${KEY_BYTES_MIN} bytes: without it anybody could send us events`);
  process.exit(1);
}
const app = express();
app.post("/webhook", express.raw({ type: () => true, limit: BODY_BYTES_MAX }), receive);
app.get("/events", (_request, response) => {
  response.json(events);
});
const port = Number(process.env.PORT ?? 8001);
app.listen(port, "127.0.0.1", () => console.log(`receiver listens on http://127.0.0.1:${port}`));
