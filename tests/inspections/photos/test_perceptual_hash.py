"""Perceptual hashes: the keys find all similar pictures."""

from hypothesis import given
from hypothesis import strategies as st

from inspections.photos.perceptual_hash import MAX_DISTANCE, band_keys, distance, neighbour_keys

HASHES = st.integers(0, 2**64 - 1)


@given(HASHES, st.sets(st.integers(0, 63), max_size=MAX_DISTANCE + 1))
def test_similar_hashes_share_a_key(picture, flipped):
    other = picture
    for bit in flipped:
        other ^= 1 << bit
    assert distance(picture, other) == len(flipped)
    assert set(neighbour_keys(picture)) & set(band_keys(other))


@given(HASHES)
def test_keys_are_few_and_fit_a_column(picture):
    near = neighbour_keys(picture)
    assert len(set(near)) == 68
    assert set(band_keys(picture)) <= set(near)
    assert max(near) < 2**18
