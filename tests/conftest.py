"""What all tests share: no deadline for slow machines, and where the real samples lie."""

import os
from pathlib import Path

import pytest
from hypothesis import settings

settings.register_profile("anxun", deadline=None)
settings.load_profile("anxun")

SAMPLES = Path(os.environ.get("ANXUN_SAMPLES") or Path(__file__).parents[2] / "shared")


@pytest.fixture
def samples():
    """The folder of real phone pictures; the test is skipped, visibly, where there is none."""
    if not (SAMPLES / "photos").is_dir():
        pytest.skip(f"no samples at {SAMPLES}: set ANXUN_SAMPLES")
    return SAMPLES
