"""The route that receives reports, as JSON or as a form with photos."""

from functools import partial

from litestar import Response, post
from msgspec.structs import replace

from api.hazards.views import ReportView, hazard_view
from api.http.bodies import AnyRequest, decode_body, is_form, json_body
from api.http.context import AppContext, app_context, current_person
from api.http.responses import JsonResponse
from api.photos.bodies import FORM_BYTES, Form, receive_form
from api.photos.intake import inspect_photos, save_originals
from api.photos.processor import PhotoProcessor
from inspections.accounts.people import Person
from inspections.errors import InvalidInput
from inspections.photos.records import Photo, PhotoDeclaration, Stage
from inspections.remediation.actions.reporting import ReportResult, report_hazard
from inspections.remediation.steps import MAX_PHOTOS, Report


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
    context = app_context(request)
    async with receive_form(request, context.photos, texts={"report"}) as form:
        person = current_person(request)
        report = _join_photos(form, arrived := await inspect_photos(context, form.photos))
        action = partial(report_hazard, person=person, report=report, now=context.clock(), arrived=arrived)
        await context.database.read(action)
        await save_originals(context, form.photos)
        answer = _response(context, person, await context.database.transact(action))
    context.part(PhotoProcessor).wake()
    return answer


def _join_photos(form: Form, arrived: list[Photo]) -> Report:
    """Returns the form's report with its photos added as `before`."""
    if "report" not in form.texts:
        raise InvalidInput(("report", "缺少此项"))
    report: Report = decode_body(form.texts["report"], Report)
    mentions = tuple(PhotoDeclaration(photo.sha256, Stage.BEFORE) for photo in arrived)
    if len(report.photos) + len(mentions) > MAX_PHOTOS:
        raise InvalidInput(("photos", f"最多 {MAX_PHOTOS} 张照片"))
    return replace(report, photos=(*report.photos, *mentions))


async def _report(request: AnyRequest, report: Report) -> Response[ReportView]:
    context, person = app_context(request), current_person(request)
    action = partial(report_hazard, person=person, report=report, now=context.clock())
    return _response(context, person, await context.database.transact(action))


def _response(context: AppContext, person: Person, done: ReportResult) -> Response[ReportView]:
    hazard = hazard_view(done.reported, person, context)
    answer = ReportView(hazard, hazard.missing_photos, done.similar)
    return JsonResponse(answer, status_code=200 if done.repeated else 201)


ROUTES = [post_hazard]
