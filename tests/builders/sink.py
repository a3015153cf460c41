"""Runs a real HTTP server that accepts webhooks, or fails in the ways that a test wants."""

import json
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from tests.builders.waiting import PATIENCE, poll_until


class Sink:
    """A webhook receiver; `answer(number)` decides how it responds to a call, counted from 1.

    The decision is a status, `hang`, `flood`, `cut`, `taken, then cut`, or (302, url). `headers`: of its answers.
    """

    def __init__(self, answer=lambda _: 204):
        self.answer = answer
        self.calls = []
        self.lock = threading.Lock()
        self.accepted = []
        self.ended = threading.Event()
        self.flooded, self.broken_off, self.headers = 0, False, {}
        sink = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                with sink.lock:
                    sink.calls.append((self.path, dict(self.headers), body))
                    how = sink.answer(len(sink.calls))
                sink.meet(self, how, body)

            do_GET = do_POST  # noqa: N815  # as http.server finds them

            def log_message(self, *_):
                """Logs nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.port = self.server.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}/hook"

    def meet(self, handler, how, body):
        if how == "hang":
            self.ended.wait(PATIENCE)
        elif how in {"cut", "taken, then cut"}:
            if how != "cut":
                with self.lock:
                    self.accepted.append(body)
            handler.connection.close()
            handler.close_connection = True
        elif how == "flood":
            handler.send_response(200)
            handler.end_headers()
            try:
                while self.flooded < 500_000_000:
                    self.flooded += handler.wfile.write(b"x" * 65536) or 65536
            except OSError:
                self.broken_off = True
                handler.close_connection = True
        else:
            status, location = how if isinstance(how, tuple) else (how, None)
            if status < 300:
                with self.lock:
                    self.accepted.append(body)
            handler.send_response(status)
            if location:
                handler.send_header("Location", location)
            for name, value in self.headers.items():
                handler.send_header(name, value)
            handler.send_header("Content-Length", "0")
            handler.end_headers()

    def wait_for_bodies(self, number):
        """Waits until `number` calls were accepted; returns their bodies."""
        poll_until(lambda: len(self.accepted) >= number, lambda: f"{len(self.accepted)} of {number} calls were taken")
        return self.bodies()

    def bodies(self):
        """Returns the decoded bodies of the calls accepted so far."""
        with self.lock:
            return [json.loads(body) for body in self.accepted]


def sink(answer=lambda _: 204):
    return run_server(Sink(answer))


@contextmanager
def run_server(receiver):
    thread = threading.Thread(target=receiver.server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield receiver
    finally:
        receiver.ended.set()
        receiver.server.shutdown()
        receiver.server.server_close()
