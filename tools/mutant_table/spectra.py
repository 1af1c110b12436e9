"""Faults of `bncourse.lab.spectra`, `bncourse.lab.depth` and `bncourse.lab.rank`."""

from tools.mutant_table.mutant import Mutant, mutants_of

MUTANTS: tuple[Mutant, ...] = (
    *mutants_of(
        "lab/spectra.py",
        {
            "norm spectrum: the sign of gamma kept": ("return np.abs(gamma) *", "return gamma *"),
            "norm spectrum: gamma forgotten": ("return np.abs(gamma) *", "return"),
            "norm spectrum: eps neglected": ("eps / s**3, 0.0]", "0.0, 0.0]"),
            "norm spectrum: eps over the variance": ("eps / s**3", "eps / s**2"),
            "norm spectrum: as in evaluation": (
                "[1 / s] * (m - 2) + [eps / s**3, 0.0]",
                "[1 / s] * m",
            ),
            "norm spectrum: only the mean removed": (
                "[1 / s] * (m - 2) + [eps / s**3, 0.0]",
                "[1 / s] * (m - 1) + [0.0]",
            ),
            "norm spectrum: eps outside the root": ("np.sqrt(var + eps)\n", "np.sqrt(var) + eps\n"),
            "layer Jacobian: factors of other units": (
                "(gamma * inv_std)[:,",
                "(gamma * inv_std)[::-1,",
            ),
            "layer Jacobian: gamma forgotten": ("(gamma * inv_std)[:", "inv_std[:"),
            "layer Jacobian: statistics forgotten": ("(gamma * inv_std)[:", "gamma[:"),
            "layer Jacobian: variance for standard deviation": (
                "(gamma * inv_std)[:",
                "(gamma * inv_std**2)[:",
            ),
            "population variance: input taken as white": (
                "((weight @ cov) * weight)",
                "(weight**2)",
            ),
            "population variance: correlation ignored": (
                "(weight @ cov)",
                "(weight * np.diag(cov))",
            ),
            "population variance: covariance twice": (
                "(weight @ cov) * weight)",
                "(weight @ cov) * (weight @ cov))",
            ),
            "RMS: always one": ("fan_out / min(fan_out, fan_in)", "fan_out / fan_out"),
            "RMS: over fan_in": ("fan_out / min(fan_out, fan_in)", "fan_out / fan_in"),
            "RMS: upside down": (
                "fan_out / min(fan_out, fan_in)",
                "fan_out / max(fan_out, fan_in)",
            ),
            "RMS: not the root": (
                "np.sqrt(fan_out / min(fan_out, fan_in))",
                "fan_out / min(fan_out, fan_in)",
            ),
            "Jacobian's square: input taken as white": (
                "/ population_var(weight, cov)).sum()",
                "/ (weight**2).sum(axis=1)).sum()",
            ),
            "Jacobian's square: a ratio of sums": (
                "((weight**2).sum(axis=1) / population_var(weight, cov)).sum()",
                "len(weight) * (weight**2).sum() / population_var(weight, cov).sum()",
            ),
            "Jacobian's square: the root": (
                "(weight**2).sum(axis=1) /",
                "np.abs(weight).sum(axis=1) /",
            ),
            "density: of the eigenvalues": (
                "root / (np.pi * min(q, 1) * values)",
                "root / (2 * np.pi * min(q, 1) * values**2)",
            ),
            "density: zeros counted": ("np.pi * min(q, 1) *", "np.pi * q *"),
            "density: of a square map": ("q = fan_out / fan_in", "q = 1"),
            "density: sides exchanged": ("q = fan_out / fan_in", "q = fan_in / fan_out"),
            "density: edges not squared": ("(1 + np.sqrt(q)) ** 2", "1 + np.sqrt(q)"),
            "whitened: not whitened": (
                "vectors / np.sqrt(values) @ vectors.T @ weight",
                "weight",
            ),
            "whitened: covariance for its root": (
                "vectors / np.sqrt(values) @",
                "vectors / values @",
            ),
            "whitened: not turned back": ("@ vectors.T @ weight", "@ weight"),
            "whitened: input taken as white": ("(weight @ cov @ weight.T)", "(weight @ weight.T)"),
            "batch Jacobian: statistics held fixed": (
                "np.stack([jacobian(*column) for column in columns])",
                "np.stack([g * i * np.eye(len(u)) for _, g, i in columns])",
            ),
            "batch Jacobian: gamma forgotten": (
                "zip(x_hat.T, gamma, inv_std, strict=True)",
                "zip(x_hat.T, gamma**0, inv_std, strict=True)",
            ),
            "batch Jacobian: weights of other units": (
                'ck->icjk", norms, weight)',
                'ck->icjk", norms, weight[::-1])',
            ),
        },
    ),
    *mutants_of(
        "lab/depth.py",
        {
            "growth: the slope's square forgotten": ("weight @ slope**2", "weight @ slope"),
            "growth: second moment for variance": (
                "weight @ (z - weight @ z) ** 2",
                "weight @ z**2",
            ),
            "growth: of the square": (
                "float(np.sqrt(weight @ slope**2 / var))",
                "float(weight @ slope**2 / var)",
            ),
            "growth: not divided by the spread": ("slope**2 / var", "slope**2"),
            "growth: a wider Gaussian": ("np.exp(-(y**2) / 2)", "np.exp(-(y**2) / 4)"),
            "residual: the branch's variance alone": (
                "1 + growth**2 / var",
                "1 + growth**2",
            ),
            "residual: growth not squared": ("growth**2 / var", "growth / var"),
            "residual: no skip connection": ("np.prod(1 + growth", "np.prod(growth"),
            "residual: variance from zero on": (
                "np.arange(1, blocks + 1)",
                "np.arange(2, blocks + 2)",
            ),
            "residual: not the root": (
                "float(np.sqrt(np.prod(1 + growth**2 / var)))",
                "float(np.prod(1 + growth**2 / var))",
            ),
        },
    ),
    *mutants_of(
        "lab/rank.py",
        {
            "participation: not centered": ("    x = x - x.mean(axis=0)\n", ""),
            "participation: trace not squared": ("np.trace(cov) ** 2 /", "np.trace(cov) /"),
            "participation: variances alone": ("(cov**2).sum()", "(np.diag(cov) ** 2).sum()"),
            "participation: of the singular values": (
                "np.trace(cov) ** 2 / (cov**2).sum()",
                "np.linalg.norm(x, 'nuc') ** 2 / (x**2).sum()",
            ),
            "normalized participation: C pairs": ("(channels - 1) *", "channels *"),
            "normalized participation: upside down": (
                "channels / (1 +",
                "(1 +",
            ),
            "normalized participation: number of channels": (
                "channels / (1 + (channels - 1) * mean_square_correlation)",
                "channels * (1 - mean_square_correlation)",
            ),
        },
    ),
)
