"""The layers: torch's own classes, with another function inside."""

import torch
import torch.fx
from torch import Tensor, nn

from bncourse.nn import functional


class _BatchNorm(nn.modules.batchnorm._BatchNorm):
    def forward(self, input: Tensor) -> Tensor:  # noqa: A002  torch's name
        """Normalize a batch.

        Parameters
        ----------
        input : tensor, shape (N, C, *locations)

        Returns
        -------
        tensor, shape and dtype of `input`
        """
        # Nested, since a script leaves out what stands under this very condition.
        if not torch.jit.is_scripting():  # noqa: SIM102
            # A leaf of the graph, as torch's own layers are within a network.
            if isinstance(input, torch.fx.Proxy) and input.tracer.root is not self:
                path = input.tracer.path_of_module(self)
                return input.tracer.create_proxy("call_module", path, (input,), {})
        self._check_input_dim(input)
        momentum = 0.0 if self.momentum is None else self.momentum
        tracks = self.training and self.track_running_stats
        if tracks and self.num_batches_tracked is not None:
            self.num_batches_tracked.add_(1)
            if self.momentum is None:
                momentum = 1.0 / float(self.num_batches_tracked)
        # Buffers that are there but not tracked must not be updated.
        used = tracks or not self.training
        return functional.batch_norm(
            input,
            self.running_mean if used else None,
            self.running_var if used else None,
            self.weight,
            self.bias,
            self.training or (self.running_mean is None and self.running_var is None),
            momentum,
            self.eps,
        )

    def _get_name(self) -> str:
        """Return the name that print shows, which tells our layers from torch's."""
        return (
            f"bncourse.nn.{super()._get_name()}" if type(self) in _TORCHS else super()._get_name()
        )


class BatchNorm1d(_BatchNorm, nn.BatchNorm1d):
    """torch.nn.BatchNorm1d, more exact; takes the same arguments."""


class BatchNorm2d(_BatchNorm, nn.BatchNorm2d):
    """torch.nn.BatchNorm2d, more exact; takes the same arguments."""


class BatchNorm3d(_BatchNorm, nn.BatchNorm3d):
    """torch.nn.BatchNorm3d, more exact; takes the same arguments."""


_OURS: dict[type[nn.Module], type[nn.Module]] = {
    nn.BatchNorm1d: BatchNorm1d,
    nn.BatchNorm2d: BatchNorm2d,
    nn.BatchNorm3d: BatchNorm3d,
}
_TORCHS = {ours: torchs for torchs, ours in _OURS.items()}


def convert(module: nn.Module) -> nn.Module:
    """Make torch's batch norm layers in a network ours, in place.

    A layer stays the object that it was, with its parameters, buffers, mode and hooks. Subclasses
    of torch's layers, SyncBatchNorm and the lazy ones among them, are left alone. Ours are more
    exact on the CPU, and often faster there; elsewhere torch's own operator runs inside. Revert
    before tools that look for torch's class: fusion, quantization, counters by class.

    Parameters
    ----------
    module : torch.nn.Module

    Returns
    -------
    torch.nn.Module
        The same one.

    Examples
    --------
    >>> network = nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8))
    >>> type(convert(network)[1]).__module__
    'bncourse.nn.modules'
    """
    return _exchange(module, _OURS)


def revert(module: nn.Module) -> nn.Module:
    """Make our batch norm layers in a network torch's, in place.

    Parameters
    ----------
    module : torch.nn.Module

    Returns
    -------
    torch.nn.Module
        The same one.

    Examples
    --------
    >>> type(revert(BatchNorm1d(8))) is nn.BatchNorm1d
    True
    """
    return _exchange(module, _TORCHS)


def _exchange(module: nn.Module, classes: dict[type[nn.Module], type[nn.Module]]) -> nn.Module:
    for layer in module.modules():
        layer.__class__ = classes.get(type(layer), type(layer))
    return module
