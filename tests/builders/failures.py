"""Makes a database fail."""

from contextlib import contextmanager

from sqlalchemy import Transaction
from sqlalchemy.exc import OperationalError

from storage.engine.sqlite import KeptConnection


@contextmanager
def failing_commits(monkeypatch):
    """Lets every commit within the block fail, on both databases, as if the disk were full."""

    def fail(_):
        raise OperationalError("COMMIT", {}, Exception("disk full"))

    with monkeypatch.context() as broken:
        broken.setattr(Transaction, "commit", fail)
        broken.setattr(KeptConnection, "commit", fail)
        yield
