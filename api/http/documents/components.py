"""Schemas that no Struct describes: problems, forms and the dataset of a chart."""

from typing import Any

Json = dict[str, Any]

_PROBLEM: Json = {
    "type": "object",
    "description": (
        "RFC 9457. `code` is stable; `title` and `detail` are words for people. Some codes bring more members, such as "
        "the present `hazard` of `hazard.stale`."
    ),
    "required": ["type", "title", "status", "code"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer", "minimum": 400, "maximum": 599, "description": "The HTTP status."},
        "code": {"type": "string", "description": "The stable code, for programs."},
        "detail": {"type": "string"},
        "errors": {"type": "array", "items": {"$ref": "#/components/schemas/FieldProblem"}},
        "request_id": {"type": "string"},
    },
}
_FIELD_PROBLEM: Json = {
    "type": "object",
    "description": "What is wrong with one field of a body or one parameter.",
    "required": ["field", "message"],
    "properties": {"field": {"type": "string"}, "message": {"type": "string"}},
}
_PICTURE: Json = {"type": "string", "format": "binary"}
_REPORT_FORM: Json = {
    "type": "object",
    "description": "A report as a form, as mini-programs send it. The photos join it as stage `before`.",
    "required": ["report"],
    "properties": {
        "report": {"type": "string", "description": "The JSON of a Report; its `photos` may be left out."},
        "photo": {"type": "array", "items": _PICTURE, "description": "The pictures, each as a file."},
    },
}
_PHOTO_FORM: Json = {
    "type": "object",
    "description": "Photos as a form. Both names mean the same.",
    "properties": {
        "photo": {"type": "array", "items": _PICTURE, "description": "The pictures, each as a file."},
        "file": {"type": "array", "items": _PICTURE, "description": "The pictures, each as a file."},
    },
}
_DATASET: Json = {
    "type": "object",
    "description": "`option.dataset` of ECharts, for `format=echarts`.",
    "required": ["dataset"],
    "properties": {"dataset": {"type": "object", "description": "The `dataset` of a chart's options."}},
}
COMPONENTS: dict[str, Json] = {
    "ChartDataset": _DATASET,
    "FieldProblem": _FIELD_PROBLEM,
    "PhotoForm": _PHOTO_FORM,
    "Problem": _PROBLEM,
    "ReportForm": _REPORT_FORM,
}


def make_reference(name: str) -> Json:
    """The reference to a schema of the document's components."""
    return {"$ref": f"#/components/schemas/{name}"}
