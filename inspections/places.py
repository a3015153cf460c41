"""Where something is: streets, communities, points."""

from typing import Annotated, Literal

from msgspec import Meta, Struct

CommunityCode = Annotated[str, Meta(pattern=r"\A[0-9]{12}\Z", description="12-digit statistical code")]


class Street(Struct, frozen=True):
    """A 街道: the first nine digits of its communities' codes. `abbreviation` heads the numbers of its hazards."""

    code: str
    name: str
    abbreviation: str


class Community(Struct, frozen=True):
    """A 社区 or 村 with its 12-digit statistical code; may be abolished, never deleted."""

    code: str
    name: str

    @property
    def street(self) -> str:
        return self.code[:9]


class Point(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """A position in degrees, with the coordinate system it was measured in; kept as it came."""

    lat: Annotated[float, Meta(ge=-90, le=90)]
    lon: Annotated[float, Meta(ge=-180, le=180)]
    crs: Literal["wgs84", "gcj02", "bd09"]
    accuracy_m: Annotated[float, Meta(ge=0, le=100_000)] | None = None
