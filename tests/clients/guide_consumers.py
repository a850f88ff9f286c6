"""Serves one of the guides' Python consumers, as the guides show it: guide_consumers.py NAME

The files in guide/ are the guides' own words, to the letter. What they leave to the reader (the handlers they call and do not
show, an app around a class, a database session) is here. Prints the port it listens on; POST /webhook is the consumer, GET
/seen tells what it answered, logged and kept.
"""

import json
import logging
import os
import sys

from flask import Flask, jsonify, request
from guide_code import load
from werkzeug.serving import make_server

SECRET = os.environ["WEBHOOK_SECRET"]
answers, lines, kept = [], [], []


class Lines(logging.Handler):
    def emit(self, record):
        lines.append(f"{record.levelname} {record.getMessage()}")


def around(take):
    """An app around a function that takes a payload and says whether it went well."""
    app = Flask(__name__)

    @app.post("/webhook")
    def webhook():
        return jsonify(status="received"), 200 if take(request.json) else 500

    return app


def custom_application():
    def note(kind):
        return lambda data: kept.append([kind, data])

    return load("custom_application", process_completed_task=note("completed"), handle_task_failure=note("failed"))["app"]


def test_webhook_server():
    return load("test_webhook_server", print=lines.append)["app"]


def webhook_validator():
    validate = load("webhook_validator")["validate_webhook"]

    def take(payload):
        errors = validate(payload)
        kept.extend(errors)
        return not errors

    return around(take)


def flask_consumer():
    return load("flask_consumer")["app"]


def secure_webhook():
    app = Flask(__name__)
    return load("secure_webhook", app=app, jsonify=jsonify, WEBHOOK_SECRET=SECRET)["app"]


def webhook_event_store():
    import sqlalchemy
    from sqlalchemy.orm import sessionmaker
    from sqlalchemy.pool import StaticPool

    class Clock:
        """A row's key in the guide is the task and the second, so two events of one second would collide."""

        seconds = 0

        def time(self):
            self.seconds += 1
            return self.seconds

    names = load("webhook_event_store", json=json, time=Clock())
    # One connection for all threads: each would have a database of its own otherwise.
    options = {"connect_args": {"check_same_thread": False}, "poolclass": StaticPool}
    engine = sqlalchemy.create_engine("sqlite://", **options)
    names["Base"].metadata.create_all(engine)
    names["session"] = sessionmaker(bind=engine)()

    def take(payload):
        names["store_webhook_event"](payload)
        event = names["WebhookEvent"]
        kept[:] = [[row.event_type, row.step, row.status, row.progress_percent]
                   for row in names["session"].query(event).order_by(event.timestamp).all()]
        return True

    return around(take)


def webhook_processor():
    class Handlers(load("webhook_processor")["WebhookProcessor"]):
        """The handlers that the guide's class calls and leaves out: they index, so a missing key raises."""

        def _handle_task_started(self, data):
            kept.append(["started", data["task_id"]])

        def _handle_task_completed(self, data):
            kept.append(["completed", data["result"]["chunks_created"] + 0])

        def _handle_task_failed(self, data):
            kept.append(["failed", data["error"]])

        def _handle_step_update(self, data):
            kept.append([data["step"], data["status"], data["progress_percent"] + 0])

    return around(Handlers().process_webhook)


def main():
    consumers = [custom_application, test_webhook_server, webhook_validator, flask_consumer, secure_webhook,
                 webhook_event_store, webhook_processor]
    app = {consumer.__name__: consumer for consumer in consumers}[sys.argv[1]]()
    log = logging.getLogger("guide")
    log.setLevel(logging.INFO)
    log.addHandler(Lines())

    @app.after_request
    def note(response):
        if request.path == "/webhook":
            answers.append(response.status_code)
        return response

    @app.get("/seen")
    def seen():
        return jsonify(answers=answers, lines=lines, kept=kept)

    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = make_server("127.0.0.1", 0, app)
    print(server.port, flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
