"""Provides one server and one browser for the stories of a file."""

import pytest

from storage.photos.sample_images import draw_sample_photo
from tests.builders.api import MONDAY
from tests.builders.phone import open_browser, require_pages
from tests.builders.process import Process


@pytest.fixture(scope="module")
def chromium():
    """Yields a browser. While it is open no test of this process can run a loop of its own."""
    with open_browser() as browser:
        yield browser


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    require_pages()
    process = Process(tmp_path_factory.mktemp("phone") / "data").start()
    yield process
    process.stop()


@pytest.fixture
def drawn(tmp_path):
    """Draws pictures: `drawn(3)` returns the files of three."""

    def draw(count, subject="EB-01"):
        files = [tmp_path / f"{subject}-{number}.jpg" for number in range(count)]
        for number, file in enumerate(files):
            file.write_bytes(draw_sample_photo(f"{tmp_path.name}{number}{subject}", subject, MONDAY))
        return files

    return draw
