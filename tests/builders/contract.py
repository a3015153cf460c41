"""Locates the stored OpenAPI contract."""

from pathlib import Path

GOLDEN = Path(__file__).parents[1] / "api" / "openapi.json"
