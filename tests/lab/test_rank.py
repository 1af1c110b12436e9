"""Directions that get lost with depth."""

import numpy as np
import pytest
import torch

from bncourse.lab.rank import (
    linear_representations,
    normalized_participation,
    participation_ratio,
)


@pytest.mark.equation("eq-participation")
def test_participation_ratio__is_that_of_torchs_singular_values():
    x = np.random.default_rng(0).normal(3, 1, (9, 5)) * [1, 2, 0.5, 3, 0.1]
    centered = torch.tensor(x) - torch.tensor(x).mean(0)
    squares = torch.linalg.svdvals(centered).numpy() ** 2
    wanted = squares.sum() ** 2 / (squares**2).sum()
    np.testing.assert_allclose(participation_ratio(x), wanted, rtol=1e-12)


@pytest.mark.equation("eq-participation")
def test_participation_ratio__of_equal_variances_counts_the_directions():
    directions, _ = np.linalg.qr(np.random.default_rng(1).normal(size=(7, 4)))
    x = np.concatenate((directions.T, -directions.T)) * 5 + 100
    np.testing.assert_allclose(participation_ratio(x), 4, rtol=1e-12)


@pytest.mark.equation("eq-normalized-participation")
def test_normalized_participation__is_the_participation_ratio_of_normalized_channels():
    x = np.random.default_rng(2).normal(size=(20, 6)) @ np.random.default_rng(3).normal(size=(6, 6))
    y = torch.nn.functional.batch_norm(torch.tensor(x), None, None, training=True, eps=1e-30)
    correlation = np.corrcoef(x.T)[np.triu_indices(6, 1)]
    np.testing.assert_allclose(
        normalized_participation(float((correlation**2).mean()), 6),
        participation_ratio(y.numpy()),
        rtol=1e-12,
    )


def test_linear_representations__are_torchs_products_of_the_same_weights():
    x = np.random.default_rng(4).normal(size=(8, 5))
    for batch_norm in (True, False):
        rng = np.random.default_rng(5)
        wanted = torch.tensor(x)
        given = linear_representations(np.random.default_rng(5), x, depth=3, batch_norm=batch_norm)
        for got in given:
            weight = rng.normal(0, 1 / np.sqrt(5), (5, 5))
            wanted = wanted @ torch.tensor(weight).T
            if batch_norm:
                wanted = torch.nn.functional.batch_norm(
                    wanted, None, None, training=True, eps=1e-20
                )
            np.testing.assert_allclose(got, wanted.numpy(), atol=1e-12)


def test_linear_representations__collapse_without_normalization_and_not_with_it():
    x = np.random.default_rng(6).normal(size=(32, 32))
    ratios = {}
    for batch_norm in (True, False):
        *_, last = linear_representations(
            np.random.default_rng(7), x, depth=100, batch_norm=batch_norm
        )
        ratios[batch_norm] = participation_ratio(last)
    assert ratios[False] < 2 < 3 < ratios[True]
