import numpy as np
import pytest

from bncourse.lab.experiments import EXPERIMENTS, KINDS, run
from bncourse.lab.ghost import GhostBatchNorm
from bncourse.lab.looks import LOOKS
from bncourse.lab.noise import MovingNoise
from bncourse.scratch import BatchNorm, Flatten, Linear, ReLU, Sigmoid


def weights(kind, seed=0):
    return [layer.weight for layer in KINDS[kind](seed).layers if isinstance(layer, Linear)]


@pytest.mark.parametrize("kind", KINDS)
def test_kinds__are_what_they_are_called(kind):
    layers = KINDS[kind](0).layers
    kinds = [type(layer) for layer in layers if not isinstance(layer, Linear)]
    activation = ReLU if "ReLU" in kind or "ghost" in kind else Sigmoid
    norm = [BatchNorm] * ("batch norm" in kind) + [GhostBatchNorm] * ("ghost" in kind)
    noise = [MovingNoise] * ("nois" in kind)
    assert kinds == [Flatten, *3 * [*norm, *noise, activation]]
    if "ghost" in kind:
        sizes = {layer.ghost for layer in layers if isinstance(layer, GhostBatchNorm)}
        assert sizes == {int(kind.split()[1])}


def test_kinds__start_from_the_same_weights_but_for_their_size():
    for kind in KINDS:
        for ours, other in zip(weights(kind), weights("plain"), strict=True):
            ratio = ours / other
            assert ratio == pytest.approx(np.full(ratio.shape, ratio.flat[0]))
    assert weights("larger weights")[1].std() == pytest.approx(0.4, rel=0.05)
    assert not np.allclose(weights("plain", seed=1)[0], weights("plain")[0])


def test_noise__has_a_generator_for_each_seed():
    x = np.random.default_rng(0).normal(size=(4, 100))
    networks = [KINDS["noisy batch norm"](seed) for seed in (0, 0, 1)]
    outputs = [network.layers[3].forward(x) for network in networks]
    assert np.array_equal(outputs[0], outputs[1])
    assert not np.allclose(outputs[0], outputs[2])


@pytest.mark.parametrize("experiment", EXPERIMENTS.values(), ids=EXPERIMENTS)
def test_experiments__ask_for_what_there_is(experiment):
    assert set(experiment.kinds) <= set(KINDS)
    assert set(experiment.looks) <= set(LOOKS)
    assert experiment.steps % experiment.every == 0
    assert len(list(experiment.settings())) == len(set(experiment.settings()))


def test_beginning_of_a_run__does_not_depend_on_its_length():
    experiment = EXPERIMENTS["inside"]
    setting = "noisy batch norm", 0.5, 0
    short, longer = (run(experiment, *setting, steps=steps) for steps in (20, 40))
    assert short.keys() == longer.keys()
    for name, values in short.items():
        assert np.array_equal(values, longer[name][: len(values)])
        assert len(longer[name]) == len(values) + 1


def test_losses_of_the_twin__are_those_of_numpy(close):
    seen = run(EXPERIMENTS["curves"], "batch norm", 0.5, 0, steps=100)
    close(seen["torch loss"], seen["loss"])


def test_learning_rate_and_seed__change_the_run():
    experiment = EXPERIMENTS["rates"]
    losses = [
        run(experiment, "plain", lr, seed, steps=100)["loss"][0]
        for lr, seed in ((0.3, 0), (0.3, 1), (1.0, 0))
    ]
    assert len(set(losses)) == 3


def test_wrong_arguments__get_a_clear_error():
    experiment = EXPERIMENTS["rates"]
    with pytest.raises(ValueError, match=r"kind: want one of plain, .*, got 'other'"):
        run(experiment, "other", 0.3, 0)
    with pytest.raises(ValueError, match="steps: want a multiple of 100, got 150"):
        run(experiment, "plain", 0.3, 0, steps=150)
