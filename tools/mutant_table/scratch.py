"""Faults of `bncourse.scratch`."""

from tools.mutant_table.mutant import Mutant, mutants_of

MUTANTS: tuple[Mutant, ...] = (
    *mutants_of(
        "scratch/_arguments.py",
        {
            "one running array accepted": (
                "(running_mean is None) != (running_var is None)",
                "False",
            ),
            "warnings get through": ('np.errstate(all="ignore")', 'np.errstate(all="warn")'),
            "integers accepted": ("(array.dtype, np.floating)", "(array.dtype, np.number)"),
            "array of one axis accepted": ("if x.ndim < 2:", "if x.ndim < 1:"),
            "empty array of one axis refused": ("x.shape == (0,) and channels is None", "False"),
            "channels not checked": ("x.shape[1] != channels:", "x.shape[1] < 0:"),
            "shapes that broadcast accepted": (
                "if array.shape != shape:",
                "if array.ndim != len(shape) or not set(array.shape) <= {1, *shape}:",
            ),
            "parameters not copied": (
                "like(name, array, want).astype(wide(array.dtype))",
                "like(name, array, want).astype(wide(array.dtype), copy=False)",
            ),
            "statistics in float32": ("(dtype, np.float64)", "(dtype, np.float32)"),
            "one image taken for one value": (
                "if values_per_channel(x) == 1:",
                "if x.shape[0] == 1:",
            ),
            "empty batch refused": ("(x) == 1:", "(x) <= 1:"),
            "eps zero accepted in training": ("if not eps > 0:", "if not eps >= 0:"),
            "eps NaN accepted": ("if not eps >= 0:", "if eps < 0:"),
        },
    ),
    *mutants_of(
        "scratch/rows.py",
        {
            "wrong axis into rows": ("np.moveaxis(x, 1, -1).reshape(", "x.reshape("),
            "wrong axis out of rows": ("np.moveaxis(batch_last, -1, 1)", "rows.reshape(shape)"),
            "no widening": ("return rows.astype(wide(x.dtype), copy=False)", "return rows"),
        },
    ),
    *mutants_of(
        "scratch/forward.py",
        {
            "mean not looked at twice": ("mean + lost, mean)", "mean, mean)"),
            "infinite mean turned to NaN": (
                "np.where(np.isfinite(mean), mean + lost, mean)",
                "mean + lost",
            ),
            "unbiased normalization": (
                "/ len(x)  # eq-batch-var",
                "/ (len(x) - 1)  # eq-batch-var",
            ),
            "variance in one pass": (
                "((x - mean) ** 2).sum(axis=0) / len(x)",
                "(x**2).sum(axis=0) / len(x) - mean**2",
            ),
            "eps outside the root": ("1 / np.sqrt(var + eps)", "1 / (np.sqrt(var) + eps)"),
            "eps forgotten": ("1 / np.sqrt(var + eps)", "1 / np.sqrt(var)"),
            "NaN of one channel in all": (
                "1 / np.sqrt(var + eps)",
                "1 / np.sqrt(var + eps + 0 * var.sum())",
            ),
            "mean not taken off": ("return (x - mean) * inv_std", "return x * inv_std"),
            "gamma forgotten": ("return gamma * x_hat + beta", "return x_hat + beta"),
            "beta inside gamma": ("gamma * x_hat + beta", "gamma * (x_hat + beta)"),
            "rho forgotten": ("return rho * gamma**2", "return gamma**2"),
            "identity without eps": ("return np.sqrt(var + eps), ", "return np.sqrt(var), "),
            "identity's beta is the mean itself": ("mean.copy()", "mean"),
            "one value accepted in training": ("    enough_to_normalize(x)\n", ""),
            "any eps accepted in training": ("    eps_for_training(eps)\n", ""),
            "input centered in place": (
                "    var = batch_var(rows, mean)",
                "    rows -= mean\n    var = batch_var(rows, 0)",
            ),
            "cache's x_hat overwritten by y": (
                "y = scale_shift(x_hat, gamma, beta)  # eq-scale-shift",
                "x_hat *= gamma\n    y = x_hat + beta",
            ),
            "cache keeps rows that are not centered": ("centered = rows - mean", "centered = rows"),
            "numpy's settings decide in forward": (
                "@ieee\ndef batch_norm_forward",
                "def batch_norm_forward",
            ),
            "inference by the batch's mean": (
                "normalize(to_rows(x), mean,",
                "normalize(to_rows(x), batch_mean(to_rows(x)),",
            ),
        },
    ),
    *mutants_of(
        "scratch/forward.py",
        {
            "any eps accepted in inference": ("    eps_for_inference(eps)\n", ""),
            "empty array handed back itself": ("return x.copy()", "return x"),
        },
        beside=True,
    ),
    *mutants_of(
        "scratch/backward.py",
        {
            "dbeta averaged": ("return dy.sum(axis=0)", "return dy.mean(axis=0)"),
            "dgamma from dy alone": ("(dy * x_hat).sum(axis=0)", "dy.sum(axis=0)"),
            "gamma forgotten in dx_hat": ("return dy * gamma", "return dy * 1"),
            "dy scaled in place": ("return dy * gamma", "return np.multiply(dy, gamma, out=dy)"),
            "dvar with the wrong power": ("inv_std**3", "inv_std**2"),
            "dvar without its half": ("(inv_std**3) / 2)", "(inv_std**3))"),
            "dvar with the wrong sign": ("(-(inv_std**3)", "((inv_std**3)"),
            "dmean without its direct term": ("return direct + through_var", "return through_var"),
            "dmean without the variance's term": ("return direct + through_var", "return direct"),
            "staged: detached variance": ("+ dvar * 2 * centered / m + dmean", "+ dmean"),
            "staged: detached mean": (" + dmean / m", ""),
            "staged: factor 2 dropped": ("dvar * 2 * centered", "dvar * centered"),
            "staged: direct term dropped": ("return dx_hat * inv_std + dvar", "return dvar"),
            "closed: sum(dy) dropped, a detached mean": ("(m * dy - dbeta - ", "(m * dy - "),
            "closed: x_hat term dropped, a detached variance": (" - x_hat * dgamma)", ")"),
            "closed: detached statistics": ("(m * dy - dbeta - x_hat * dgamma)", "(m * dy)"),
            "closed: gamma forgotten": ("return gamma * inv_std / m", "return inv_std / m"),
            "closed: inv_std forgotten": ("return gamma * inv_std / m", "return gamma / m"),
            "closed: m - 1 for m": ("inv_std / m * (m", "inv_std / (m - 1) * (m"),
            "closed: sums exchanged": (
                "(rows, cache.x_hat, dgamma, dbeta,",
                "(rows, cache.x_hat, dbeta, dgamma,",
            ),
            "gradients not in x's dtype": (
                "dgamma.astype(cache.dtype), dbeta.astype",
                "dgamma, dbeta.astype",
            ),
            "inference: gradients not in x's dtype": (
                "dgamma.astype(dx.dtype), dbeta.astype",
                "dgamma, dbeta.astype",
            ),
            "inference: a term through the mean": (
                "gamma * inv_std * rows",
                "gamma * inv_std * (rows - rows.mean(axis=0))",
            ),
            "inference: gamma forgotten in dx": ("gamma * inv_std * rows", "inv_std * rows"),
            "inference: dgamma from x itself": (
                "normalize(to_rows(x), mean, inv_std)",
                "to_rows(x)",
            ),
            "staged: dvar from dy": (
                "grad_var(dx_hat, centered, inv_std)",
                "grad_var(rows, centered, inv_std)",
            ),
            "shape of dy not checked": (
                '    dy = like("dy", dy, cache.shape)\n',
                "    dy = np.asarray(dy)\n",
            ),
        },
    ),
    *mutants_of(
        "scratch/statistics.py",
        {
            "unbiased variance left biased": ("return var * m / (m - 1)", "return var"),
            "unbiased variance of one value": ("    if m < 2:", "    if m < 0:"),
            "momentum on the wrong side": (
                "(1 - momentum) * running + momentum * batch_value",
                "momentum * running + (1 - momentum) * batch_value",
            ),
            "merge: cross term dropped": (" + delta**2 * self.count * other.count / count", ""),
            "merge: cross term with the wrong weights": (
                "delta**2 * self.count * other.count",
                "delta**2 * self.count * self.count",
            ),
            "merge: means weighed by the other's count": (
                "delta * other.count / count",
                "delta * self.count / count",
            ),
            "merge: count of one part": (
                "return Moments(count, mean",
                "return Moments(self.count, mean",
            ),
            "merge: nothing not taken care of": ("if other.count == 0:", "if False:"),
            "merge: channels not checked": ("if ours != theirs:", "if False:"),
            "moments: variance for squared deviations": (
                "(rows, mean) * len(rows)",
                "(rows, mean)",
            ),
            "moments: arrays can be written to": ("array.flags.writeable = False", "pass"),
            "moments: the caller's arrays kept": (
                "array = array.astype(wide(array.dtype))",
                "array = array.astype(wide(array.dtype), copy=False)",
            ),
            "moments: negative count": ("if self.count < 0:", "if False:"),
            "pooling stops after two batches": (
                "reduce(Moments.merge, parts, first)",
                "first.merge(next(parts, first))",
            ),
            "Algorithm 2 without its factor": (
                "unbiased_var(batch_var(to_rows(x), mean), m)",
                "batch_var(to_rows(x), mean)",
            ),
            "Algorithm 2 with the variance between batches": (
                "np.mean(variances, axis=0)",
                "np.mean(variances, axis=0) + np.var(means, axis=0)",
            ),
        },
    ),
    *mutants_of(
        "scratch/functional.py",
        {
            "biased running variance": ("var = unbiased_var(cache.var, m)", "var = cache.var"),
            "running arrays not updated in place": ("running[...] = ", "running = "),
            "running average in a narrow dtype": (
                "old = running.astype(wide(running.dtype))",
                "old = running",
            ),
            "empty batch not taken care of": ("    if m == 0:", "    if m < 0:"),
            "evaluation by the batch's statistics": ("    if not training:", "    if False:"),
            "running arrays' shape not checked": ("    like(name, array, shape)\n", ""),
            "read-only running array noticed late": ("if not array.flags.writeable:", "if False:"),
            "beta of ones": ("np.zeros(channels) if bias", "np.ones(channels) if bias"),
        },
    ),
    *mutants_of(
        "scratch/batch_norm_layer.py",
        {
            "layer's gradients rounded to x's dtype": (
                "self.dgamma, self.dbeta = dgamma.astype(np.float64), dbeta.astype",
                "dbeta = dbeta.astype(dx.dtype)\n            "
                "self.dgamma, self.dbeta = dgamma.astype(np.float64), dbeta.astype",
            ),
            "layer: one running array accepted": ("both_or_neither(mean, var)", "pass"),
            "cumulative average a batch late": ("1 / count if", "1 / (count + 1) if"),
            "momentum None taken for 0.1": ("1 / count if", "0.1 if"),
            "empty batch not counted": (
                "self.num_batches_tracked = count",
                "self.num_batches_tracked = count - (x.size == 0)",
            ),
            "failed batch counted": (
                "update_running_statistics(mean, var, cache, momentum)\n"
                "                self.num_batches_tracked = count\n",
                "self.num_batches_tracked = count\n"
                "                update_running_statistics(mean, var, cache, momentum)\n",
            ),
            "evaluation by batch statistics": ("if self.training or mean is", "if True or mean is"),
            "training by running statistics": ("if self.training or mean is", "if mean is"),
            "frozen statistics go on": (
                "self.training and self.track_running_stats",
                "self.training",
            ),
            "eps not handed on": ("(x, gamma, beta, eps=self.eps)", "(x, gamma, beta)"),
            "dgamma and dbeta exchanged": ("dx, dgamma, dbeta = ", "dx, dbeta, dgamma = "),
            "evaluation remembers the caller's x": (
                "name: array.copy() for name, array in given",
                "name: array for name, array in given",
            ),
            "state_dict hands out the layer's arrays": (
                "name: array.copy() for name, array in self._arrays()",
                "name: array for name, array in self._arrays()",
            ),
            "state's names not checked": ("if own.keys() != state.keys():", "if False:"),
            "state's shapes not checked": (
                "like(name, value, (self.num_features,))",
                "np.asarray(value)",
            ),
            "count not loaded": ("self.num_batches_tracked = int(tracked)", "pass"),
        },
    ),
    *mutants_of(
        "scratch/layers.py",
        {
            "Sequential: a layer twice": ("if len({id(layer)", "if 0 > len({id(layer)"),
            "Linear remembers the caller's x": ("self._x = x.copy()", "self._x = x"),
            "Linear drawn too narrow": ("1 / np.sqrt(in_features)", "1 / in_features"),
            "Linear: dbias averaged": (
                "self.dbias = dy.sum(axis=0)\n",
                "self.dbias = dy.mean(axis=0)\n",
            ),
            "gradients summed in a narrow dtype": (
                "return array.astype(wide(array.dtype), copy=False)",
                "return array",
            ),
            "Conv2d: stride in one direction": (
                ":: self.stride, :: self.stride]",
                ":: self.stride]",
            ),
            "Conv2d: border repeated, not zero": ("border, border))", 'border, border), "edge")'),
            "Conv2d: kernel turned over": (
                "self.weight, ((1, 4, 5)",
                "self.weight[:, :, ::-1, ::-1], ((1, 4, 5)",
            ),
            "Conv2d: gradient without stride": (
                "slice(i, i + self.stride * height, self.stride)",
                "slice(i, i + height)",
            ),
            "Conv2d: overlapping gradients overwrite": ("rows, columns] += ", "rows, columns] = "),
            "Conv2d: padding cut off one side": (
                "dx[:, :, p : dx.shape[2] - p, p : dx.shape[3] - p]",
                "dx[:, :, 2 * p :, 2 * p :]",
            ),
            "Sigmoid: slope y": ("self._slope = y * (1 - y)", "self._slope = y"),
            "ReLU: slope 1 at zero": ("(x > 0).astype", "(x >= 0).astype"),
            "Sequential: backward in the same order": (
                "in reversed(self.layers):",
                "in self.layers:",
            ),
            "Sequential: evaluation of itself alone": (
                "            layer.eval()\n",
                "            pass\n",
            ),
        },
    ),
    *mutants_of(
        "scratch/training.py",
        {
            "softmax that overflows": ("logits - logits.max(axis=1, keepdims=True)", "logits"),
            "loss summed": ("[one_hot].mean()", "[one_hot].sum()"),
            "gradient of the summed loss": ("- one_hot) / n)", "- one_hot))"),
            "loss hands out its own gradient": ("self._dlogits.copy()", "self._dlogits"),
            "SGD: momentum damps the gradient": (
                "velocity += grad +",
                "velocity += (1 - self.momentum) * grad +",
            ),
            "SGD: weight decay with the wrong sign": (
                "grad + self.weight_decay",
                "grad - self.weight_decay",
            ),
            "SGD: weight decay apart from the velocity": (
                "velocity += grad + self.weight_decay * value\n",
                "velocity += grad\n            value -= self.lr * self.weight_decay * value\n",
            ),
            "SGD: the gradient changed in place": (
                "velocity += grad + self.weight_decay * value\n",
                "grad += self.weight_decay * value\n            velocity += grad\n",
            ),
            "SGD: the parameter not changed in place": ("value -= ", "value = value - "),
        },
    ),
    *mutants_of(
        "scratch/gradient_check.py",
        {
            "one-sided difference": ("        back[i] -= h\n", ""),
            "difference not weighed with dy": ("(dy * difference)", "difference"),
            "divided by 2 h": ("/ (forth[i] - back[i])", "/ (2 * h)"),
        },
    ),
)
