"""Sets up all tests: no deadline, for slow machines, nothing left behind, and the folder of the real samples."""

import os
from pathlib import Path

import pytest
from hypothesis import settings

from tests.builders.cleanup import launched_processes_end, watch
from tests.builders.node_packages import RegistryUnreachable, install_packages
from tests.builders.statements import share_compiled_statements

settings.register_profile("anxun", deadline=None)
settings.load_profile("anxun")
share_compiled_statements()

SAMPLES = Path(os.environ.get("ANXUN_SAMPLES") or Path(__file__).parents[2] / "shared")


@pytest.fixture
def samples():
    """Returns the folder of real phone pictures; skips the test, visibly, where there is none."""
    if not (SAMPLES / "photos").is_dir():
        pytest.skip(f"no samples at {SAMPLES}: set ANXUN_SAMPLES")
    return SAMPLES


@pytest.fixture(scope="session")
def node_packages():
    """Returns the folder of our node scripts, with their packages; skips the test, visibly, where there are none."""
    try:
        return install_packages()
    except RegistryUnreachable:
        pytest.skip("the npm packages of tests/contract are not installed, and no registry can be reached")


def pytest_configure(config):
    if not hasattr(config, "workerinput"):  # the workers of xdist are below the run
        config.watcher = watch()


def pytest_unconfigure(config):
    if hasattr(config, "watcher"):
        config.watcher.communicate()


@pytest.fixture(autouse=True)
def _nothing_stays():
    with launched_processes_end():
        yield
