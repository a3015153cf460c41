"""Near-duplicate pictures: 64-bit perceptual hashes, and index keys that find neighbours without a full scan.

A hash is cut into four bands of 16 bits. Two hashes that differ in at most seven bits differ in at most one bit of some
band (two in each would make eight). A search therefore asks, for each band, for its value and the sixteen values that
are one bit away: 68 keys find all neighbours, and of a million other hashes about a thousand by chance.
"""

MAX_DISTANCE = 6
"""The most differing bits of near-duplicates. A picture compressed again differs in one bit, one cropped by two percent
in five; one cropped by five percent differs in up to eleven and is not found."""

_BANDS = 4
_BAND_BITS = 16
_MASK = (1 << _BAND_BITS) - 1


def distance(one: int, other: int) -> int:
    """The Hamming distance: how many bits differ."""
    return (one ^ other).bit_count()


def band_keys(hash_bits: int) -> list[int]:
    """The four index keys of a hash: the number of the band, then its bits."""
    return [band << _BAND_BITS | (hash_bits >> band * _BAND_BITS & _MASK) for band in range(_BANDS)]


def neighbour_keys(hash_bits: int) -> list[int]:
    """The 68 index keys that find every hash near this one, and few others."""
    return [key ^ change for key in band_keys(hash_bits) for change in (0, *(1 << bit for bit in range(_BAND_BITS)))]
