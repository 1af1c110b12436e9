"""Time whole networks with torch's batch norm beside ours: `python -m benchmarks.network`."""

import time
from collections.abc import Callable
from statistics import median

import torch
from torch import Tensor, nn

from bncourse.nn import convert
from tools.machine import processor

ROUNDS = 18  # of which the first two do not count


class Block(nn.Module):
    """A basic block of a ResNet."""

    def __init__(self, c_in: int, c_out: int, stride: int) -> None:
        super().__init__()
        self.path = nn.Sequential(
            nn.Conv2d(c_in, c_out, 3, stride, 1, bias=False), nn.BatchNorm2d(c_out), nn.ReLU(),
            nn.Conv2d(c_out, c_out, 3, 1, 1, bias=False), nn.BatchNorm2d(c_out),
        )  # fmt: skip
        self.shortcut = nn.Sequential()
        if stride > 1:
            self.shortcut.append(nn.Conv2d(c_in, c_out, 1, stride, bias=False))
            self.shortcut.append(nn.BatchNorm2d(c_out))

    def forward(self, x: Tensor) -> Tensor:
        """Add what the path makes of x to the shortcut."""
        return torch.relu(self.path(x) + self.shortcut(x))


def resnet18() -> nn.Module:
    """Return a ResNet-18."""
    blocks = [Block(64, 64, 1), Block(64, 64, 1)]
    for c in (64, 128, 256):
        blocks += [Block(c, 2 * c, 2), Block(2 * c, 2 * c, 1)]
    return nn.Sequential(
        nn.Conv2d(3, 64, 7, 2, 3, bias=False), nn.BatchNorm2d(64), nn.ReLU(),
        nn.MaxPool2d(3, 2, 1), *blocks, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(512, 1000),
    )  # fmt: skip


def perceptron() -> nn.Module:
    """Return four layers of 512 units."""
    layers: list[nn.Module] = []
    for _ in range(4):
        layers += [nn.Linear(512, 512), nn.BatchNorm1d(512), nn.ReLU()]
    return nn.Sequential(*layers)


NETWORKS: dict[str, tuple[Callable[[], nn.Module], tuple[int, ...]]] = {
    "ResNet-18": (resnet18, (16, 3, 224, 224)),
    "perceptron": (perceptron, (256, 512)),
}


def train(network: nn.Module, x: Tensor) -> None:
    """Go forward and back through a network in training."""
    network.train()(x).pow(2).mean().backward()


def evaluate(network: nn.Module, x: Tensor) -> None:
    """Go forward through a network in evaluation."""
    with torch.no_grad():
        network.eval()(x)


def main() -> None:
    """Print medians of both, in milliseconds, and the median of torch's time over ours."""
    threads = torch.get_num_threads()
    print(f"{processor()}, {threads} threads, torch {torch.__version__}, float32")
    for name, (make, shape) in NETWORKS.items():
        x, pair = torch.randn(shape), (make(), convert(make()))
        for step in (train, evaluate):
            times: tuple[list[float], ...] = ([], [])
            for turn in range(ROUNDS):
                for which in (0, 1) if turn % 2 else (1, 0):
                    start = time.perf_counter()
                    step(pair[which], x)
                    times[which].append(1e3 * (time.perf_counter() - start))
            theirs, ours = (one[2:] for one in times)
            ratio = median(a / b for a, b in zip(theirs, ours, strict=True))
            print(
                f"{name:<10} {shape} {step.__name__:<8} torch {median(theirs):7.1f} ms, "
                f"ours {median(ours):7.1f} ms, torch/ours {ratio:.2f}"
            )


if __name__ == "__main__":
    main()
