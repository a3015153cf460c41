"""The floor of an upload: granian with our options, and a handler that only makes the body durable."""

import asyncio
import os
import sys
from pathlib import Path
from typing import Any
from uuid import uuid4

import uvloop

from api.commands.server import _granian_options
from api.process.listening import Address, SingleProcessServer
from benchmarks.sides import ROOT, Server


class BareServer(Server):
    name = "bare handler"
    details = "one process"
    ready_path = "/"

    def start(self) -> None:
        self._kept = self.folder / "kept"
        self._kept.mkdir()
        command = [sys.executable, "-m", "benchmarks.photos_floor", str(self._kept), str(self.port)]
        self.start_process(command, ROOT)

    def stored_count(self) -> int:
        return len(list(self._kept.iterdir()))

    def remove_photos(self) -> None:
        for file in self._kept.iterdir():
            file.unlink()


class Handler:
    """An ASGI application that writes the body of a PUT to a file and flushes file and folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            return
        if scope["method"] == "PUT":
            with (self._folder / uuid4().hex).open("wb", buffering=0) as file:
                more = True
                while more:
                    message = await receive()
                    file.write(message["body"])
                    more = message["more_body"]
                await asyncio.to_thread(self._flush, file.fileno())
        head = [(b"content-type", b"application/json"), (b"content-length", b"2")]
        await send({"type": "http.response.start", "status": 201, "headers": head})
        await send({"type": "http.response.body", "body": b"{}"})

    def _flush(self, file: int) -> None:
        os.fsync(file)
        folder = os.open(self._folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


async def serve(folder: Path, port: int) -> None:
    await SingleProcessServer(Handler(folder), Address("127.0.0.1", port), **_granian_options()).serve()


if __name__ == "__main__":
    uvloop.run(serve(Path(sys.argv[1]), int(sys.argv[2])))
