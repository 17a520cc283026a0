"""Reads deliveries from standard input and says of each whether the published library accepts it."""

import json
import sys

from standardwebhooks.webhooks import Webhook, WebhookVerificationError


def accepted(delivery):
    secret = delivery["secret"].encode() if delivery["raw"] else delivery["secret"]
    try:
        Webhook(secret).verify(delivery["body"], delivery["headers"], json_parse=False)
        return True
    except WebhookVerificationError:
        return False


print(json.dumps([accepted(delivery) for delivery in json.load(sys.stdin.buffer)]))
