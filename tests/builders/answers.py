"""Records what the API answers in the tests, for the examples and problems of the OpenAPI document.

`RECORD_ANSWERS=FOLDER pytest tests/api` writes a file for each worker; `python -m tests.builders.answers FOLDER`
then makes api/http/documents/answers.json of them.
"""

import json
import os
import sys
from collections import defaultdict
from pathlib import Path

FOLDER = os.environ.get("RECORD_ANSWERS")
TARGET = Path(__file__).parents[2] / "api" / "http" / "documents" / "answers.json"
_MAX_EXAMPLE = 9000
_SECRETS = {"access_token", "refresh_token", "token", "secret", "device_secret", "recovery_codes", "uri", "qr", "url"}
_PASSING = {"408", "429", "500", "503", "507"}
"""Problems that any request may get, which depend on what else happens."""


def record_answer(app, method, path, answer):
    """Appends an answer to the file of this process, if answers are recorded."""
    kind = answer.headers.get("content-type", "").partition(";")[0]
    if not FOLDER or not answer.content or kind not in {"application/json", "application/problem+json"}:
        return
    methods = getattr(app, "path_methods", None)  # a wrapped application has none
    route = methods and methods.find_template(path.partition("?")[0])
    if route is None or "fields=" in str(answer.request.url):  # a part of the numbers is no example
        return
    line = {"operation": f"{method} {route}", "status": answer.status_code, "body": answer.json()}
    with (Path(FOLDER) / f"{os.getpid()}.jsonl").open("a") as file:
        file.write(json.dumps(line, ensure_ascii=False) + "\n")


def shorten(value):
    """Keeps the first object of each list and the first three values, and hides secrets."""
    if isinstance(value, dict):
        return {
            name: "…" if name in _SECRETS and isinstance(inner, str) else shorten(inner)
            for name, inner in value.items()
        }
    if isinstance(value, list):
        return [shorten(each) for each in (value[:1] if value and isinstance(value[0], dict | list) else value[:3])]
    return value


def count_values(value):
    """Counts what is not null in an example: the more, the better."""
    if isinstance(value, dict):
        return sum(map(count_values, value.values()))
    if isinstance(value, list):
        return sum(map(count_values, value))
    return value is not None


def collect(folder):
    """Makes the content of answers.json of all files in a folder."""
    examples, problems = {}, defaultdict(lambda: defaultdict(set))
    for file in sorted(Path(folder).glob("*.jsonl")):
        for text in file.read_text().splitlines():
            line = json.loads(text)
            operation, status, body = line["operation"], str(line["status"]), line["body"]
            if status in {"200", "201"}:
                example = shorten(body)
                size = len(json.dumps(example, ensure_ascii=False))
                known = examples.get(operation)
                if size <= _MAX_EXAMPLE and (known is None or count_values(example) > count_values(known)):
                    examples[operation] = example
            elif status[0] in "45" and isinstance(body, dict) and "code" in body and status not in _PASSING:
                problems[operation][status].add(body["code"])
    return {
        operation: {
            "example": examples.get(operation),
            "problems": {status: sorted(codes) for status, codes in sorted(problems[operation].items())},
        }
        for operation in sorted({*examples, *problems})
    }


if __name__ == "__main__":
    TARGET.write_text(json.dumps(collect(sys.argv[1]), ensure_ascii=False, indent=1) + "\n")
