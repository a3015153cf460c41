"""Lets each request of a test come from an address of its own."""


class FromManyAddresses:
    """The application behind many client addresses: each request comes from the one in its header `x-from`."""

    def __init__(self, app):
        self.app = app

    async def __call__(self, scope, receive, send):
        if scope["type"] == "http":
            sender = dict(scope["headers"]).get(b"x-from", b"198.51.100.7").decode()
            scope = {**scope, "client": (sender, 1)}
        await self.app(scope, receive, send)

    def __getattr__(self, name):
        return getattr(self.app, name)
