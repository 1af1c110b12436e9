"""Faults of what the chapter on training measures."""

from tools.mutant_table.mutant import Mutant, mutants_of

MUTANTS: tuple[Mutant, ...] = (
    *mutants_of(
        "lab/noise.py",
        {
            "noise that shifts before it scales": ("(a * x + b)", "(a * (x + b))"),
            "noise that only scales": ("(a * x + b)", "(a * x)"),
            "noise that only shifts": ("(a * x + b)", "(x + b)"),
            "noise with twice the shift": ("(a * x + b)", "(a * x + 2 * b)"),
        },
    ),
    *mutants_of(
        "lab/noise.py",
        {
            "noise the same in all channels": (
                "a = self.rng.uniform(1 - self.scale, 1 + self.scale, channels)",
                "a = self.rng.uniform(1 - self.scale, 1 + self.scale)",
            ),
            "noise that only enlarges": (
                "self.rng.uniform(1 - self.scale, 1 + self.scale, channels)",
                "self.rng.uniform(1, 1 + self.scale, channels)",
            ),
            "noise that shifts one way": (
                "self.rng.uniform(-self.shift, self.shift, channels)",
                "self.rng.uniform(0, self.shift, channels)",
            ),
            "noise without jitter of the scale": (
                "return a + noise_a, b + noise_b",
                "return a + 0 * noise_a, b + noise_b",
            ),
            "noise for each location": (
                "channels = (shape[1], *[1] * (len(shape) - 2))",
                "channels = shape[1:]",
            ),
            "noise forgotten in the gradient": ("(self._slope * dy)", "dy"),
            "noise never held": ("or not self.held:", "or True:"),
        },
    ),
    *mutants_of(
        "lab/noise.py",
        {"noise in evaluation too": ("if not self.training:", "if False:")},
        beside=True,
    ),
    *mutants_of(
        "lab/ghost.py",
        {
            "ghosts of the batch turned round": (
                "batch_norm_forward(_fold(x, chunks), gamma",
                "batch_norm_forward(_fold(x[::-1], chunks), gamma",
            ),
            "ghosts without eps": ("eps=self.eps)  # eq-ghost", "eps=0.1)  # eq-ghost"),
        },
    ),
    *mutants_of(
        "lab/ghost.py",
        {
            "ghosts' gradients averaged": (
                "grad.reshape(chunks, -1).sum(axis=0)",
                "grad.reshape(chunks, -1).mean(axis=0)",
            ),
            "ghosts' running variance biased": (
                "unbiased_var(cache.var, len(cache.x_hat))",
                "cache.var",
            ),
            "ghosts' running average of the first chunk": (
                "new.reshape(chunks, -1).mean(axis=0)",
                "new.reshape(chunks, -1)[0]",
            ),
        },
    ),
    *mutants_of(
        "lab/landscape.py",
        {
            "steps up the gradient": ("place - lr * slope", "place + lr * slope"),
            "steps that go on from the last one": ("place - lr * slope", "value - lr * slope"),
            "fall of the loss with the wrong sign": (
                "(self.start - self.loss) / self.promised",
                "(self.loss - self.start) / self.promised",
            ),
            "fall of the loss over the loss": (
                "(self.start - self.loss) / self.promised",
                "(self.start - self.loss) / self.start",
            ),
            "change of the gradient unscaled": ("self.distance / self.norm", "self.distance"),
            "change of the gradient over its square": (
                "self.distance / self.norm",
                "self.distance / self.norm**2",
            ),
            "smoothness as the mean": (
                "(self.distance / moved).max()",
                "(self.distance / moved).mean()",
            ),
            "smoothness per learning rate": (
                "(self.distance / moved).max()",
                "(self.distance / moved * self.norm).max()",
            ),
        },
    ),
    *mutants_of(
        "lab/landscape.py",
        {
            "slope that is not squared": (
                "np.asarray(lrs) * norm**2",
                "np.asarray(lrs) * norm",
            ),
        },
        beside=True,
    ),
    *mutants_of(
        "lab/landscape.py",
        {"largest part for the norm": ("sum(np.sum(part**2)", "max(np.sum(part**2)")},
    ),
    *mutants_of(
        "lab/looks.py",
        {
            "jump of the mean unit": ("np.median(jump(", "np.mean(jump("),
            "jump of half a step": ("SGD(after, scene.lr)", "SGD(after, scene.lr / 2)"),
            "accuracy in training mode": (
                'read = copy.deepcopy(network).eval()\n    return {"accuracy"',
                'read = copy.deepcopy(network).train()\n    return {"accuracy"',
            ),
        },
    ),
    *mutants_of(
        "lab/drift.py",
        {
            "jump with a sign": ("np.abs(after[1] - before[1])", "(after[1] - before[1])"),
            "jump of the lower percentile": (
                "np.abs(after[1] - before[1])",
                "np.abs(after[0] - before[0])",
            ),
            "jump in full widths": ("((before[2] - before[0]) / 2)", "(before[2] - before[0])"),
            "jump in the width after": (
                "((before[2] - before[0]) / 2)",
                "((after[2] - after[0]) / 2)",
            ),
        },
    ),
    *mutants_of(
        "lab/estimates.py",
        {
            "noise of x_hat without the variance's share": (
                "(1 + z * skewness + z**2 * (kurtosis - 1) / 4)",
                "(1 + z * skewness)",
            ),
            "noise of x_hat without the mean's share": (
                "(1 + z * skewness + z**2 * (kurtosis - 1) / 4)",
                "(z * skewness + z**2 * (kurtosis - 1) / 4)",
            ),
            "noise of x_hat without skewness": (
                "(1 + z * skewness + z**2 * (kurtosis - 1) / 4)",
                "(1 + z**2 * (kurtosis - 1) / 4)",
            ),
            "noise of x_hat with a relative variance unhalved": (
                "z**2 * (kurtosis - 1) / 4)",
                "z**2 * (kurtosis - 1))",
            ),
            "variance of x_hat for its noise": (
                "np.sqrt((1 + z * skewness + z**2 * (kurtosis - 1) / 4) / n)",
                "(1 + z * skewness + z**2 * (kurtosis - 1) / 4) / n",
            ),
        },
    ),
)
