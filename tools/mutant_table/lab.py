"""Faults of `bncourse.lab`."""

from tools.mutant_table.mutant import Mutant, mutants_of

MUTANTS: tuple[Mutant, ...] = (
    *mutants_of(
        "lab/adaptation.py",
        {
            "layer shift: in stds of the shifted images": (
                "(shifted.mean - clean.mean) / clean_std",
                "(shifted.mean - clean.mean) / shifted_std",
            ),
            "layer shift: not in stds": (
                "(shifted.mean - clean.mean) / clean_std",
                "shifted.mean - clean.mean",
            ),
            "layer shift: sign turned": (
                "shifted.mean - clean.mean",
                "clean.mean - shifted.mean",
            ),
            "layer shift: ratio upside down": (
                "shifted_std / clean_std",
                "clean_std / shifted_std",
            ),
            "layer shift: ratio of variances": (
                "shifted_std / clean_std",
                "shifted.var / clean.var",
            ),
            "affine input: eps times a squared": ("eps / a**2", "eps * a**2"),
            "affine input: a not squared": ("eps / a**2", "eps / abs(a)"),
            "affine input: eps as it was": ("eps / a**2", "eps"),
            "affine input: zero accepted": ("if a == 0:", "if a is None:"),
            "mixture: weights exchanged": (
                "prior / (prior + n), n / (prior + n)",
                "n / (prior + n), prior / (prior + n)",
            ),
            "mixture: the prior left out": ("prior / (prior + n), n / (prior + n)", "0.0, 1.0"),
            "mixture: weights of a half": ("prior / (prior + n), n / (prior + n)", "0.5, 0.5"),
            "mixture: unbiased variance": ("new * test.var", "new * test.unbiased_var"),
            "mixture: the variance of training left": (
                "old * var + new * test.var",
                "var",
            ),
            "mixture: the distance of the means in the variance": (
                "old * var + new * test.var",
                "old * var + new * test.var + old * new * (mean - test.mean) ** 2",
            ),
            "mixture: standard deviations mixed": (
                "old * var + new * test.var",
                "(old * np.sqrt(var) + new * np.sqrt(test.var)) ** 2",
            ),
            "mixture: the mean of training left": ("old * mean + new * test.mean", "mean"),
            "mixture: values counted, not images": (
                "Moments.of(y), len(images), prior",
                "Moments.of(y), y.size, prior",
            ),
            "mixture: no image": ("    if n < 1:", "    if n < 0:"),
            "mixture: any prior": ("if not 0 <= prior < np.inf:", "if prior == -2:"),
            "mixture: shapes that broadcast": (
                "if old_value.shape != test.mean.shape:",
                "if False:",
            ),
            "adapt: the network itself": (
                "copy.deepcopy(network).eval()",
                "network.eval()",
            ),
            "adapt: in training mode": ("(network).eval()", "(network).train()"),
            "adapt: one prior for all": ("len(images), prior\n", "len(images), 0\n"),
            "adapt: later layers fed by the old ones": (
                "        y = layer.forward(y)\n",
                "        y = network.layers[adapted.layers.index(layer)].forward(y)\n",
            ),
        },
    ),
    *mutants_of(
        "lab/corruptions.py",
        {
            "contrast: about the paper": ("0.5 + factor * (images - 0.5)", "factor * images"),
            "brightness: not cut off": ("np.clip(images + shift, 0, 1)", "images + shift"),
            "noise: variance for standard deviation": (
                "rng.normal(0, std, images.shape)",
                "rng.normal(0, std**2, images.shape)",
            ),
            "noise: the same for all images": ("images.shape), 0", "images.shape[1:]), 0"),
            "noise: not cut off": (
                "np.clip(images + rng.normal(0, std, images.shape), 0, 1)",
                "images + rng.normal(0, std, images.shape)",
            ),
            "blur: darker at the border": ("axis=1, keepdims=True)", "axis=1).max()"),
            "blur: wider by root two": ("/ std) ** 2) / 2)", "/ std) ** 2) / 4)"),
            "blur: columns left sharp": ("rows @ images @ columns.T", "rows @ images"),
        },
    ),
    *mutants_of(
        "lab/density_ratio.py",
        {
            "classifier weight: sizes exchanged": ("n_train / n_test *", "n_test / n_train *"),
            "classifier weight: sizes left out": ("n_train / n_test * np.exp", "np.exp"),
            "classifier weight: odds the wrong way round": ("np.exp(logit)", "np.exp(-logit)"),
            "classifier weight: probability for odds": (
                "np.exp(logit)",
                "(1 / (1 + np.exp(-logit)))",
            ),
            "classifier weight: logit for odds": ("* np.exp(logit)", "* logit"),
            "classifier: labels exchanged": ("np.repeat([0.0, 1.0]", "np.repeat([1.0, 0.0]"),
            "classifier: new inputs standardized by themselves": (
                "(at - x.mean()) / x.std()",
                "(at - at.mean()) / at.std()",
            ),
            "classifier: stopped early": ("< 1e-10 * max", "< 1e-1 * max"),
            "classifier: accepts what it can tell apart": (
                "if rank <= degree or not np.isfinite(theta).all():",
                "if len(theta) < 0:",
            ),
            "classifier: never converged, and silent": (
                '    raise ValueError("x_train, x_test: want samples that overlap',
                '    return lambda at: features(at) @ theta\n    print("x_train',
            ),
        },
    ),
    *mutants_of(
        "lab/density_ratio.py",
        {"classifier weight: empty sample accepted": ("n_train < 1 or n_test < 1", "False")},
        beside=True,
    ),
    *mutants_of(
        "lab/drift.py",
        {
            "percentiles: of the first sigmoid": ("percentile(inputs[-1]", "percentile(inputs[0]"),
            "percentiles: by running statistics": (
                "copy.deepcopy(network).train(), images)",
                "copy.deepcopy(network).eval(), images)",
            ),
            "percentiles: running statistics touched": (
                "copy.deepcopy(network).train(), images)",
                "network.train(), images)",
            ),
            "percentiles: over the units": ("(15, 50, 85), axis=0", "(15, 50, 85), axis=-1"),
            "drift: the whole width": ("axis=0) / 2", "axis=0)"),
            "drift: the last width alone": (
                "np.mean(high - low, axis=0) / 2",
                "(high - low)[-1] / 2",
            ),
            "drift: the median width": (
                "np.mean(high - low, axis=0) / 2",
                "np.median(high - low, axis=0) / 2",
            ),
            "drift: half the way": (
                "median.max(axis=0) - median.min(axis=0)",
                "np.abs(median - median.mean(axis=0)).max(axis=0)",
            ),
            "drift: from start to end": (
                "median.max(axis=0) - median.min(axis=0)",
                "np.abs(median[-1] - median[0])",
            ),
            "drift: not in units of the spread": (
                "(median.max(axis=0) - median.min(axis=0)) / spread",
                "median.max(axis=0) - median.min(axis=0)",
            ),
            "drift: of a border": ("low, median, high = np", "median, low, high = np"),
            "gradient shift: the sum": ("np.linalg.norm(g - h) for", "np.linalg.norm(g + h) for"),
            "gradient shift: squared": (
                "np.linalg.norm(g - h) for",
                "np.sum((g - h) ** 2) for",
            ),
            "gradient shift: spectral norm": (
                "np.linalg.norm(g - h) for",
                "np.linalg.norm(g - h, 2) for",
            ),
            "gradient shift: relative to the later gradient": ("sizes[:, 0]", "sizes[:, 1]"),
            "gradient shift: the layer itself updated": (
                "        after.append(_weight_gradients(twin, images, labels)[i])\n"
                "        for value, step in update:\n"
                "            value -= step\n",
                "        for value, step in update:\n"
                "            value -= step\n"
                "        after.append(_weight_gradients(twin, images, labels)[i])\n",
            ),
            "gradient shift: uphill": ("value -= step", "value += step"),
            "gradient shift: learning rate left out": ("(value, lr * grad)", "(value, 1.0 * grad)"),
            "gradient shift: in evaluation mode": (
                "twin = copy.deepcopy(network).train()",
                "twin = copy.deepcopy(network).eval()",
            ),
            "gradient shift: the network itself updated": (
                "twin = copy.deepcopy(network).train()",
                "twin = network.train()",
            ),
            "gradient shift: batch norms not updated": (
                "isinstance(layer, Linear):\n            groups.append([])\n        if groups:",
                "isinstance(layer, Linear):\n            groups.append([])\n        if groups and "
                "isinstance(layer, Linear):",
            ),
            "gradient shift: cosine without the later size": (
                "inner / sizes.prod(axis=1)",
                "inner / sizes[:, 0] ** 2",
            ),
            "follow: a step late": ("start=1", "start=0"),
            "follow: the start not seen": ("seen = {0: observe(network)}", "seen = {}"),
        },
    ),
    *mutants_of(
        "lab/estimates.py",
        {
            "identity error: kurtosis for kurtosis - 1": (
                "(1 + (kurtosis - 1) / 4)",
                "(1 + kurtosis / 4)",
            ),
            "identity error: the deviation's share left out": ("(1 + (kurtosis - 1) / 4)", "1"),
            "identity error: the mean's share left out": (
                "(1 + (kurtosis - 1) / 4)",
                "((kurtosis - 1) / 4)",
            ),
            "batch variance taken for unbiased": ("return var - var_of_batch_mean", "return var"),
            "batch variance above the population's": ("var - var_of", "var + var_of"),
            "initial share: momentum weighs the old value": ("(1 - momentum) ** t", "momentum**t"),
            "initial share: one batch too many": ("** t)", "** (t + 1))"),
            "running noise: variance for standard deviation": (
                "np.sqrt(momentum / (2 - momentum))",
                "momentum / (2 - momentum)",
            ),
            "running noise: batches weighed alike": ("/ (2 - momentum)", "/ 2"),
            "estimates: Algorithm 2 a batch late": ("start=1)", "start=2)"),
            "estimates: biased variance followed": (
                "(part.mean, part.unbiased_var)",
                "(part.mean, part.var)",
            ),
            "estimates: the truth biased": (
                "truth = population.unbiased_var",
                "truth = population.var",
            ),
        },
    ),
    *mutants_of(
        "lab/geometry.py",
        {
            "Jacobian without the mean": ("(np.eye(m) - 1 / m - np", "(np.eye(m) - np"),
            "Jacobian without the variance": (" - np.outer(x_hat, x_hat) / m)", ")"),
            "Jacobian without gamma": (
                "return gamma * inv_std * (np.eye",
                "return inv_std * (np.eye",
            ),
            "Jacobian with a unit vector": (
                "np.outer(x_hat, x_hat) / m",
                "np.outer(x_hat, x_hat) / (x_hat @ x_hat)",
            ),
            "parts: along x_hat as if rho were 1": (
                "square = (x_hat**2).sum(axis=0)",
                "square = 0 * x_hat.sum(axis=0) + len(x_hat)",
            ),
            "parts: the rest keeps the mean": (
                "dy - along_one - along_x_hat)",
                "dy - along_x_hat)",
            ),
            "parts: along one as large as the sum": ("dy.mean(axis=0)", "dy.sum(axis=0)"),
            "projection with eps forgotten": (
                "(1 - rho) * parts.along_x_hat + parts.rest",
                "parts.rest",
            ),
            "projection keeps rho": ("(1 - rho) * parts", "rho * parts"),
            "projection keeps the mean": (
                "+ parts.rest  #",
                "+ parts.rest + parts.along_one  #",
            ),
            "square: eps forgotten": ("(2 - rho) * stretched", "stretched"),
            "square: mean's part kept": (" - shifted - (2", " - (2"),
            "square: below zero by rounding": ("np.maximum(kept, 0)", "kept"),
            "square: gamma not squared": (
                "(gamma * inv_std) ** 2 * np.maximum",
                "gamma * inv_std**2 * np.maximum",
            ),
        },
    ),
    *mutants_of(
        "lab/importance.py",
        {
            "density not normalized": ("np.sqrt(2 * np.pi) * self.std", "np.sqrt(2 * np.pi)"),
            "density: half forgotten": ("np.exp(-(z**2) / 2)", "np.exp(-(z**2))"),
            "spread of zero accepted": ("if not self.std > 0:", "if not self.std >= 0:"),
            "weight upside down": (
                "train.std / test.std * np.exp((z_train**2 - z_test**2) / 2)",
                "test.std / train.std * np.exp((z_test**2 - z_train**2) / 2)",
            ),
            "weight without the ratio of the spreads": ("train.std / test.std * np", "np"),
            "weight: spreads' ratio upside down": (
                "return train.std / test.std",
                "return test.std / train.std",
            ),
            "weight: half forgotten": ("z_test**2) / 2)", "z_test**2))"),
            "mean square weight: room 2 s - s": ("room = 2 * train", "room = train"),
            "mean square weight: spreads exchanged in room": (
                "2 * train.std**2 - test.std**2",
                "2 * test.std**2 - train.std**2",
            ),
            "mean square weight: always finite": ("if room <= 0:", "if False:"),
            "mean square weight: finite at twice the variance": ("if room <= 0:", "if room < 0:"),
            "mean square weight: spread left out": ("(spread * np.exp(", "(np.exp("),
            "mean square weight: spread not rooted": ("np.sqrt(room)", "room"),
            "mean square weight: exponent halved": ("** 2 / room", "** 2 / (2 * room)"),
            "mean square weight: distance not squared": (
                "(train.mean - test.mean) ** 2",
                "abs(train.mean - test.mean)",
            ),
            "effective size: upside down": (
                "weights.sum() ** 2 / (weights**2).sum()",
                "(weights**2).sum() / weights.sum() ** 2",
            ),
            "effective size: sum not squared": ("weights.sum() ** 2", "weights.sum()"),
            "effective size: the square of the sum below too": (
                "(weights**2).sum()",
                "(weights.sum() ** 2)",
            ),
            "effective size: weights above zero counted": (
                "weights.sum() ** 2 / (weights**2).sum()",
                "(weights > 0).sum()",
            ),
            "effective size: sum over the largest": (
                "sum() ** 2 / (weights**2).sum()",
                "sum() / weights.max()",
            ),
            "weighted fit: weights squared": ("root = np.sqrt(weights)\n", "root = weights\n"),
            "weighted fit: weights ignored": (
                "root = np.sqrt(weights)\n",
                "root = np.ones_like(weights)\n",
            ),
            "weighted fit: targets without weights": ("features, root * y)", "features, y)"),
            "weighted fit: features without weights": (
                "root[:, None] * features, root",
                "features, root",
            ),
            "prediction variance: weights ignored": (
                "root = np.sqrt(weights)[:, None]",
                "root = np.sign(weights)[:, None]",
            ),
            "prediction variance: inverse of the weighted information": (
                "np.linalg.pinv(root * features) * root.T",
                "np.linalg.pinv(root * features)",
            ),
            "prediction variance: deviation": ("noise**2 * ((new", "noise * ((new"),
            "prediction variance: noise left out": ("noise**2 * ((new", "((new"),
            "prediction variance: averaged": ("** 2).sum(axis=1)  #", "** 2).mean(axis=1)  #"),
            "prediction variance: sum before square": (
                "((new @ a) ** 2).sum(axis=1)",
                "(new @ a).sum(axis=1) ** 2",
            ),
        },
    ),
    *mutants_of(
        "lab/importance.py",
        {
            "weight: 0/0 far out": (
                "return train.std / test.std * np.exp((z_train**2 - z_test**2) / 2)",
                "return test.density(x) / train.density(x)",
            ),
            "effective size of nothing": (" or not 0 < weights.max(initial=0) < np.inf", ""),
            "effective size: negative weights accepted": ("not (weights >= 0).all() or ", ""),
            "effective size: tiny weights squared": (
                "    weights = weights / weights.max()",
                "    weights = weights / 1",
            ),
            "prediction variance: any rank": ("features)) < features.shape[1]:", "features)) < 0:"),
            "weighted fit: shape of y not checked": ("if y.shape != weights.shape:", "if False:"),
            "weighted fit: one of many solutions": ("if rank < features.shape[1]:", "if False:"),
            "prediction variance: points not checked": (
                "if new.ndim != 2 or new.shape[1] != features.shape[1]:",
                "if False:",
            ),
        },
        beside=True,
    ),
    *mutants_of(
        "lab/importance.py",
        {
            "importance: features not checked": ("if features.ndim != 2:", "if False:"),
            "importance: shape of weights not checked": (
                "if weights.shape != (len(features),):",
                "if False:",
            ),
            "importance: weights' sign not checked": (
                "if not (weights >= 0).all():",
                "if False:",
            ),
        },
    ),
    *mutants_of(
        "lab/mistakes.py",
        {
            "detached layer is right": (
                "x_hat, none, none, cache.gamma",
                "x_hat, grad_gamma(rows, cache.x_hat), grad_beta(rows), cache.gamma",
            ),
            "detached layer: never called": ("def _through_batch(", "def _through_the_batch("),
            "mistakes: the mean detached, and the variance": (
                '"mean detached": closed(dbeta=none)',
                '"mean detached": closed(dbeta=none, dgamma=none)',
            ),
            "mistakes: not zero": ("np.zeros_like(rows)", "1e-6 * rows"),
            "mistakes: sign of the mean's term": (
                "closed(dgamma=-dgamma)",
                "closed(dbeta=-dbeta)",
            ),
            "mistakes: gamma squared": ("gamma=np.ones_like(gamma)", "gamma=gamma**2"),
            "mistakes: unbiased, and eps with it": (
                "var * m / (m - 1) + eps",
                "(var + eps) * m / (m - 1)",
            ),
            "mistakes: unbiased the wrong way": ("var * m / (m - 1)", "var * (m - 1) / m"),
            "mistakes: eps left out": ("(np.sqrt(var) + eps)", "np.sqrt(var)"),
            "mistakes: shape of dy not checked": (
                'like("dy", dy, cache.shape)',
                "np.asarray(dy)",
            ),
            "detached layer: warns of infinities and empty batches": ("    @ieee\n", ""),
            "detached: a new layer's numbers": (
                "    detached.load_state_dict(layer.state_dict())\n",
                "",
            ),
            "detached: numbers shared": (
                "detached.load_state_dict(layer.state_dict())",
                "vars(detached).update(vars(layer))",
            ),
            "detached: affine whatever it was": ("layer.affine, layer.track", "True, layer.track"),
            "detached: tracked whatever it was": (
                "layer.affine, layer.track_running_stats",
                "layer.affine, True",
            ),
            "detached: momentum of a new layer": ("layer.eps, layer.momentum", "layer.eps, 0.1"),
            "detached: eps of a new layer": ("layer.eps, layer.momentum", "1e-5, layer.momentum"),
            "detached: in training mode": ("    detached.training = layer.training\n", ""),
            "detached: network in training mode": (
                "    result.training = network.training\n",
                "",
            ),
            "detached: one mode for all layers": (
                "    result.training = network.training\n",
                "    result.train() if network.training else result.eval()\n",
            ),
        },
    ),
    *mutants_of(
        "lab/shifts.py",
        {
            "shifts: half the slope": ("slope = 2 * CENTERS[1]", "slope = CENTERS[1]"),
            "shifts: concept shift moves the points": (
                "Sample(same, _labels(same @ turned, rng)",
                "Sample(moved, _labels(moved @ turned, rng)",
            ),
            "shifts: covariate shift with another concept": (
                "_labels(moved @ slope, rng), slope",
                "_labels(moved @ turned, rng), turned",
            ),
            "shifts: label shift with a probability for odds": ("np.log(9)", "np.log(0.9)"),
            "shifts: label shift moves the points of a label": (
                "CENTERS[mostly] + rng",
                "CENTERS[even] + rng",
            ),
        },
    ),
    *mutants_of(
        "lab/toy.py",
        {
            "best line: 3 m**2 s for 3 m s**2": ("3 * m * s**2", "3 * m**2 * s"),
            "best line: the curve's height at the mean": (" + 3 * m * s**2", ""),
            "best line: the curve's slope at the mean": ("3 * (m**2 + s**2)", "3 * m**2"),
            "best line: slope without its factor": ("3 * (m**2 + s**2)", "(m**2 + s**2)"),
            "best line: slope with the wrong sign": ("-1 + 3 * (", "1 + 3 * ("),
            "best line: height with the wrong sign": ("-m + m**3", "m + m**3"),
            "best line: height for intercept": ("height - slope * m)", "height)"),
            "line error: without noise": ("noise**2\n        + (18", "0.0\n        + (18"),
            "line error: noise not squared": ("noise**2\n", "noise\n"),
            "line error: the quadratic part left out": ("18 * m**2 * s**4 + ", ""),
            "line error: the cubic part left out": (" + 6 * s**6", ""),
            "line error: without the factor 2 of the square": ("18 * m**2", "9 * m**2"),
            "line error: 15 for 6": ("6 * s**6", "15 * s**6"),
            "line error: slope's part not scaled": ("best.slope) ** 2 * s**2", "best.slope) ** 2"),
            "line error: slope's part left out": (
                "        + (line.slope - best.slope) ** 2 * s**2\n",
                "",
            ),
            "line error: intercepts compared": (
                "(line(m) - best(m)) ** 2",
                "(line.intercept - best.intercept) ** 2",
            ),
            "line error: height's part left out": ("        + (line(m) - best(m)) ** 2\n", ""),
            "fit_line: weights ignored": (
                "np.ones_like(x) if weights is None",
                "np.ones_like(x) if True",
            ),
            "fit_line: slope and intercept exchanged": (
                "intercept, slope = w",
                "slope, intercept = w",
            ),
            "cubic without its linear part": ("return -x + x**3", "return x**3"),
            "draw: noise left out": (" + rng.normal(0, NOISE, n)", ""),
        },
    ),
    *mutants_of(
        "lab/twins.py",
        {
            "twin shares the parameters": (
                "linear.weight.copy_(torch.tensor(layer.weight))",
                "linear.weight.set_(torch.from_numpy(layer.weight))",
            ),
            "twin in evaluation mode": ("(network.train()(x[rows])", "(network.eval()(x[rows])"),
            "twin without the loaded state": ("        norm.load_state_dict(", "        dict("),
            "twin of a subclass of Linear": ("type(layer) is Linear", "isinstance(layer, Linear)"),
            "twin of a detached layer": (
                "type(layer) is BatchNorm",
                "isinstance(layer, BatchNorm)",
            ),
            "twin's layers in training mode": (".train(layer.training)", ".train()"),
            "twin as a whole in training mode": ("    twin.training = network.training\n", ""),
            "twin with one mode for all layers": (
                "    twin.training = network.training\n",
                "    twin.train(network.training)\n",
            ),
            "twin: momentum of a new layer": ("layer.eps, layer.momentum", "layer.eps, 0.1"),
            "twin: eps of a new layer": ("layer.eps, layer.momentum", "1e-5, layer.momentum"),
            "twin: affine whatever it was": ("layer.affine, layer.track", "True, layer.track"),
            "twin: tracked whatever it was": (
                "layer.affine, layer.track_running_stats",
                "layer.affine, True",
            ),
        },
    ),
    *mutants_of(
        "lab/whitening.py",
        {
            "whiten: not centered": ("return (x - mean) @ inverse_root", "return x @ inverse_root"),
            "whiten: the root itself": ("vectors / np.sqrt", "vectors * np.sqrt"),
            "whiten: no root": ("np.sqrt(values + eps) @", "(values + eps) @"),
            "whiten: eps outside the root": (
                "np.sqrt(values + eps)",
                "(np.sqrt(values) + eps)",
            ),
            "whiten: not rotated back": (
                "np.sqrt(values + eps) @ vectors.T",
                "np.sqrt(values + eps)",
            ),
            "whiten: unbiased covariance": ("/ len(x)", "/ (len(x) - 1)"),
            "whiten: standardized only": (
                "return (x - mean) @ inverse_root",
                "return (x - mean) / np.sqrt(np.diag(cov) + eps)",
            ),
            "whiten: rank not checked": ("if not values[0] + eps > noise:", "if False:"),
            "whiten: noise taken for an eigenvalue": (
                "if not values[0] + eps > noise:",
                "if not values[0] + eps > -1:",
            ),
            "whiten: eps not counted": ("values[0] + eps > noise", "values[0] > noise"),
            "whiten: any shape": ("if x.ndim != 2 or", "if x.ndim < 2 or"),
            "whitened covariance: the identity": (
                "cov @ np.linalg.inv(cov + eps * np.eye(len(cov)))",
                "np.eye(len(cov))",
            ),
            "whitened covariance: eps on every entry": ("eps * np.eye(len(cov))", "eps"),
            "whitened covariance: not inverted": (
                "np.linalg.inv(cov + eps * np.eye(len(cov)))",
                "(cov + eps * np.eye(len(cov)))",
            ),
            "standardized covariance: one side": ("cov * inv_std  #", "cov  #"),
            "standardized covariance: no root": (
                "1 / np.sqrt(np.diag(cov) + eps)",
                "1 / (np.diag(cov) + eps)",
            ),
            "standardized covariance: eps left out": ("np.diag(cov) + eps", "np.diag(cov)"),
            "standardized covariance: eps outside the root": (
                "np.sqrt(np.diag(cov) + eps)",
                "(np.sqrt(np.diag(cov)) + eps)",
            ),
        },
    ),
)
