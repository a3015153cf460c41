"""The route of alert statistics, per community and per kind of device."""

from collections import Counter
from datetime import date, datetime
from typing import Annotated, Any

from litestar import get
from litestar.params import FromQuery, QueryParameter
from litestar.response import Response
from msgspec import Struct

from api.http.bodies import AnyRequest
from api.http.tables import AskedForm, Sheet
from api.statistics.filters import check_period, chosen
from api.statistics.responses import figures
from inspections.accounts.policy import Scope
from inspections.monitoring.alert_metrics import DEFINITIONS, METRICS, Followed, row
from inspections.monitoring.alerts import MonitorKind
from storage.monitoring.queries import devices_in_use, followed
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


@get("/statistics/alerts", opt={"action": "statistics.see"})
async def alert_statistics(
    request: AnyRequest,
    community: FromQuery[str | None] = None,
    street: FromQuery[str | None] = None,
    kind: FromQuery[MonitorKind | None] = None,
    first: Annotated[date | None, QueryParameter(name="from")] = None,
    last: Annotated[date | None, QueryParameter(name="to")] = None,
    form: AskedForm = None,
) -> Response[AlertStatistics]:
    """Counts the alerts opened in the period, the cases that they opened, and the causes found and removed."""
    check_period(first, last)

    def ask(repository: Repository, reach: Scope, now: datetime) -> AlertStatistics:
        asked = chosen(repository, reach, Filters(community=community, street=street))
        codes = [each.code for each in asked]
        found = followed(repository, codes, first, last, kind)
        grouped: dict[str, list[Followed]] = {code: [] for code in codes}
        for each in found:
            grouped[each.community].append(each)
        there = devices_in_use(repository, codes, kind)
        by_community, by_kind = Counter(code for code, _ in there), Counter(kind for _, kind in there)
        items = [
            {"community": each.code, "name": each.name, **row(by_community[each.code], grouped[each.code])}
            for each in asked
        ]
        kinds = [
            {"kind": each, **row(by_kind[each], [one for one in found if one.kind is each])}
            for each in MonitorKind
            if kind in {None, each}
        ]
        return AlertStatistics(items, kinds, row(len(there), found), now, DEFINITIONS)

    return await figures(request, form, ask, _sheet, timed=True)


def _sheet(found: AlertStatistics) -> Sheet:
    titles = {"community": "社区代码", "name": "社区", **{name: metric.title for name, metric in METRICS.items()}}
    return Sheet("预警统计", titles, [*found.items, {"community": "合计", **found.total}])


ROUTES = [alert_statistics]
