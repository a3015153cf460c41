"""Near-same pictures: perceptual hashes of 64 bits, and keys that find every neighbour without looking at all.

A hash is cut into four bands of 16 bits. Two hashes that differ in no more than seven bits differ in no more than one
of them within some band (were it two in each, they would be eight). So who looks for a hash asks, for each band, for
its value and the sixteen that are one bit away: 68 keys find all that are near, and of a million others about a
thousand by chance.
"""

NEAR = 6
"""Differing bits up to which two pictures count as near-same: a picture compressed again differs in one, cropped by two
percent in five; cropped by five percent in up to eleven, which is beyond what is found."""

_BANDS = 4
_WIDTH = 16
_MASK = (1 << _WIDTH) - 1


def distance(one: int, other: int) -> int:
    """How many bits differ."""
    return (one ^ other).bit_count()


def keys(picture: int) -> list[int]:
    """The keys under which a picture is found: the number of the band, then its bits."""
    return [band << _WIDTH | (picture >> band * _WIDTH & _MASK) for band in range(_BANDS)]


def keys_near(picture: int) -> list[int]:
    """The keys under which every picture lies that is near this one, and few others."""
    return [key ^ change for key in keys(picture) for change in (0, *(1 << bit for bit in range(_WIDTH)))]
