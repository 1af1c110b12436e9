import numpy as np
import pytest

from bncourse.lab.corruptions import blur, brightness, contrast, inversion, noise, photographed


@pytest.fixture
def images():
    return np.random.default_rng(0).uniform(size=(4, 9, 7))


def test_contrast__scales_the_distance_from_the_middle(images):
    assert np.allclose(contrast(images, 0.2) - 0.5, (images - 0.5) * 0.2, rtol=0, atol=1e-15)


def test_brightness__adds_where_nothing_is_cut_off_and_stops_at_ink(images):
    brighter = brightness(images, 0.3)
    cut = images > 0.7
    assert np.allclose(brighter[~cut] - images[~cut], 0.3, rtol=0, atol=1e-15)
    assert (brighter[cut] == 1).all()
    assert brightness(images, -2.0).max() == 0


def test_noise__has_its_mean_and_std_and_stays_in_range():
    rng = np.random.default_rng(0)
    gray = noise(np.full((1, 400, 400), 0.5), 0.05, rng)  # 0 and 1 are ten deviations away
    assert gray.mean() == pytest.approx(0.5, abs=5 * 0.05 / 400)
    assert gray.std() == pytest.approx(0.05, rel=5 / np.sqrt(2 * 160_000))
    wild = noise(np.full((1, 50, 50), 0.5), 3.0, rng)
    assert (wild.min(), wild.max()) == (0, 1)


def test_noise__is_new_for_each_image():
    one, two = noise(np.full((2, 5, 5), 0.5), 0.1, np.random.default_rng(0))
    assert not np.isclose(one, two).any()


def test_blur__is_the_two_dimensional_gaussian_average():
    # Pixel by pixel, from the definition: an average of all pixels, weighted by distance.
    image, std = np.random.default_rng(1).uniform(size=(5, 6)), 1.3
    wanted = np.empty_like(image)
    i, j = np.indices(image.shape)
    for at in np.ndindex(image.shape):
        weights = np.exp(-((i - at[0]) ** 2 + (j - at[1]) ** 2) / (2 * std**2))
        wanted[at] = (weights * image).sum() / weights.sum()
    assert np.allclose(blur(image[None], std)[0], wanted, rtol=1e-12)


def test_inversion__makes_ink_of_paper(images):
    assert np.array_equal(inversion(images) + images, np.ones_like(images))


def test_photographed__gives_five_kinds_of_images_in_range(images):
    given = images.copy()
    sets = photographed(images, np.random.default_rng(0))
    assert list(sets) == ["contrast", "brightness", "noise", "blur", "inversion"]
    for changed in sets.values():
        assert changed.shape == images.shape
        assert changed.min() >= 0
        assert changed.max() <= 1
        assert not np.isclose(changed, images).all()
    assert np.array_equal(images, given)
