"""A proxy that removes a path prefix from requests and speaks TLS, as the proxy in front of a shared host does."""

import socket
import ssl
import threading
from contextlib import contextmanager, suppress
from http.client import parse_headers
from socketserver import StreamRequestHandler, ThreadingTCPServer

import trustme

_AT_ONCE = 64 * 1024
_NOT_OURS = b"HTTP/1.1 404 Not Found\r\nX-Refused-By: proxy\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"


class _Exchange(StreamRequestHandler):
    """One request and its answer, whose bodies pass as they come."""

    def handle(self):
        method, target, version = self.rfile.readline().decode("latin-1").split()
        headers = parse_headers(self.rfile)
        if not target.startswith(f"{self.server.prefix}/"):
            self.wfile.write(_NOT_OURS)
            return
        del headers["Connection"]
        if self.server.tls:
            headers["X-Forwarded-For"], headers["X-Forwarded-Proto"] = "198.51.100.7", "https"
        head = f"{method} {target.removeprefix(self.server.prefix)} {version}\r\nConnection: close\r\n"
        head += "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        with socket.create_connection(("127.0.0.1", self.server.behind)) as server:
            server.sendall(f"{head}\r\n".encode("latin-1"))
            body = threading.Thread(target=self._pass_body, args=(server,), daemon=True)
            body.start()
            while part := server.recv(_AT_ONCE):
                self.wfile.write(part)
            with suppress(OSError):
                self.connection.shutdown(socket.SHUT_RDWR)
            body.join()

    def _pass_body(self, server):
        with suppress(OSError):
            while part := self.rfile.read1(_AT_ONCE):
                server.sendall(part)


class _Proxy(ThreadingTCPServer):
    daemon_threads = True
    tls = None

    def finish_request(self, request, client_address):
        """The handshake belongs to the thread of its connection: a browser opens some that it never uses."""
        if self.tls is None:
            super().finish_request(request, client_address)
            return
        with suppress(OSError), self.tls.wrap_socket(request, server_side=True) as secured:
            super().finish_request(secured, client_address)

    @property
    def address(self):
        return f"{'https' if self.tls else 'http'}://127.0.0.1:{self.server_address[1]}{self.prefix}"


@contextmanager
def stripping_proxy(prefix, *, tls=False):
    """Yields a proxy; the test sets `behind`, the port of its server. Only paths below `prefix` reach it."""
    with _Proxy(("127.0.0.1", 0), _Exchange) as proxy:
        proxy.prefix, proxy.behind = prefix, None
        if tls:
            proxy.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            trustme.CA().issue_cert("127.0.0.1").configure_cert(proxy.tls)
        listening = threading.Thread(target=proxy.serve_forever, daemon=True)
        listening.start()
        yield proxy
        proxy.shutdown()
        listening.join()
