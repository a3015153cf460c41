"""The route that receives reports, as JSON or as a form with photos."""

from functools import partial

from litestar import Response, post
from msgspec.structs import replace

from api.hazards.views import ReportView, hazard_view
from api.http.bodies import AnyRequest, decoded, is_form, json_body
from api.http.context import AppContext, context_of, person_of
from api.photos.bodies import FORM_BYTES, Form, received_form
from api.photos.intake import checked, keep
from api.photos.processor import Developer
from inspections.accounts.people import Person
from inspections.errors import Invalid
from inspections.photos.records import Photo, PhotoMention, Stage
from inspections.remediation.actions.reporting import Reported, report_hazard
from inspections.remediation.steps import PHOTOS_DECLARED, Report


@post("/hazards", opt={"action": "hazard.report", "body": Report}, request_max_body_size=FORM_BYTES)
async def post_hazard(request: AnyRequest) -> Response[ReportView]:
    """Reports a hazard, as JSON with declared photos or as a form.

    The form has a part `report` (that JSON) and parts `photo`, which are added as `before` photos.
    """
    if is_form(request):
        return await _report_with_photos(request)
    return await _report(request, await json_body(request, Report))


async def _report_with_photos(request: AnyRequest) -> Response[ReportView]:
    """Receives, checks, decides, stores, commits: a report is refused before its photos are stored."""
    context, person = context_of(request), person_of(request)
    async with received_form(request, context.photos, texts={"report"}) as form:
        report = _with_photos(form, arrived := await checked(context, form.photos))
        action = partial(report_hazard, person=person, report=report, now=context.clock(), arrived=arrived)
        await context.database.read(action)
        await keep(context, form.photos)
        answer = _answer(context, person, await context.database.transact(action))
    context.part(Developer).wake()
    return answer


def _with_photos(form: Form, arrived: list[Photo]) -> Report:
    """Returns the form's report with its photos added as `before`."""
    if "report" not in form.texts:
        raise Invalid(("report", "缺少此项"))
    report: Report = decoded(form.texts["report"], Report)
    mentions = tuple(PhotoMention(photo.sha256, Stage.BEFORE) for photo in arrived)
    if len(report.photos) + len(mentions) > PHOTOS_DECLARED:
        raise Invalid(("photos", f"最多 {PHOTOS_DECLARED} 张照片"))
    return replace(report, photos=(*report.photos, *mentions))


async def _report(request: AnyRequest, report: Report) -> Response[ReportView]:
    context, person = context_of(request), person_of(request)
    action = partial(report_hazard, person=person, report=report, now=context.clock())
    return _answer(context, person, await context.database.transact(action))


def _answer(context: AppContext, person: Person, done: Reported) -> Response[ReportView]:
    hazard = hazard_view(done.dossier, person, context)
    answer = ReportView(hazard, hazard.missing_photos, done.similar)
    return Response(answer, status_code=200 if done.repeated else 201)


ROUTES = [post_hazard]
