"""Near-same pictures are all found, by keys."""

from hypothesis import given
from hypothesis import strategies as st

from inspections.photos.perceptual_hash import NEAR, distance, keys, keys_near

HASHES = st.integers(0, 2**64 - 1)


@given(HASHES, st.sets(st.integers(0, 63), max_size=NEAR + 1))
def test_whatever_is_near_shares_a_key(picture, flipped):
    other = picture
    for bit in flipped:
        other ^= 1 << bit
    assert distance(picture, other) == len(flipped)
    assert set(keys_near(picture)) & set(keys(other))


@given(HASHES)
def test_keys_are_few_and_fit_a_column(picture):
    near = keys_near(picture)
    assert len(set(near)) == 68
    assert set(keys(picture)) <= set(near)
    assert max(near) < 2**18
