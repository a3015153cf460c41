"""The contract as it is kept."""

from pathlib import Path

GOLDEN = Path(__file__).parents[1] / "api" / "openapi.json"
