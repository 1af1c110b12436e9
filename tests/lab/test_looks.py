import copy

import numpy as np
import pytest

from bncourse.lab.data import Digits
from bncourse.lab.drift import gradient_shift, jump, percentiles
from bncourse.lab.landscape import along_gradient
from bncourse.lab.looks import ALONG, LOOKS, Scene
from bncourse.lab.noise import MovingNoise
from bncourse.scratch import BatchNorm, Flatten, Linear, Sequential, Sigmoid, SoftmaxCrossEntropy


@pytest.fixture
def scene():
    rng = np.random.default_rng(0)
    digits = Digits(
        rng.normal(size=(30, 2, 3)),
        rng.integers(4, size=30),
        rng.normal(size=(250, 2, 3)),
        rng.integers(4, size=250),
    )
    return Scene(digits, rng.choice(30, 12, replace=False), lr=0.7)


def network(noisy):
    rng = np.random.default_rng(1)
    noise = [MovingNoise(np.random.default_rng(2))] * noisy
    layers = Flatten(), Linear(6, 5, rng=rng), BatchNorm(5), *noise, Sigmoid()
    return Sequential(*layers, Linear(5, 4, rng=rng), Sigmoid(), Linear(4, 4, rng=rng))


def state(network):
    values = [value.copy() for value, _ in network.parameters()]
    return [*values, *network.layers[2].state_dict().values()]


@pytest.mark.parametrize("noisy", [False, True])
@pytest.mark.parametrize("look", LOOKS)
def test_look__leaves_the_network_and_its_noise_as_they_are(look, noisy, scene):
    seen = network(noisy)
    before, twin = state(seen), copy.deepcopy(seen)
    LOOKS[look](seen, scene)
    assert all(np.array_equal(a, b) for a, b in zip(state(seen), before, strict=True))
    assert seen.training
    x = scene.digits.train_images
    assert np.array_equal(seen.forward(x), twin.forward(x))


def test_accuracy_and_losses__are_those_of_evaluation(scene):
    seen = network(noisy=False)
    for place in (4, 6):  # so that not all images are read alike
        seen.layers[place].weight[...] *= 30
    seen.forward(scene.digits.train_images)
    read = copy.deepcopy(seen).eval()
    logits = read.forward(scene.digits.test_images)
    right = np.mean(logits.argmax(axis=1) == scene.digits.test_labels)
    assert LOOKS["accuracy"](seen, scene) == {"accuracy": right}
    in_training = copy.deepcopy(seen).train().forward(scene.digits.test_images).argmax(axis=1)
    assert np.mean(in_training == scene.digits.test_labels) != right
    losses = LOOKS["losses"](seen, scene)
    assert losses["test loss"] == SoftmaxCrossEntropy().forward(logits, scene.digits.test_labels)
    logits = read.forward(scene.digits.train_images)
    assert losses["train loss"] == SoftmaxCrossEntropy().forward(logits, scene.digits.train_labels)


def test_jump__is_the_way_of_the_median_unit_in_one_step_on_200_test_images(scene):
    seen, after = network(noisy=False), network(noisy=False)
    images, labels = scene.digits.train_images[scene.rows], scene.digits.train_labels[scene.rows]
    loss, shown = SoftmaxCrossEntropy(), scene.digits.test_images[:200]
    before = percentiles(after, shown)
    loss.forward(after.forward(images), labels)
    after.backward(loss.backward())
    for value, grad in after.parameters():
        value -= 0.7 * grad
    ways = jump(before, percentiles(after, shown))
    assert LOOKS["jump"](seen, scene)["jump"] == pytest.approx(np.median(ways), rel=1e-12)
    assert np.median(ways) != pytest.approx(np.mean(ways), rel=1e-3)


def test_jump__sees_noise_even_where_no_step_is_taken(scene):
    still = Scene(scene.digits, scene.rows, lr=0.0)
    assert LOOKS["jump"](network(noisy=False), still)["jump"] == 0
    assert LOOKS["jump"](network(noisy=True), still)["jump"] > 0.05


@pytest.mark.parametrize("noisy", [False, True])
def test_gradient_shift__does_not_see_the_noise_change(noisy, scene):
    still = Scene(scene.digits, scene.rows, lr=0.0)
    assert np.array_equal(LOOKS["gradient shift"](network(noisy), still)["gradient shift"], [0, 0])
    moved = LOOKS["gradient shift"](network(noisy), scene)["gradient shift"]
    assert (moved > 0.001).all()
    if not noisy:
        whole = gradient_shift(network(noisy), *scene.batch, scene.lr).relative
        assert np.array_equal(moved, whole[1:])


@pytest.mark.parametrize("noisy", [False, True])
def test_steps_along_the_gradient__are_in_units_of_the_learning_rate(noisy, scene):
    tiny = Scene(scene.digits, scene.rows, lr=1e-7)
    seen = LOOKS["along"](network(noisy), tiny)
    assert seen["kept"] == pytest.approx(np.ones(len(ALONG)), abs=1e-4)
    assert seen["predictiveness"] == pytest.approx(ALONG / ALONG[0] * seen["predictiveness"][0])
    # As a derivative: the gradient's change per distance does not depend on the distance.
    smaller = LOOKS["along"](network(noisy), Scene(scene.digits, scene.rows, lr=5e-8))
    assert seen["smoothness"] == pytest.approx(smaller["smoothness"], rel=1e-4)


def test_look_along_the_gradient__takes_a_quarter_to_four_steps(scene):
    seen = LOOKS["along"](network(noisy=False), scene)
    lrs = 0.7 * np.array([0.25, 0.5, 1, 2, 4])
    whole = along_gradient(network(noisy=False), *scene.batch, lrs)
    assert seen["start"] == whole.start
    assert np.array_equal(seen["loss along"], whole.loss)
    assert np.array_equal(seen["kept"], whole.kept())
    assert np.array_equal(seen["predictiveness"], whole.predictiveness())
    assert seen["smoothness"] == whole.smoothness()
