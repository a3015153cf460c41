"""A report goes from the photo to the passed re-check, by a client that openapi-python-client made of the document.

`python story.py ADDRESS PASSWORD BEFORE.jpg AFTER.jpg`, beside the package `client`, prints the steps of the history.
"""

# ruff: noqa: INP001  # a script in a folder of scripts, no module
import hashlib
import io
import sys
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

from client import AuthenticatedClient, Client, models
from client.api.accounts import login
from client.api.hazards import get_history, list_hazards
from client.api.photos import upload_photo
from client.api.remediation import post_hazard, post_step
from client.types import File

address, password, before, after = sys.argv[1:]


def expect(answer, kind):
    if not isinstance(answer, kind):
        raise SystemExit(f"{answer!r} is no {kind.__name__}")
    return answer


def sign_in(username):
    with Client(base_url=address) as stranger:
        body = models.Credentials(username=username, password=password, device="story")
        tokens = expect(login.sync(client=stranger, body=body), models.TokenView)
    return AuthenticatedClient(base_url=address, token=tokens.access_token)


def send_photo(client, file):
    content = Path(file).read_bytes()
    sha256 = hashlib.sha256(content).hexdigest()
    sent = upload_photo.sync(sha256, client=client, body=File(payload=io.BytesIO(content)))
    return expect(sent, models.ReceivedPhoto).sha256


def take_step(client, hazard, kind, **facts):
    body = kind(id=uuid4(), version=hazard.version, **facts)
    return expect(post_step.sync(hazard.id, client=client, body=body), models.HazardView)


def main():
    with sign_in("inspector") as inspector, sign_in("officer") as officer, sign_in("handler") as handler:
        sha256 = send_photo(inspector, before)
        report = models.Report(
            id=uuid4(),
            community="330402009036",
            category="EB-01",
            description="楼梯间给电动车充电",
            place="3幢2单元",
            found_at=datetime.now(UTC),
            photos=[models.PhotoDeclaration(sha256=sha256, stage=models.Stage.BEFORE)],
        )
        made = expect(post_hazard.sync(client=inspector, body=report), models.ReportView)
        assert made.missing_photos == []
        hazard = made.hazard
        found = list_hazards.sync(client=officer, state=[models.State.REPORTED], community=[report.community])
        assert hazard.id in {each.id for each in expect(found, models.HazardList).items}
        hazard = take_step(officer, hazard, models.Accept, step="accept", priority=models.Priority.HIGH)
        hazard = take_step(officer, hazard, models.Assign, step="assign", lead="handler")
        hazard = take_step(handler, hazard, models.Start, step="start")
        photos = [models.PhotoDeclaration(sha256=send_photo(handler, after), stage=models.Stage.AFTER)]
        facts = {"step": "submit_fix", "method": "搬走电动车", "quantity_done": 1, "photos": photos}
        hazard = take_step(handler, hazard, models.SubmitFix, **facts)
        hazard = take_step(
            officer, hazard, models.Recheck, step="recheck", result=models.RecheckResult.PASS, note="已恢复"
        )
        assert (hazard.state, hazard.outcome) == (models.State.CLOSED, models.Outcome.FIXED)
        for entry in expect(get_history.sync(hazard.id, client=inspector), models.HistoryView).items:
            print(entry.step)  # noqa: T201  # what the test reads


main()
