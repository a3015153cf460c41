"""A bad network: a proxy that is slow, and cuts off all connections every few seconds."""

import socket
import threading
import time
from contextlib import contextmanager, suppress

_AT_ONCE = 8 * 1024


class CuttingProxy:
    """Passes bytes on to `port` at most at `rate` bytes a second for each direction of a connection."""

    def __init__(self, port, every, rate):
        self._behind, self._every, self._rate = port, every, rate
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._open, self._lock, self._over = set(), threading.Lock(), threading.Event()
        self.cuts = 0

    @property
    def address(self):
        return f"http://127.0.0.1:{self._listener.getsockname()[1]}"

    def accept(self):
        while not self._over.is_set():
            with suppress(OSError):
                client, _ = self._listener.accept()
                threading.Thread(target=self._connect, args=(client,), daemon=True).start()

    def cut(self):
        """Cuts off whatever is open, again and again."""
        while not self._over.wait(self._every):
            with self._lock:
                self.cuts += bool(self._open)
                for each in self._open:
                    with suppress(OSError):
                        each.shutdown(socket.SHUT_RDWR)

    def _connect(self, client):
        try:
            server = socket.create_connection(("127.0.0.1", self._behind))
        except OSError:  # the server has been killed
            client.close()
            return
        with self._lock:
            self._open |= {client, server}
        back = threading.Thread(target=self._pass, args=(server, client), daemon=True)
        back.start()
        self._pass(client, server)
        back.join()
        with self._lock:
            self._open -= {client, server}
        client.close()
        server.close()

    def _pass(self, source, target):
        with suppress(OSError):
            while part := source.recv(_AT_ONCE):
                target.sendall(part)
                time.sleep(len(part) / self._rate)
        for each in (source, target):
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)

    def close(self):
        self._over.set()
        self._listener.close()


@contextmanager
def cutting_proxy(port, *, every, rate):
    proxy = CuttingProxy(port, every, rate)
    for work in (proxy.accept, proxy.cut):
        threading.Thread(target=work, daemon=True).start()
    try:
        yield proxy
    finally:
        proxy.close()
