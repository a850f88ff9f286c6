"""Verifies webhooks with the official package of PyPI.

Reads JSON documents {"secret", "headers", "body"} from standard input, one a line, and prints one line each: `ok`, or why not.
"""

import json
import sys

from standardwebhooks.webhooks import Webhook, WebhookVerificationError

for line in sys.stdin:
    one = json.loads(line)
    try:
        Webhook(one["secret"]).verify(one["body"], one["headers"])
        print("ok")
    except WebhookVerificationError as error:
        print(f"refused: {error}")
