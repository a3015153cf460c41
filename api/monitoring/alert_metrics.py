"""The route of alert statistics, per community and per kind of device."""

from collections import Counter
from datetime import date, datetime
from typing import Annotated, Any

from litestar import get
from litestar.params import FromQuery, QueryParameter
from litestar.response import Response
from msgspec import Struct

from api.http.bodies import AnyRequest
from api.http.responses import VALIDATOR_HEADERS
from api.http.tables import FormatParameter, Sheet
from api.statistics.filters import check_period, select_communities
from api.statistics.responses import statistics_response
from inspections.accounts.policy import Scope
from inspections.monitoring.alert_metrics import DEFINITIONS, METRICS, AlertOutcome, compute_metrics
from inspections.monitoring.alerts import MonitorKind
from storage.monitoring.queries import alert_outcomes, devices_in_use
from storage.repository import Repository
from storage.statistics.metrics import Filters

Row = dict[str, Any]


class AlertStatistics(Struct, frozen=True):
    """Alert statistics. `items`: rows per community, zeros included; `kinds`: per device kind; `definitions`: 口径."""

    items: list[Row]
    kinds: list[Row]
    total: Row
    as_of: datetime
    definitions: dict[str, str]


@get("/statistics/alerts", opt={"action": "statistics.see", "headers": VALIDATOR_HEADERS})
async def get_alert_statistics(
    request: AnyRequest,
    community: FromQuery[tuple[str, ...]] = (),
    street: FromQuery[tuple[str, ...]] = (),
    kind: FromQuery[tuple[MonitorKind, ...]] = (),
    first: Annotated[date | None, QueryParameter(name="from")] = None,
    last: Annotated[date | None, QueryParameter(name="to")] = None,
    form: FormatParameter = None,
) -> Response[AlertStatistics]:
    """Counts the alerts opened in the period, the cases that they opened, and the causes found and removed."""
    check_period(first, last)

    def ask(repository: Repository, reach: Scope, now: datetime) -> AlertStatistics:
        asked = select_communities(repository, reach, Filters(community=community, street=street))
        codes = [each.code for each in asked]
        found = alert_outcomes(repository, codes, first, last, kind)
        grouped: dict[str, list[AlertOutcome]] = {code: [] for code in codes}
        for each in found:
            grouped[each.community].append(each)
        there = devices_in_use(repository, codes, kind)
        by_community, by_kind = Counter(code for code, _ in there), Counter(kind for _, kind in there)
        items = [
            {"community": each.code, "name": each.name, **compute_metrics(by_community[each.code], grouped[each.code])}
            for each in asked
        ]
        kinds = [
            {"kind": each, **compute_metrics(by_kind[each], [one for one in found if one.kind is each])}
            for each in MonitorKind
            if not kind or each in kind
        ]
        return AlertStatistics(items, kinds, compute_metrics(len(there), found), now, DEFINITIONS)

    return await statistics_response(request, form, ask, _sheet, changes_with_time=True)


def _sheet(found: AlertStatistics) -> Sheet:
    titles = {"community": "社区代码", "name": "社区", **{name: metric.title for name, metric in METRICS.items()}}
    return Sheet("预警统计", titles, [*found.items, {"community": "合计", **found.total}])


ROUTES = [get_alert_statistics]
