"""A webhook receiver that verifies, deduplicates and answers fast (Flask).

    pip install -r requirements.txt
    WEBHOOK_SECRET=change-me python receiver.py            # listens on 127.0.0.1:8001

POST /webhook takes deliveries, GET /events shows what was taken.
"""

import hashlib
import hmac
import os
from collections import OrderedDict, deque

from flask import Flask, abort, jsonify, request

# A delivery has a few KiB; nobody sends us more than this.
BODY_BYTES_MAX = 1 << 20
# Deliveries remembered for deduplication: far more than can be retried at once.
DELIVERIES_MAX = 10_000
# Events kept for GET /events.
EVENTS_MAX = 1_000

app = Flask(__name__)
app.config["MAX_CONTENT_LENGTH"] = BODY_BYTES_MAX
secret = os.environ.get("WEBHOOK_SECRET", "")
seen: "OrderedDict[str, None]" = OrderedDict()
events: deque = deque(maxlen=EVENTS_MAX)


def signature_is_valid(body: bytes, signature: str) -> bool:
    """Compares in constant time: a difference in timing would tell an attacker how much of a guess is right."""
    expected = "sha256=" + hmac.new(secret.encode("utf-8"), body, hashlib.sha256).hexdigest()
    return hmac.compare_digest(expected, signature)


@app.post("/webhook")
def webhook():
    # The bytes as they came: a parsed and re-rendered body has another signature.
    body = request.get_data()
    if secret and not signature_is_valid(body, request.headers.get("X-MoRAG-Signature", "")):
        abort(401, "the signature does not match: is WEBHOOK_SECRET the server's?")
    payload = request.get_json()
    # Delivery is at least once: a retry has the same X-MoRAG-Delivery.
    delivery = request.headers.get("X-MoRAG-Delivery", "")
    if delivery in seen:
        return jsonify(status="duplicate")
    seen[delivery] = None
    while len(seen) > DELIVERIES_MAX:
        seen.popitem(last=False)
    # Only note it here, and work on it elsewhere: the server waits for this answer before it sends the next event.
    events.append(payload)
    return jsonify(status="received")


@app.get("/events")
def list_events():
    return jsonify(list(events))


if __name__ == "__main__":
    app.run(host="127.0.0.1", port=int(os.environ.get("PORT", "8001")))
