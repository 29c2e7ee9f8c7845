"""Pauses between attempts."""

from hypothesis import given
from hypothesis import strategies as st

from messaging.backoff import pause


def test_the_pause_doubles_up_to_its_limit():
    """With the jitter pinned to its top: base, double, double, limit."""
    assert [pause(n, base=2, most=10, fraction=lambda: 1.0) for n in (1, 2, 3, 4, 5)] == [2, 4, 8, 10, 10]


@given(attempts=st.integers(1, 10**6), share=st.floats(0, 1, exclude_max=True))
def test_the_pause_is_at_least_half_a_step_and_never_more_than_the_limit(attempts, share):
    """However many attempts there were, the pause neither vanishes nor overflows."""
    seconds = pause(attempts, base=0.5, most=600, fraction=lambda: share)
    step = min(600, 0.5 * 2 ** min(attempts - 1, 20))
    assert step / 2 <= seconds <= step
