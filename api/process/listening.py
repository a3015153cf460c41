"""The exclusive server address, limits for connections and silent peers, and granian servers on our own sockets."""
# granian is only partly typed:
# pyright: reportUnknownMemberType=false, reportUnknownParameterType=false, reportMissingParameterType=false

import errno
import resource
import socket
import sys
from contextlib import suppress
from typing import Any

from granian import net
from granian.server.embed import Server
from granian.server.mp import MPServer

from storage.engine.failures import OperatorError

BACKLOG = 1024
"""Connections that may wait in the kernel to be accepted."""
_RESERVED_FILES = 512
"""File descriptors reserved for the database, photos and child processes."""
_MAX_CONNECTIONS = 8192
_UNREAD_MS = 60_000
"""The kernel closes a connection whose peer acknowledges nothing for this long (tcp(7), TCP_USER_TIMEOUT)."""


class AddressInUse(OperatorError):
    """Another process is bound to the address; the message names it if this account may see it."""


def raise_file_limit() -> None:
    """Raises the soft limit of open files to the hard limit, also for child processes."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def max_connections() -> int:
    """The number of client connections that this process can hold, by its limit of open files."""
    files, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if files == resource.RLIM_INFINITY:
        return _MAX_CONNECTIONS
    return min(max(files - _RESERVED_FILES, 1), _MAX_CONNECTIONS)


class Address:
    """A bound address with one socket for each server process; the kernel distributes new connections among them.

    Several sockets can be bound to one address if all of them set SO_REUSEPORT (socket(7)). The first one is bound
    without it, which fails if another program is bound already, and sets it afterwards for the others.
    """

    def __init__(self, host: str, port: int, sockets: int = 1) -> None:
        """Binds the sockets. Raises AddressInUse, OSError."""
        family, _, _, _, found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        first = socket.socket(family, socket.SOCK_STREAM)
        self._sockets = [first]
        try:
            _set_option(
                first, socket.SO_REUSEADDR, yes=True
            )  # ignores lingering connections of a server that has ended
            first.bind(found)
        except OSError as error:
            self.close()
            if error.errno != errno.EADDRINUSE:
                raise
            raise AddressInUse(f"{host}:{port} is taken by {_describe_listener(port)}") from error
        # Two sockets with SO_REUSEADDR could both be bound to one address until one listens.
        _set_option(first, socket.SO_REUSEADDR, yes=False)
        self.host, self.port = first.getsockname()[:2]
        for _ in range(sockets - 1):
            _set_option(first, socket.SO_REUSEPORT, yes=True)
            other = socket.socket(family, socket.SOCK_STREAM)
            self._sockets.append(other)
            _set_option(other, socket.SO_REUSEPORT, yes=True)
            other.bind(first.getsockname())

    @property
    def url(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"http://{host}:{self.port}"

    def listen(self) -> list[Any]:
        """Starts to listen and hands the sockets over. Raises AddressInUse if another program was faster."""
        for each in self._sockets:
            _set_option(each, socket.SO_REUSEADDR, yes=True)
            if sys.platform == "linux":
                each.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, _UNREAD_MS)  # inherited by connections
            try:
                each.listen(BACKLOG)
            except OSError as error:
                raise AddressInUse(f"{self.host}:{self.port} is taken by {_describe_listener(self.port)}") from error
        holder: Any = net.SocketHolder  # pyright: ignore[reportPrivateImportUsage]  # its parameters are untyped
        return [holder(each.detach(), False, BACKLOG) for each in self._sockets]  # noqa: FBT003  # no Unix socket

    def close(self) -> None:
        for each in self._sockets:
            each.close()


def _set_option(bound: socket.socket, option: int, *, yes: bool) -> None:
    bound.setsockopt(socket.SOL_SOCKET, option, int(yes))


def _describe_listener(port: int) -> str:
    """Describes the process that listens on a port of this machine."""
    import psutil  # noqa: PLC0415  # needed only when the start fails

    with suppress(psutil.Error):
        for each in psutil.net_connections("tcp"):
            if each.status == psutil.CONN_LISTEN and each.laddr and each.laddr[1] == port and each.pid:
                return f"process {each.pid}: {' '.join(psutil.Process(each.pid).cmdline())}"
    return "a process that this account cannot see"


class SingleProcessServer(Server):
    """granian in this process, on our exclusive socket instead of one with a shared port."""

    def __init__(self, app: Any, address: Address, **options: Any) -> None:
        super().__init__(app, address.host, address.port, **options)
        (self._shd,) = address.listen()

    def _init_shared_socket(self) -> None:
        self._ssp = None


class MultiProcessServer(MPServer):
    """granian with worker processes, each on its own socket, which this process keeps open when a worker dies."""

    def __init__(self, name: str, address: Address, **options: Any) -> None:
        super().__init__(name, address.host, address.port, **options)
        self._holders = address.listen()

    def _init_shared_socket(self) -> None:
        self._ssp = self._sso = None

    def _drop_shared_socket(self) -> None:
        self._holders.clear()

    def _spawn_worker(self, idx: int, target: Any, callback_loader: Any) -> Any:
        self._shd = self._holders[idx]
        return super()._spawn_worker(idx, target, callback_loader)
