"""The passes and threads: in a process of their own, since a fault would end or hang it."""

import shutil
from pathlib import Path

import pytest
import torch

from bncourse.kernels import openmp

ROOT = Path(__file__).resolve().parents[2]
UNNEEDED = shutil.ignore_patterns("__pycache__", "*.npz")
# What each script begins with: a batch large enough for two threads, and what comes out.
BEGIN = """
import torch
from torch.nn.functional import batch_norm as torchs
from bncourse.kernels import cpu, openmp

def right(x):
    y, saved = cpu.forward(x, None, None, None, None, 0.1, 1e-5)
    dx, _, dbias = cpu.backward(y, x, None, saved, True, (True, True, True))
    expected = torchs(x.double(), None, None, training=True)
    return bool((y - expected).abs().max() < 1e-6) and bool((dx.abs().max() < 1e-4))

if __name__ == "__main__":
    torch.set_num_threads(2)
    images, rows = torch.randn(8, 3, 100, 100), torch.randn(4000, 64)
    assert openmp.threads_for(rows.numel()) == 2
    assert right(images) and right(rows)
"""


def indented(code):
    return "\n".join(f"    {line}" for line in code.strip().splitlines())


def test_forked_child__computes_though_the_team_stayed_behind(python):
    # torch's own operators would hang in the child, so it compares with NumPy.
    code = """
import os, warnings
import numpy as np
warnings.simplefilter("ignore")  # from Python 3.12 on, to fork a process with threads warns
before = [cpu.forward(x, None, None, None, None, 0.1, 1e-5)[0].numpy() for x in (images, rows)]
child = os.fork()
if child == 0:
    after = [cpu.forward(x, None, None, None, None, 0.1, 1e-5)[0].numpy() for x in (images, rows)]
    same = all(np.array_equal(a, b) for a, b in zip(before, after))
    os._exit(0 if same and torch.get_num_threads() == 2 else 1)
_, status = os.waitpid(child, 0)
print(os.waitstatus_to_exitcode(status), right(rows))
"""
    assert python(BEGIN + indented(code)).split() == ["0", "True"]


def test_workers_of_a_dataloader__compute(python, tmp_path):
    script = tmp_path / "workers.py"
    script.write_text(
        BEGIN.replace(
            'if __name__ == "__main__":',
            """
class Normalized(torch.utils.data.Dataset):
    def __len__(self):
        return 6
    def __getitem__(self, index):
        x = torch.randn(4000, 64, generator=torch.Generator().manual_seed(index))
        return torch.tensor(right(x))

if __name__ == "__main__":
    import warnings; warnings.simplefilter("ignore")""",
        )
        + indented(
            """
loader = torch.utils.data.DataLoader(
    Normalized(), batch_size=2, num_workers=2, multiprocessing_context="fork", timeout=60
)
print(sum(int(batch.sum()) for batch in loader), right(rows))
"""
        )
    )
    run = f"import runpy; runpy.run_path({str(script)!r}, run_name='__main__')"
    assert python(run).split() == ["6", "True"]


def test_several_threads__compute_at_once(python):
    code = """
from concurrent.futures import ThreadPoolExecutor
with ThreadPoolExecutor(4) as pool:
    batches = [torch.randn(4000, 64) for _ in range(24)]
    print(sum(pool.map(right, batches)))
"""
    assert python(BEGIN + indented(code)).strip() == "24"


def test_interrupted_run__goes_on_after(python):
    code = """
import os, signal, threading, time
from itertools import count
begun = threading.Event()
threading.Thread(
    target=lambda: (begun.wait(), time.sleep(0.1), os.kill(os.getpid(), signal.SIGINT)),
    daemon=True,
).start()
try:
    for done in count():
        right(rows)
        begun.set()
except KeyboardInterrupt:
    print(done > 0, right(images), right(rows))
"""
    assert python(BEGIN + indented(code)).split() == ["True"] * 3


def test_threads__are_as_many_as_torch_has_but_none_for_little_work():
    before = torch.get_num_threads()
    try:
        for threads in (1, 2, 5):
            torch.set_num_threads(threads)
            assert openmp.threads_for(10**7) == threads
            assert openmp.threads_for(1000) == 1
    finally:
        torch.set_num_threads(before)


@pytest.mark.parametrize("first", ["torch.randn(50, 3)", "rows"])
def test_torch_without_gomp_parallel__is_served_by_one_thread(python, tmp_path, first):
    # Names that no process has stand for a torch without them.
    shutil.copytree(ROOT / "bncourse", tmp_path / "bncourse", ignore=UNNEEDED)
    for file in ("openmp.py", "passes.py"):
        path = tmp_path / "bncourse/kernels" / file
        text = path.read_text()
        for name in ("omp_get_thread_num", "omp_get_num_threads", "GOMP_barrier", "GOMP_parallel"):
            text = text.replace(f'"{name}"', f'"missing_{name}"')
        path.write_text(text)
    code = BEGIN.replace("== 2", "== 1") + f"    assert right({first})"
    if first != "rows":
        code = code.replace("assert openmp", f"assert right({first})\n    assert openmp")
    assert python(code + "\n    print(openmp.prepare())", tmp_path).strip() == "None"


def test_team_of_somebody_else__is_not_taken_for_ours(python):
    code = """
import ctypes
first, batch = [], torch.randn(50, 3)
@ctypes.CFUNCTYPE(None, ctypes.c_void_p)
def member(_):
    if not first:
        first.append(True)
        print(right(batch))
parallel = ctypes.CDLL(None).GOMP_parallel
parallel.argtypes = [ctypes.c_void_p, ctypes.c_void_p, ctypes.c_uint, ctypes.c_uint]
parallel(ctypes.cast(member, ctypes.c_void_p), None, 2, 0)
"""
    assert python(BEGIN + indented(code)).strip() == "True"
