"""Receives webhooks as fast as they arrive, in a separate process, so that it shares no interpreter with the client.

GET /count returns the calls, the distinct ids, and the monotonic instants of the first and last call.
"""

import asyncio
import json
import sys
import time
from collections import Counter


class Sink:
    def __init__(self):
        self.events = Counter()
        self.first = self.last = 0.0

    async def handle_connection(self, reader, writer):
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                headers = dict(line.lower().split(b": ", 1) for line in head.split(b"\r\n")[1:] if line)
                await reader.readexactly(int(headers.get(b"content-length", 0)))
                content = b""
                if head.startswith(b"POST"):
                    self.last = time.monotonic()
                    self.first = self.first or self.last
                    self.events[headers[b"anxun-event"]] += 1
                else:
                    content = json.dumps([self.events.total(), len(self.events), self.first, self.last]).encode()
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(content) + content)
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()


async def main():
    server = await asyncio.start_server(Sink().handle_connection, "127.0.0.1", int(sys.argv[1]))
    async with server:
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())
