"""The CSV import of monitoring devices: one device per line, columns recognised by their titles."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from msgspec import Struct

from inspections.monitoring.alerts import MonitorKind
from inspections.monitoring.devices import NewMonitor
from inspections.monitoring.vendors import Vendor
from inspections.request_texts import INVISIBLE_WORDS
from inspections.table_import import Columns, LineError, TableRow
from inspections.text import has_invisible, name_key

MAX_LINES = 5000
_KINDS = {
    "进线": MonitorKind.MAINS,
    "总表": MonitorKind.MAINS,
    "住户": MonitorKind.HOUSEHOLD,
    "商铺": MonitorKind.SHOP,
    "摄像头": MonitorKind.CAMERA,
    "电梯": MonitorKind.LIFT,
}
COLUMNS = Columns(
    {
        "id": ("id", "设备编号", "设备号", "编号"),
        "name": ("name", "设备名称", "名称"),
        "kind": ("kind", "安装类型", "类型"),
        "community": ("community", "社区", "所属社区", "社区代码"),
        "place": ("place", "安装地点", "地点", "地址", "安装位置"),
        "lat": ("lat", "纬度"),
        "lon": ("lon", "经度"),
        "crs": ("crs", "坐标系"),
        "vendor": ("vendor", "报文格式", "协议"),
    },
    ("id", "kind", "community", "place"),
)


class MonitorImport(Struct, frozen=True):
    """The parsed devices, each with its line number, and the errors of the other lines."""

    lines: list[tuple[str, NewMonitor]]
    errors: list[LineError]


def parse_monitor_table(rows: Iterable[Sequence[str]], communities: Mapping[str, str]) -> MonitorImport:
    """Parses a table of devices; a device without a name gets its place as name. Raises InvalidInput.

    `communities`: community codes, by name (in its composed form) and by code.
    """
    made = ((found.where, _parse_line(found, communities)) for found in COLUMNS.parse_rows(rows, MAX_LINES))
    return MonitorImport(*COLUMNS.reject_duplicates("id", made))


def _parse_line(found: TableRow, communities: Mapping[str, str]) -> NewMonitor | LineError:
    cells = found.cells
    for field, words in (("kind", _KIND_WORDS), ("vendor", _VENDOR_WORDS)):
        if field in cells and cells[field] not in words:
            return COLUMNS.error(found.where, field, f"不认识“{cells[field]}”，可填：{'、'.join(words)}")
    named = name_key(cells.get("community", ""))
    if named and named not in communities:
        words = INVISIBLE_WORDS if has_invisible(named) else f"没有“{named}”，请用系统中的名称或代码"
        return COLUMNS.error(found.where, "community", words)
    values: dict[str, Any] = {name: cells[name] for name in ("id", "name", "kind", "place", "vendor") if name in cells}
    values |= {"name": cells.get("name", cells.get("place")), "kind": _KIND_WORDS.get(cells.get("kind", ""))}
    values |= {"community": communities.get(named)}
    if "lat" in cells or "lon" in cells:
        values["point"] = {name: cells[name] for name in ("lat", "lon", "crs") if name in cells}
    return COLUMNS.convert_row(
        found.where, NewMonitor, {name: value for name, value in values.items() if value is not None}
    )


_KIND_WORDS: dict[str, str] = {
    **{words: kind.value for words, kind in _KINDS.items()},
    **{k.value: k.value for k in MonitorKind},
}
_VENDOR_WORDS = tuple(vendor.value for vendor in Vendor)
