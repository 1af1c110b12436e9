import numpy as np
import pytest

from bncourse.lab.noise import MovingNoise

SHAPES = [(40, 3), (10, 3, 4, 4)]


@pytest.fixture(params=SHAPES, ids=str)
def x(request):
    return np.random.default_rng(0).normal(2, 3, size=request.param)


def layer(**settings):
    return MovingNoise(np.random.default_rng(1), **settings)


@pytest.mark.equation("eq-moving-noise")
@pytest.mark.parametrize("jitter", [0.0, 0.2])
def test_noise__scales_and_shifts_each_channel_within_its_ranges(jitter):
    x = np.random.default_rng(0).normal(size=(2000, 3))
    made = layer(shift=0.7, scale=0.4, jitter=jitter)
    slopes, shifts, rests = [], [], []
    for _ in range(40):
        y = made.forward(x)
        for channel in range(3):
            slope, shift = np.polyfit(x[:, channel], y[:, channel], 1)
            slopes.append(slope)
            shifts.append(shift)
            rest = y[:, channel] - slope * x[:, channel] - shift
            # Both the scale and the shift of a value are drawn about those of its channel.
            wanted = jitter * np.sqrt(np.mean(1 + x[:, channel] ** 2))
            rests.append(rest.std() / wanted if jitter else 1 + rest.std())
    noise = 6 * jitter / np.sqrt(2000)
    assert 0.6 - noise <= min(slopes) < 0.66 + noise
    assert 1.34 - noise < max(slopes) <= 1.4 + noise
    assert -0.7 - noise <= min(shifts) < -0.6 + noise
    assert 0.6 - noise < max(shifts) <= 0.7 + noise
    assert rests == pytest.approx(np.ones(len(rests)), abs=0.1 if jitter else 1e-9)
    # Channels draw their own.
    assert abs(np.corrcoef(slopes[::3], slopes[1::3])[0, 1]) < 0.6


@pytest.mark.equation("eq-moving-noise")
def test_noise__is_the_same_for_all_locations_of_a_channel_but_for_the_jitter(x):
    y = layer(jitter=0.0).forward(x)
    for channel in range(3):
        ours, given = y[:, channel].ravel(), x[:, channel].ravel()
        slope, shift = np.polyfit(given, ours, 1)
        assert ours == pytest.approx(slope * given + shift)


@pytest.mark.equation("eq-moving-noise")
def test_noise__has_the_sizes_that_the_chapter_states_and_draws_scale_and_shift_apart():
    made, means = layer(), []
    for _ in range(40):
        made.held = False
        b = made.forward(np.zeros((500, 3)))
        made.hold()
        a = made.forward(np.ones((500, 3))) - b
        means.append((a.mean(axis=0), b.mean(axis=0)))
        for channel in range(3):
            assert a[:, channel].std() == pytest.approx(0.1, rel=0.15)
            assert b[:, channel].std() == pytest.approx(0.1, rel=0.15)
            assert abs(np.corrcoef(a[:, channel], b[:, channel])[0, 1]) < 0.2
    scales, shifts = np.moveaxis(means, 1, 0)
    for drawn, low, high in ((scales, 0.75, 1.25), (shifts, -1, 1)):
        edge = 0.1 * (high - low)
        assert low - 0.03 < drawn.min() < low + edge
        assert high - edge < drawn.max() < high + 0.03
    assert abs(np.corrcoef(scales.ravel(), shifts.ravel())[0, 1]) < 0.4


def test_gradient__is_that_of_a_map_whose_noise_is_a_constant(x, close):
    made = layer()
    made.forward(x)
    made.hold()
    dy = np.random.default_rng(3).normal(size=x.shape)
    dx = made.backward(dy)
    change = np.random.default_rng(4).normal(size=x.shape)
    # The map is affine, so a difference is exact.
    moved = made.forward(x + change) - made.forward(x)
    close((dy * moved).sum(), (dx * change).sum())
    close(moved / change, dx / dy)


def test_noise__is_new_for_each_batch_until_it_is_held(x):
    made = layer()
    first, second = made.forward(x), made.forward(x)
    assert not np.allclose(first, second)
    made.hold()
    assert np.array_equal(made.forward(x), second)
    made.eval().forward(x)
    assert np.array_equal(made.train().forward(x), second)


def test_held_noise__fits_no_other_shape(x):
    made = layer()
    made.forward(x)
    made.hold()
    with pytest.raises(ValueError, match="that of the noise held, got"):
        made.forward(x[:5])


def test_evaluation__lets_values_and_gradients_pass(x):
    made = layer()
    made.forward(x)
    made.eval()
    assert np.array_equal(made.forward(x), x)
    assert np.array_equal(made.backward(x), x)


def test_dtype__is_that_of_the_input(x):
    made = layer()
    y = made.forward(x.astype(np.float32))
    assert y.dtype == np.float32
    assert made.backward(y).dtype == np.float32


def test_wrong_arguments__get_a_clear_error():
    with pytest.raises(RuntimeError, match="want a call of forward before it"):
        layer().backward(np.ones((2, 3)))
    made = layer()
    made.forward(np.ones((4, 3)))
    with pytest.raises(ValueError, match=r"dy: want shape \(4, 3\), got \(1, 3\)"):
        made.backward(np.ones((1, 3)))
    with pytest.raises(ValueError, match="x: want at least two axes"):
        made.forward(np.ones(3))
