"""Structured logs: readable lines at a terminal, JSON elsewhere; the security log also goes to syslog."""

import atexit
import io
import json
import logging
import os
import queue
import socket
import sys
from datetime import UTC, datetime
from logging.handlers import QueueHandler, QueueListener, SysLogHandler
from typing import Any, TextIO

import structlog

from api.accounts.security_log import SECURITY_LOGGER
from api.http.exchange.request_ids import add_request_ids
from api.process.printable import escape_lines, escape_unprintable

# Tracebacks omit local variables, which hold passwords, tokens and what people wrote.
_BARE_TRACEBACKS = structlog.processors.ExceptionRenderer(
    structlog.tracebacks.ExceptionDictTransformer(show_locals=False)
)


def _escape_values(_: object, __: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
    """Makes one printable line of each text of an event, for the renderer of readable lines."""
    return {name: escape_unprintable(value) if isinstance(value, str) else value for name, value in event.items()}


def _encode_line(event: structlog.typing.EventDict, **options: Any) -> str:
    """Encodes an event as one printable line of JSON: json.dumps leaves the control characters from U+007F on."""
    return escape_unprintable(json.dumps(event, ensure_ascii=False, **options))


def _write_traceback(to: TextIO, error: structlog.typing.ExcInfo) -> None:
    """Writes a traceback whose message obeys the same rule, line by line."""
    whole = io.StringIO()
    structlog.dev.plain_traceback(whole, error)
    to.write(escape_lines(whole.getvalue()))


def configure_logs(how: str, syslog: str = "") -> None:
    """Sets up logging. `how`: lines, json, or auto (lines at a terminal). `syslog`: target of the security log."""
    lines = how == "lines" or (how == "auto" and sys.stderr.isatty())
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        add_request_ids,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    last: list[structlog.typing.Processor] = (
        [_escape_values, structlog.dev.ConsoleRenderer(exception_formatter=_write_traceback)]
        if lines
        else [_BARE_TRACEBACKS, structlog.processors.JSONRenderer(_encode_line)]
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
        forward_security_log(syslog)


class _SyslogHandler(SysLogHandler):
    """Sends RFC 5424 messages by UDP (RFC 5426) or to a local socket, from where rsyslog can forward them over TLS."""

    append_nul = False

    def format(self, record: logging.LogRecord) -> str:
        at = datetime.fromtimestamp(record.created, UTC).isoformat()
        return f"1 {at} {socket.gethostname()} anxun {os.getpid()} security - {escape_unprintable(record.getMessage())}"

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: ARG002, N802  # logging's name
        structlog.get_logger().warning("syslog cannot be reached", reason=str(sys.exc_info()[1]))


def forward_security_log(where: str) -> None:
    """Forwards the security log to `where`: host:port, or the path of a socket such as /dev/log.

    A separate thread sends the lines, so requests do not wait. Lines that are lost are still in the database.
    """
    host, _, port = where.rpartition(":")
    target = where if where.startswith("/") else (host, int(port))
    waiting: queue.SimpleQueue[logging.LogRecord] = queue.SimpleQueue()
    syslog = _SyslogHandler(target, facility=SysLogHandler.LOG_AUTHPRIV)
    listener = QueueListener(waiting, syslog)
    listener.start()
    atexit.register(syslog.close)
    atexit.register(listener.stop)  # atexit calls the last one first
    SECURITY_LOGGER.addHandler(QueueHandler(waiting))
