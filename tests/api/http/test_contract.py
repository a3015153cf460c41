"""Proves that the API matches its golden OpenAPI document, and which pages need no sign-in."""

import json
import re

from api.app import describe
from api.hazards.views import HazardView
from api.settings import Settings
from inspections.hazards.records import Hazard
from tests.builders.api import problem
from tests.builders.contract import GOLDEN
from tests.builders.phone import require_pages


def test_the_openapi_document_equals_the_golden_file():
    """A change of the contract is made on purpose: `make openapi`, and a look at the difference."""
    assert json.loads(describe(Settings())) == json.loads(GOLDEN.read_text())


def test_every_change_is_reachable_by_post_or_put():
    """Mini-programs can send nothing else; tus has PATCH and DELETE, and accepts them as POST too."""
    for path, operations in json.loads(GOLDEN.read_text())["paths"].items():
        if {"patch", "delete"} & set(operations):
            assert path.startswith(("/api/v1/uploads/", "/f/{token}/uploads/"))
            assert "post" in operations
        else:
            assert set(operations) <= {"get", "head", "post", "put"}, path


def test_every_body_and_every_problem_is_described():
    document = json.loads(GOLDEN.read_text())
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            described = (
                "requestBody" in operation
                or method in {"get", "head", "delete"}
                or path.endswith(
                    ("/logout", "/revoke", "/remove", "/read", "/replay", "/rotate", "/end", "/confirm", "/reject")
                )
            )
            assert described, (method, path)
            pages = {"text/html"} if path.startswith("/f/") and "/uploads" not in path else set()
            assert operation["responses"]["default"]["content"].keys() == {"application/problem+json", *pages}
    for name in re.findall(r'"#/components/schemas/([^"]+)"', GOLDEN.read_text()):
        assert name in document["components"]["schemas"]


def test_health_documents_and_limits_need_no_sign_in(api):
    assert api.get(None, "/health/live", root=True).json() == {"status": "live"}
    assert api.get(None, "/health/ready", root=True).json() == {"status": "ready"}
    assert api.get(None, "/schema/openapi.json", root=True).json()["info"]["title"] == "Anxun 安巡"
    limits = api.get(None, "/limits").json()
    assert (limits["photo_bytes"], limits["server_time"]) == (20_000_000, "2026-11-23T01:00:00Z")
    assert limits["pixels"].keys() == set(limits["photo_formats"])
    assert limits["pixels_other"] == min(limits["pixels"].values())  # holds for every picture of every format


def test_no_page_loads_from_a_foreign_host(api):
    for path in ("/", "/m", "/board", "/dashboard", "/admin", "/docs", "/schema", "/schema/other"):
        page = api.get(None, path, root=True).text
        assert not re.findall(r'(?:src|href)="(https?:)?//', page), path
        assert not re.findall(r"@import|url\(['\"]?https?:", page), path


def test_the_documentation_page_loads_its_files_from_this_server(api):
    require_pages()
    page = api.get(None, "/docs", root=True)
    files = re.findall(r'(?:src|href)="(/docs/[^"]+)"', page.text)
    sizes = [len(api.get(None, file, root=True).content) for file in files]
    assert [size > 100_000 for size in sizes] == [True, True, False]  # style, Swagger UI, and the lines that start it
    assert "'unsafe-inline'" not in page.headers["content-security-policy"]
    problem(api.get(None, "/docs/__init__.py", root=True), 404, "route.not_found")


def test_without_the_built_files_the_documentation_page_leads_to_the_document(api, monkeypatch, tmp_path):
    monkeypatch.setattr("api.pages.built.FOLDER", tmp_path)
    page = api.get(None, "/docs", root=True)
    assert page.status_code == 503
    assert "页面还没有构建" in page.text
    assert 'href="/schema/openapi.json"' in page.text


def test_categories_include_their_policy(api):
    items = {each["code"]: each for each in api.get("inspector", "/categories").json()["items"]}
    assert items["EB-01"]["term"] == {"amount": 24, "unit": "h"}
    assert items["WN-03"]["advisory"]
    assert len(items) == 25


def test_a_view_begins_with_the_fields_of_a_hazard_in_the_same_order():
    """A view is built from a hazard by position."""
    shared = [name for name in HazardView.__struct_fields__ if name in Hazard.__struct_fields__]
    assert HazardView.__struct_fields__ == (*shared, "overdue", "alert_check", "next_steps", "photos", "missing_photos")
