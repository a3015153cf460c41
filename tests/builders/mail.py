"""Runs a small mail server that keeps what it is sent, or refuses it as a test wants."""

import socketserver
import ssl
import threading
from contextlib import contextmanager
from email import message_from_bytes, policy

import trustme


class MailHandler(socketserver.StreamRequestHandler):
    """Answers as a small mail server (RFC 5321), with STARTTLS and AUTH PLAIN where the test offers them."""

    def say(self, line):
        self.wfile.write(f"{line}\r\n".encode())

    def handle(self):
        server = self.server
        self.say("220 post")
        while line := self.rfile.readline().decode().strip():
            word = line.upper().split()[0]
            server.lines.append(line)
            if word == "EHLO":
                for each in ("post", *server.offers):
                    self.say(f"250-{each}")
                self.say("250 8BITMIME")
            elif word == "STARTTLS":
                self.say("220 go")
                self.connection = server.context.wrap_socket(self.connection, server_side=True)
                self.rfile, self.wfile = self.connection.makefile("rb"), self.connection.makefile("wb", 0)
            elif word == "DATA":
                self.say("354 go")
                data = b""
                while not data.endswith(b"\r\n.\r\n"):
                    data += self.rfile.readline()
                server.messages.append(message_from_bytes(data[:-5], policy=policy.default))
                self.say("250 kept")
            elif word == "QUIT":
                self.say("221 bye")
                return
            else:
                self.say(server.answers.get(word, "250 ok"))

    def finish(self):
        for each in (self.rfile, self.wfile, self.connection):
            each.close()


@contextmanager
def mail_server(*offers, answers=None, wrapped=False):
    """Runs a mail server; yields it, its port, and an SSL context that trusts its certificate."""
    authority = trustme.CA()
    trust = ssl.create_default_context()
    authority.configure_trust(trust)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(context)
    server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), MailHandler)
    server.daemon_threads = True
    server.lines, server.messages, server.offers, server.context = [], [], offers, context
    server.answers = {"AUTH": "235 ok", **(answers or {})}
    if wrapped:
        server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield server, server.server_address[1], trust
    finally:
        server.shutdown()
        server.server_close()
