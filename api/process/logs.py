"""Structured logs: lines for a person at a terminal, JSON for everything else."""

import atexit
import logging
import os
import queue
import socket
import sys
from datetime import UTC, datetime
from logging.handlers import QueueHandler, QueueListener, SysLogHandler

import structlog

from api.accounts.security_log import OUT

# Without local variables: they hold passwords, tokens and what people wrote.
_BARE_TRACEBACKS = structlog.processors.ExceptionRenderer(
    structlog.tracebacks.ExceptionDictTransformer(show_locals=False)
)


def configure(how: str, syslog: str = "") -> None:
    """`how`: lines, json, or auto (lines where standard error is a terminal). `syslog`: for the security log."""
    lines = how == "lines" or (how == "auto" and sys.stderr.isatty())
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    last: list[structlog.typing.Processor] = (
        [structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)]
        if lines
        else [_BARE_TRACEBACKS, structlog.processors.JSONRenderer(ensure_ascii=False)]
    )
    structlog.configure(
        processors=[*shared, *last],
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler()
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[structlog.stdlib.add_logger_name, *shared],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *last],
        )
    )
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
    if syslog:
        send_security_log(syslog)


class _Syslog(SysLogHandler):
    """RFC 5424 by UDP (RFC 5426) or to a socket of this machine; from there rsyslog takes it over TLS wherever."""

    append_nul = False

    def format(self, record: logging.LogRecord) -> str:
        at = datetime.fromtimestamp(record.created, UTC).isoformat()
        return f"1 {at} {socket.gethostname()} anxun {os.getpid()} security - {record.getMessage()}"

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: ARG002, N802  # the name that logging calls
        structlog.get_logger().warning("syslog cannot be reached", reason=str(sys.exc_info()[1]))


def send_security_log(where: str) -> None:
    """Lines of the security log go to `where` from now on: host:port, or the path of a socket such as /dev/log.

    By a thread of its own: requests do not wait for it. What does not arrive is in the database all the same.
    """
    host, _, port = where.rpartition(":")
    target = where if where.startswith("/") else (host, int(port))
    waiting: queue.SimpleQueue[logging.LogRecord] = queue.SimpleQueue()
    syslog = _Syslog(target, facility=SysLogHandler.LOG_AUTHPRIV)
    listener = QueueListener(waiting, syslog)
    listener.start()
    atexit.register(syslog.close)
    atexit.register(listener.stop)  # the last one is called first
    OUT.addHandler(QueueHandler(waiting))
