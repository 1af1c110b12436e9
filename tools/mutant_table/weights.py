"""Faults of what `bncourse.lab` says of the weights before a batch normalization."""

from tools.mutant_table.mutant import Mutant, mutants_of

MUTANTS: tuple[Mutant, ...] = (
    *mutants_of(
        "lab/invariance.py",
        {
            "scale factor: the sign left out": ("np.sign(alpha) * np.sqrt(var", "np.sqrt(var"),
            "scale factor: no root": (
                "np.sqrt(var / (var + equivalent_eps(eps, alpha)))",
                "(var / (var + equivalent_eps(eps, alpha)))",
            ),
            "scale factor: eps as it was": ("equivalent_eps(eps, alpha)", "eps"),
            "scale factor: eps for small weights smaller": (
                "equivalent_eps(eps, alpha)",
                "equivalent_eps(eps, 1 / alpha)",
            ),
            "scale factor: upside down": (
                "var / (var + equivalent_eps(eps, alpha))",
                "(var + equivalent_eps(eps, alpha)) / var",
            ),
            "scale factor: none": (
                "return np.sign(alpha) * np.sqrt(var / (var + equivalent_eps(eps, alpha)))",
                "return np.sign(alpha) * np.ones_like(var)",
            ),
            "input Jacobian: the matrix turned into its diagonal": (
                "jacobian[:, :, None] * w",
                "(jacobian * np.eye(len(jacobian)))[:, :, None] * w",
            ),
            "input Jacobian: without the weights": (
                "jacobian[:, :, None] * w",
                "jacobian[:, :, None] * np.ones_like(w)",
            ),
            "input Jacobian: sign": ("jacobian[:, :, None] * w", "-jacobian[:, :, None] * w"),
            "weight Jacobian: own example alone": (
                "jacobian @ u",
                "np.diag(jacobian)[:, None] * u",
            ),
            "weight Jacobian: inputs as they are": ("jacobian @ u", "u"),
            "weight dot: rho for 1 - rho": ("(1 - rho) * gamma", "rho * gamma"),
            "weight dot: zero for any eps": (
                "(1 - rho) * gamma * dgamma",
                "np.zeros_like(gamma)",
            ),
            "weight dot: gamma left out": ("(1 - rho) * gamma * dgamma", "(1 - rho) * dgamma"),
            "weight dot: evaluation mode's": ("(1 - rho) * gamma * dgamma", "gamma * dgamma"),
            "weight dot: sign": ("(1 - rho) * gamma", "(rho - 1) * gamma"),
            "scaled weights: the network's own": ("scaled = deepcopy(network)", "scaled = network"),
            "scaled weights: one number for all units": (
                "np.reshape(alpha, (-1, 1))",
                "np.max(alpha)",
            ),
            "scaled weights: first number for all layers": (
                "alphas * len(layers), strict",
                "alphas[:1] * len(layers), strict",
            ),
            "scaled weights: any count": ("if len(alphas) not in (1, len(layers)):", "if False:"),
            "normalized layers: all linear ones": (
                "isinstance(layer, Linear) and isinstance(norm, BatchNorm)",
                "isinstance(layer, Linear)",
            ),
            "normalized layers: whatever stands before": (
                "isinstance(layer, Linear) and isinstance(norm, BatchNorm)",
                "isinstance(norm, BatchNorm)",
            ),
        },
    ),
    *mutants_of(
        "lab/weight_norm.py",
        {
            "equivalent training: rate by alpha": ("return lr * alpha**2,", "return lr * alpha,"),
            "equivalent training: rate as it was": ("return lr * alpha**2,", "return lr,"),
            "equivalent training: decay as it was": ("weight_decay / alpha**2 ", "weight_decay "),
            "equivalent training: decay by alpha": (
                "weight_decay / alpha**2 ",
                "weight_decay / alpha ",
            ),
            "effective rate: by the length": (
                "/ ((1 - lr * weight_decay) * square)",
                "/ ((1 - lr * weight_decay) * np.sqrt(square))",
            ),
            "effective rate: without decay": ("((1 - lr * weight_decay) * square)", "square"),
            "effective rate: decay not times lr": (
                "1 - lr * weight_decay) * sq",
                "1 - weight_decay) * sq",
            ),
            "effective rate: decay makes it smaller": (
                "lr / ((1 - lr * weight_decay) * square)",
                "lr * (1 - lr * weight_decay) / square",
            ),
            "effective rate: lr alone": (
                "lr / ((1 - lr * weight_decay) * square)",
                "lr / (1 - lr * weight_decay) * np.ones_like(square)",
            ),
            "direction: up the gradient": (
                "moved / np.linalg.norm(moved, axis=1, keepdims=True)",
                "(2 * v - moved) / np.linalg.norm(2 * v - moved, axis=1, keepdims=True)",
            ),
            "direction: one length for all units": (
                "np.linalg.norm(moved, axis=1, keepdims=True)",
                "np.linalg.norm(moved)",
            ),
            "direction: of any length": (
                "moved / np.linalg.norm(moved, axis=1, keepdims=True)",
                "moved",
            ),
            "angle: sine for tangent": (
                "np.arctan(rate * grad_norm)",
                "np.arcsin(np.minimum(1, rate * grad_norm))",
            ),
            "angle: small ones alone": ("np.arctan(rate * grad_norm)", "rate * grad_norm"),
            "angle: by the square of the gradient": (
                "np.arctan(rate * grad_norm)",
                "np.arctan(rate * grad_norm**2)",
            ),
            "growth: lr not squared": ("lr**2 * squares", "lr * squares"),
            "growth: inner products left out": (" - 2 * lr * dots", ""),
            "growth: inner products once": ("2 * lr * dots", "lr * dots"),
            "growth: inner products with the wrong sign": ("- 2 * lr * dots", "+ 2 * lr * dots"),
            "growth: the last step alone": (
                "np.cumsum(lr**2 * squares - 2 * lr * dots, axis=0)",
                "lr**2 * squares - 2 * lr * dots",
            ),
            "growth: the start left out": (
                "return start + np.cumsum",
                "return 0 * start + np.cumsum",
            ),
            "growth: units added up": ("2 * lr * dots, axis=0)", "2 * lr * dots, axis=1)"),
            "momentum: zero as without": (
                "dots[t] += momentum * (dots[t - 1] - lr * squares[t - 1])",
                "dots[t] += 0",
            ),
            "momentum: the last inner product left out": (
                "(dots[t - 1] - lr * squares[t - 1])",
                "(-lr * squares[t - 1])",
            ),
            "momentum: the way since then left out": (
                "(dots[t - 1] - lr * squares[t - 1])",
                "dots[t - 1]",
            ),
            "momentum: the way with the wrong sign": (
                "dots[t - 1] - lr * squares[t - 1]",
                "dots[t - 1] + lr * squares[t - 1]",
            ),
            "momentum: this step's velocity": ("lr * squares[t - 1]", "lr * squares[t]"),
            "momentum: not weighed": ("momentum * (dots[t - 1]", "(dots[t - 1]"),
            "momentum: the gradient's part left out": (
                "dots[t] += momentum * (dots[t - 1]",
                "dots[t] = momentum * (dots[t - 1]",
            ),
            "decay step: decay once": (
                "(1 - lr * weight_decay) ** 2 * square",
                "(1 - lr * weight_decay) * square",
            ),
            "decay step: no decay": ("(1 - lr * weight_decay) ** 2 * square", "square"),
            "decay step: the gradient as it is": (
                "(lr * grad_norm) ** 2 / square",
                "(lr * grad_norm) ** 2",
            ),
            "decay step: lr not squared": ("(lr * grad_norm) ** 2", "lr * grad_norm**2"),
            "decay step: divided twice": ("** 2 / square", "** 2 / square**2"),
            "equilibrium: the fourth power of the length": ("root = np.sqrt(lr", "root = (lr"),
            "equilibrium: to first order": (
                "(weight_decay * (2 - lr * weight_decay))",
                "(2 * weight_decay)",
            ),
            "equilibrium: van Laarhoven's penalty": (
                "(weight_decay * (2 - lr * weight_decay))",
                "(4 * weight_decay)",
            ),
            "equilibrium: one size of gradients": ("float(grad_norm * root)", "float(root)"),
            "equilibrium: square of the gradient's length": (
                "float(grad_norm * root)",
                "float(grad_norm**2 * root)",
            ),
            "equilibrium angle: to first order": (
                "2 * np.arcsin(np.sqrt(lr * weight_decay / 2))",
                "np.sqrt(2 * lr * weight_decay)",
            ),
            "equilibrium angle: half of it": (
                "2 * np.arcsin(np.sqrt(lr * weight_decay / 2))",
                "np.arcsin(np.sqrt(lr * weight_decay / 2))",
            ),
            "equilibrium angle: van Laarhoven's penalty": (
                "np.sqrt(lr * weight_decay / 2)",
                "np.sqrt(lr * weight_decay)",
            ),
            "equilibrium angle: its tangent": (
                "2 * np.arcsin(np.sqrt(lr * weight_decay / 2))",
                "np.sqrt(1 / (1 - lr * weight_decay) ** 2 - 1)",
            ),
        },
    ),
    *mutants_of(
        "lab/weight_norm.py",
        {"equivalent training: any alpha": ("if not alpha > 0:", "if False:")},
        beside=True,
    ),
    *mutants_of(
        "lab/weight_paths.py",
        {
            "path: decay of all layers": (
                "SGD(others, lr, momentum)",
                "SGD(others, lr, momentum, weight_decay)",
            ),
            "path: no decay": (
                "SGD(hidden, lr, momentum, weight_decay)",
                "SGD(hidden, lr, momentum)",
            ),
            "path: velocity without decay": ("v += g + weight_decay * w", "v += g"),
            "path: velocity without momentum": (
                "            v *= momentum\n",
                "            v *= 0\n",
            ),
            "path: the other layers stay": (
                "        for optimizer in optimizers:",
                "        for optimizer in optimizers[:1]:",
            ),
            "path: angles without the part along": (
                'record["velocity_square"] * square - dot**2',
                'record["velocity_square"] * square',
            ),
            "path: angles of a step up": ("square - lr * dot)", "square + lr * dot)"),
            "walk: the gradient not divided": (
                " / np.linalg.norm(w)\n        w =",
                "\n        w =",
            ),
            "walk: a gradient that is not orthogonal": (
                "direction - (direction @ unit) * unit",
                "direction",
            ),
            "walk: no decay": ("(1 - lr * weight_decay) * w - lr * grad", "w - lr * grad"),
            "walk: any size": ("if size < 2:", "if size < 1:"),
        },
    ),
)
