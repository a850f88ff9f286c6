"""A webhook receiver that verifies, deduplicates and answers fast (Flask).

    pip install -r requirements.txt
    WEBHOOK_SECRET=change-me python receiver.py            # listens on 127.0.0.1:8001

POST /webhook takes deliveries, GET /events shows what was worked on.
"""

import base64
import binascii
import hashlib
import hmac
import json
import os
import queue
import sys
import threading
import time
from collections import OrderedDict, deque

from flask import Flask, abort, jsonify, request

# A delivery has a few KiB; nobody sends us more than this.
BODY_BYTES_MAX = 1 << 20
# Names remembered for deduplication, two a delivery: far more than can be retried at once.
NAMES_MAX = 20_000
# Deliveries that wait for the worker. When it is full we say 503, and the server tries again later.
WAITING_MAX = 1_000
# Events kept for GET /events.
EVENTS_MAX = 1_000
# Age at which a signed timestamp is refused, seconds: what was recorded cannot be replayed after it.
TOLERANCE = 5 * 60
# Signatures read of one webhook-signature: a rotated secret adds one.
SIGNATURES_MAX = 16

app = Flask(__name__)
app.config["MAX_CONTENT_LENGTH"] = BODY_BYTES_MAX
secret = os.environ.get("WEBHOOK_SECRET", "")
key = b""
lock = threading.Lock()
# Ids and digests of bodies that were taken, with the signed id of that delivery: empty where no id was signed.
seen: "OrderedDict[str, str]" = OrderedDict()
waiting: "queue.Queue[dict]" = queue.Queue(WAITING_MAX)
events: deque = deque(maxlen=EVENTS_MAX)


def key_of(text: str) -> bytes:
    """What Standard Webhooks signs with: what a `whsec_` secret encodes, any other as it is. Refuses what can be guessed."""
    prefix = "whsec_"
    if text.startswith(prefix):
        try:
            key, least = base64.b64decode(text[len(prefix):], validate=True), 24
        except binascii.Error:
            sys.exit("WEBHOOK_SECRET begins with whsec_, and what follows is no base64")
    else:
        key, least = text.encode(), 8
    if len(key) < least:
        sys.exit(f"set WEBHOOK_SECRET to the server's, of at least {least} bytes: without it anybody could send us events")
    return key


def morag_signature_holds(body: bytes, signature: str) -> bool:
    """X-MoRAG-Signature: the HMAC of the body, in hexadecimal.

    Compares in constant time: a difference in timing would tell an attacker how much of a guess is right.
    """
    expected = "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    return hmac.compare_digest(expected.encode(), signature.encode())


def standard_signature_holds(body: bytes, message: str, timestamp: str, signatures: str) -> bool:
    """The three headers of Standard Webhooks, which sign id and time too.

    With a `whsec_` secret the package `standardwebhooks` does the same: Webhook(secret).verify(body, headers).
    """
    signed = f"{message}.{timestamp}.".encode() + body
    expected = b"v1," + base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest())
    # There are several while a secret is rotated: whoever knows the old one or the new one finds theirs.
    return any([hmac.compare_digest(expected, one.encode()) for one in signatures.split()[:SIGNATURES_MAX]])


def why_refused(body: bytes, header) -> "str | None":
    """Why a delivery is not taken; None where it is the server's, and not too old.

    One of the two signatures is enough. X-MoRAG-Signature is of the body alone, so whoever recorded a delivery can send it
    again with another X-MoRAG-Timestamp: where that matters, take webhook-signature only.
    """
    morag, standard = header("X-MoRAG-Signature"), header("webhook-signature")
    if not morag and not standard:
        return "unsigned: it has neither webhook-signature nor X-MoRAG-Signature"
    if standard_signature_holds(body, header("webhook-id"), header("webhook-timestamp"), standard):
        timestamp = header("webhook-timestamp")
    elif morag_signature_holds(body, morag):
        timestamp = header("X-MoRAG-Timestamp")
    else:
        # For an HMAC both look alike: nobody can tell which it was.
        return "wrong secret or changed body: is WEBHOOK_SECRET the server's, and the body as it came?"
    try:
        is_fresh = abs(time.time() - int(timestamp)) <= TOLERANCE
    except ValueError:
        is_fresh = False
    return None if is_fresh else f"too old: its time is more than {TOLERANCE} seconds off: a replay, or a wrong clock"


def names_of(body: bytes, header) -> "tuple[str, str]":
    """The signed id of a delivery that is not refused, and the digest of its body.

    Only what is signed names it: all else can be another when a recorded delivery is sent again. The id, which is the same on
    retries, is empty where X-MoRAG-Signature alone holds: that signs only the body.
    """
    message = header("webhook-id")
    is_signed = standard_signature_holds(body, message, header("webhook-timestamp"), header("webhook-signature"))
    return (message if is_signed else ""), hashlib.sha256(body).hexdigest()


def is_known(message: str, digest: str) -> bool:
    """Whether it was taken before. Where it has no signed id, or had none when it was taken, its body tells."""
    return message in seen or seen.get(digest) == "" if message else digest in seen


def note(message: str, digest: str):
    """Notes one that was taken."""
    seen.update({name: message for name in (message, digest) if name})
    while len(seen) > NAMES_MAX:
        seen.popitem(last=False)


@app.post("/webhook")
def webhook():
    # The bytes as they came: a parsed and re-rendered body has another signature.
    body = request.get_data()
    header = lambda name: request.headers.get(name, "")
    refused = why_refused(body, header)
    if refused:
        return jsonify(error=refused), 401
    try:
        event = json.loads(body)
    except ValueError:
        abort(400, "the body is not JSON")
    # Delivery is at least once.
    names = names_of(body, header)
    with lock:
        if is_known(*names):
            return jsonify(status="duplicate")
        # Only queue it here: the server waits for this answer before it sends the next event. The queue of a real receiver
        # is on disk, or what waits in it is lost with the process.
        try:
            waiting.put_nowait(event)
        except queue.Full:
            return jsonify(error="busy"), 503, {"Retry-After": "5"}
        # Noted after it was queued: a delivery that we said no to must come again.
        note(*names)
    return jsonify(status="received")


def work():
    """Does with events, one after the other, what you want done with them."""
    while True:
        events.append(waiting.get())


@app.get("/events")
def list_events():
    return jsonify(list(events))


if __name__ == "__main__":
    key = key_of(secret)
    threading.Thread(target=work, daemon=True).start()
    app.run(host="127.0.0.1", port=int(os.environ.get("PORT", "8001")))
