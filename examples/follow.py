"""Starts a turn on the demo agent and prints its events, one JSON document per line, until the turn has ended.

    MILLRACE_TOKEN=$(millrace token create me) python3 examples/follow.py '[[say hello]]' [THREAD]

After a disconnect it resumes after the last event that it printed. Needs Python 3.8 or newer, no packages. Exit 0: the turn completed.
"""

import http.client
import json
import os
import sys
import time
import urllib.error
import urllib.request
import uuid

URL = os.environ.get("MILLRACE_URL", "http://127.0.0.1:7717").rstrip("/")
TOKEN = os.environ.get("MILLRACE_TOKEN") or sys.exit("Set MILLRACE_TOKEN: millrace token create me")
ENDS = {"turn.completed": 0, "turn.failed": 1, "turn.interrupted": 1}
# The server sends a heartbeat every 15 seconds. A connection that is silent for longer than this is lost.
SILENCE = 45


def request(path, headers, body=None):
    data = None if body is None else json.dumps(body).encode()
    all_headers = {"authorization": f"Bearer {TOKEN}", "content-type": "application/json", **headers}
    return urllib.request.urlopen(urllib.request.Request(URL + path, data, all_headers), timeout=SILENCE)


def until_answered(connect):
    """Calls `connect` until the server answers. Exits on an error that a retry would repeat."""
    while True:
        try:
            return connect()
        except urllib.error.HTTPError as error:
            if error.code not in (429, 502, 503, 504):
                raise SystemExit(f"{error.code}: {error.read().decode()}")
        except (OSError, http.client.HTTPException, json.JSONDecodeError) as error:
            print(f"Reconnecting: {error}", file=sys.stderr)
        time.sleep(1)


def start(text, thread):
    """Starts a turn; in a new thread if none is given. With the same Idempotency-Key a repeated request starts no second turn."""
    key = {"idempotency-key": f"follow-{uuid.uuid4()}"}

    def post():
        turn = {"text": text}
        new = {"provider": "demo", "cwd": os.getcwd(), "turn": turn}
        path, body = ("/api/threads", new) if thread is None else (f"/api/threads/{thread}/turns", turn)
        with request(path, key, body) as response:
            return json.load(response)

    return until_answered(post)


def frames(response):
    """The complete frames of an event stream, as (id, event name, data)."""
    frame = {}
    for raw in response:
        line = raw.decode().rstrip("\r\n")
        if raw.endswith(b"\n") and line == "":
            if "data" in frame:
                yield frame.get("id"), frame.get("event", "message"), frame["data"]
            frame = {}
        elif raw.endswith(b"\n"):
            name, _, value = line.partition(": ")
            frame[name] = value


def follow(stream, last):
    """Every event of the stream after the cursor `last` once, in order, over any number of connections."""
    while True:
        headers = {"accept": "text/event-stream", **({} if last is None else {"last-event-id": last})}
        response = until_answered(lambda: request(f"/api/events?stream={stream}", headers))
        try:
            with response:
                for cursor, name, data in frames(response):
                    if name == "end":
                        return
                    # Only events have an id.
                    if cursor is not None:
                        yield json.loads(data)
                        last = cursor
        except (OSError, http.client.HTTPException) as error:
            print(f"Reconnecting: {error}", file=sys.stderr)
        time.sleep(1)


def main(text="[[say hello]]", thread=None):
    started = start(text, thread)
    stream = f"thread/{thread or started['threadId']}"
    for event in follow(stream, None if thread is None else started["cursor"]):
        print(json.dumps(event, ensure_ascii=False, separators=(",", ":")), flush=True)
        if event["type"] in ENDS and event["data"]["turnId"] == started["turnId"]:
            return ENDS[event["type"]]
    return 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
