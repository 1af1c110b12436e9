"""The benchmark on the CPU: its arithmetic, its contenders, and what it prints and stores."""

import argparse
import contextlib
import io
import json
import os
import subprocess
import sys
import time
from dataclasses import replace

import numpy as np
import pytest
import torch

from benchmarks import accuracy, calls, contenders, cpu, naive, report, summary
from benchmarks.calls import FirstCall, Overhead
from benchmarks.cases import FLOPS, PASSES, Setting, make_batch, settings
from benchmarks.limit import LIMITS, limits
from benchmarks.rows import Row
from benchmarks.timing import Plan, Timing, interleaved
from bncourse import nn, oracle, tolerances
from tools import machine
from tools.environment import ROOT

BIG = Setting((256, 1024), "contiguous", "float32", 2)
SMALL = Setting((2, 4, 3, 3), "channels_last", "float32", 1)


def row(direction="forward", ours=1.0, torch=2.0, limit=0.5, setting=BIG, **others):
    medians = {"ours": ours, "torch": torch, LIMITS[0]: limit, LIMITS[1]: 2 * limit, **others}
    timings = {name: Timing((value,) * 3) for name, value in medians.items()}
    return Row(setting, direction, "numba", timings, {"jax": "JAX is not installed"})


def judged(level, text, rows=(), overheads=(), first=None):
    (one,) = (
        verdict
        for verdict in summary.verdicts(rows, overheads, first or {})
        if verdict.level == level and text in verdict.wanted
    )
    return one


# Arithmetic


def test_row__compares_medians_with_torch_and_the_faster_limit():
    one = row(ours=3.0, torch=6.0, limit=1.5)
    assert (one.speed, one.limit, one.over_limit) == (2.0, 1.5, 2.0)


def test_row__counts_each_tensor_once():
    values = 256 * 1024
    assert [row(direction).bytes for direction in PASSES] == [8 * values, 12 * values, 8 * values]
    double = replace(BIG, dtype="float64")
    assert row("backward", setting=double).bytes == 24 * values
    assert row("inference").flops == 4 * values


def test_timing__has_median_and_quartiles():
    timing = Timing((5.0, 1.0, 2.0, 4.0, 30.0))
    assert timing.median == 4.0
    assert timing.quartiles == (2.0, 5.0)
    assert Timing((7.0,)).quartiles == (7.0, 7.0)


def test_means__are_geometric_for_each_pass_dtype_and_thread_count():
    double = replace(BIG, dtype="float64", threads=1)
    rows = [row(torch=1.0), row(torch=4.0), row("backward", torch=3.0)]
    rows.append(row(torch=16.0, setting=double))
    got = summary.means(rows)
    assert list(got) == ["float32, 2 threads", "float64, 1 thread", "all"]
    assert got["float32, 2 threads"] == pytest.approx({"forward": 2.0, "backward": 3.0})
    assert got["float64, 1 thread"] == pytest.approx({"forward": 16.0})
    assert got["all"] == pytest.approx({"forward": 4.0, "backward": 3.0})


def test_worst__comes_first():
    rows = [row(torch=value) for value in (3.0, 0.5, 2.0)]
    assert [one.speed for one in summary.worst(rows, 2)] == [0.5, 2.0]


@pytest.mark.parametrize(
    ("level", "speed", "met"),
    [
        ("floor", 0.9, True),
        ("floor", 0.89, False),
        ("stretch", 1.0, True),
        ("stretch", 0.99, False),
    ],
)
def test_verdict__finds_the_one_row_that_is_slower_than_torch(level, speed, met):
    one = judged(level, "of torch's speed", [row(torch=9.0), row(torch=speed)])
    assert one.met is met
    assert f"{speed:.3f}" in one.got
    assert f"{1 - met} of 2 rows fail" in one.got


def test_floor__leaves_small_tensors_out_row_by_row():
    rows = [row(torch=0.1, setting=SMALL), row(torch=2.0)]
    assert judged("floor", "of torch's speed", rows).met
    assert not judged("stretch", "of torch's speed", rows).met


@pytest.mark.parametrize(
    ("level", "direction", "least"),
    [
        ("floor", "forward", 1.8),
        ("floor", "backward", 1.15),
        ("stretch", "forward", 2.5),
        ("stretch", "backward", 1.4),
    ],
)
def test_verdict__holds_the_geometric_mean_against_its_bound(level, direction, least):
    # The arithmetic mean of the second pair would be enough.
    enough = [row(direction, torch=1.01 * least * factor) for factor in (0.5, 2.0)]
    too_little = [row(direction, torch=0.99 * least * factor) for factor in (0.5, 2.0)]
    assert judged(level, f"in {direction}", enough).met
    assert not judged(level, f"in {direction}", too_little).met


@pytest.mark.parametrize(("setting", "most"), [(BIG, 1.5), (SMALL, 2.5)])
def test_stretch__holds_the_layout_against_its_limit(setting, most):
    near, far = (row(ours=most * factor, limit=1.0, setting=setting) for factor in (0.99, 1.01))
    assert judged("stretch", "times the limit", [near]).met
    one = judged("stretch", "times the limit", [far, near])
    assert not one.met
    assert one.wanted.startswith(setting.layout)


def test_floor__holds_a_small_call_against_three_of_torchs():
    assert judged("floor", "small tensor", overheads=[Overhead("forward", 2.9, 1.0)]).met
    assert not judged("floor", "small tensor", overheads=[Overhead("forward", 3.1, 1.0)]).met


def test_floor__holds_first_calls_against_their_seconds():
    first = {"cold": FirstCall(4.9, 5.1), "cached": FirstCall(0.4, 0.6)}
    met = {
        f"{what}, {state}": judged("floor", f"first {what}, {state}", first=first).met
        for what in ("call", "step")
        for state in first
    }
    assert met == {
        "call, cold": True,
        "call, cached": True,
        "step, cold": False,
        "step, cached": False,
    }


def test_verdict__says_in_words_whether_it_is_met():
    assert str(summary.Verdict("floor", "a", "b", False)).startswith("NOT MET  floor")
    assert str(summary.Verdict("floor", "a", "b", True)).startswith("met ")


# Contenders


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("shape", [(7, 5), (3, 5, 4, 3)], ids=str)
def test_naive_numpy__agrees_with_the_oracle(problem, shape, dtype):
    x, gamma, beta, dy, mean, var = problem(shape, np.dtype(dtype), eps=1e-5).arrays().values()
    running = {"running_mean": mean.copy(), "running_var": var.copy()}
    y, kept = naive.forward(x, gamma, beta, **running)
    dx, dgamma, dbeta = naive.backward(dy, gamma, kept)
    trained = oracle.batch_norm(x, gamma, beta, dy, running_mean=mean, running_var=var)
    tolerances.compare(trained, y=y, dx=dx, dgamma=dgamma, dbeta=dbeta, **running)
    frozen = oracle.batch_norm(x, gamma, beta, running_mean=mean, running_var=var, training=False)
    tolerances.compare(frozen, y=naive.inference(x, gamma, beta, mean, var))


@pytest.fixture
def uncompiled(monkeypatch):
    """Compiling takes a C++ compiler, and seconds."""
    monkeypatch.setattr(torch, "compile", lambda function, **_: function)


@pytest.mark.parametrize("layout", ["contiguous", "channels_last"])
def test_contenders__compute_what_the_oracle_does(layout, uncompiled):
    setting = replace(SMALL, layout=layout)
    batch = make_batch(setting)
    x, dy, gamma, beta, mean, var = (tensor.numpy().copy() for tensor in vars(batch).values())
    trained = oracle.batch_norm(x, gamma, beta, dy, running_mean=mean, running_var=var)
    made, _ = contenders.contenders(setting, batch)
    made.pop("jax", None)  # where its channels come last they are the last axis
    assert list(made) == ["ours", "torch", "numpy", "scratch", "compiled"]
    for name, each in made.items():
        # All but scratch have made one step of training.
        stepped = () if name == "scratch" else ("running_mean", "running_var")
        running = [trained.values[one] for one in stepped] or [mean, var]
        frozen = oracle.batch_norm(
            x, gamma, beta, running_mean=running[0], running_var=running[1], training=False
        )
        tolerances.compare(frozen, y=first(each["inference"]()))
        dx, dgamma, dbeta = map(np.asarray, each["backward"]())
        tolerances.compare(trained, dx=dx, dgamma=dgamma, dbeta=dbeta)
        tolerances.compare(trained, y=first(each["forward"]()))


def first(result):
    result = result[0] if isinstance(result, tuple) else result
    return result.detach().numpy() if isinstance(result, torch.Tensor) else result


def test_forward__keeps_what_gradients_need_and_inference_does_not(uncompiled):
    made, _ = contenders.contenders(SMALL, make_batch(SMALL))
    for name in ("ours", "torch", "compiled"):
        assert made[name]["forward"]().requires_grad
        assert not made[name]["inference"]().requires_grad


def test_channels_last__is_so_for_every_contender():
    batch = make_batch(SMALL)
    for tensor in (batch.x, batch.dy):
        assert tensor.is_contiguous(memory_format=torch.channels_last)
        assert not tensor.is_contiguous()
    made = contenders.through_autograd(nn.functional.batch_norm, batch)
    assert made["forward"]().is_contiguous(memory_format=torch.channels_last)


def test_compiled__says_why_it_is_not_there(monkeypatch):
    def no_compiler(function, **_):
        raise RuntimeError("no C++ compiler\nand more")

    monkeypatch.setattr(torch, "compile", no_compiler)
    why = contenders.compiled(SMALL, make_batch(SMALL))
    assert why == "torch.compile failed: RuntimeError: no C++ compiler"
    _, missing = contenders.contenders(SMALL, make_batch(SMALL))
    assert missing["compiled"] == why


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("shape", [(5, 7), (37, 41)], ids=str)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_limit__moves_every_byte(shape, dtype, threads):
    batch = make_batch(Setting(shape, "contiguous", dtype, threads))
    made = limits(batch, threads)
    assert list(made) == list(LIMITS)
    from benchmarks.moves import move

    for second, wanted in ((None, batch.x), (batch.dy, batch.x + batch.dy)):
        out = torch.full_like(batch.x, torch.nan)
        move(batch.x, second, out, threads)()
        assert torch.equal(out, wanted)


# Timing


def test_interleaved__calls_each_contender_once_a_round_in_changing_order():
    called = []
    names = {name: lambda name=name: called.append(name) for name in "abc"}
    timings = interleaved(names, Plan(most=20, least=20, seconds=0.0))
    assert {name: len(timing.seconds) for name, timing in timings.items()} == dict.fromkeys(
        "abc", 20
    )
    # Twice in a row, one of them timed; what comes first is the warm-up.
    rounds = ["".join(called[i : i + 6]) for i in range(len(called) - 120, len(called), 6)]
    assert all(sorted(one[::2]) == list("abc") and one[::2] == one[1::2] for one in rounds)
    assert len(set(rounds)) > 3


def test_interleaved__lets_a_slow_contender_drop_out_but_not_too_early():
    timings = interleaved(
        {"slow": lambda: time.sleep(0.02), "fast": int}, Plan(most=30, least=3, seconds=0.01)
    )
    assert len(timings["slow"].seconds) == 3
    assert len(timings["fast"].seconds) == 30
    assert timings["slow"].median > 0.02


# The run


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """Run it on two tiny shapes; return what it printed and stored, and the folder."""
    folder = tmp_path_factory.mktemp("bench")
    path = folder / "new" / "cpu.json"
    given = ["--quick", "--shapes", "4x3", "2x3x4x4", "--threads", "1", "--json", str(path)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(torch, "compile", lambda function, **_: function)
        patch.setattr(cpu, "first_calls", lambda cached: {"cold": FirstCall(1.0, 2.0)})
        patch.setattr(calls, "MANY", 2)
        with contextlib.redirect_stdout(io.StringIO()) as printed:
            cpu.main(given)
    return printed.getvalue(), json.loads(path.read_text()), path


def test_run__has_a_row_for_every_pass_and_layout(run):
    _, stored, _ = run
    got = [(one["shape"], one["layout"], one["pass"]) for one in stored["rows"]]
    ways = [([4, 3], "contiguous"), ([2, 3, 4, 4], "contiguous"), ([2, 3, 4, 4], "channels_last")]
    assert got == [(*way, direction) for way in ways for direction in PASSES]


def test_run__times_every_contender_or_says_why_not(run):
    _, stored, _ = run
    wanted = {"ours", "torch", "compiled", "numpy", "scratch", "jax", *LIMITS}
    for one in stored["rows"]:
        assert set(one["times"]) | set(one["missing"]) == wanted
        assert set(one["missing"]) <= {"jax"}
        for times in one["times"].values():
            assert 0 < times["least"] <= times["lower_quartile"] <= times["median"]
            assert times["median"] <= times["upper_quartile"]
            assert times["rounds"] >= 3


def test_run__stores_where_when_and_with_what(run):
    _, stored, _ = run
    machine = stored["machine"]
    assert machine["versions"]["torch"] == torch.__version__
    assert machine["versions"]["numpy"] == np.__version__
    assert {"date", "seconds", "processor", "cores", "caches", "variables"} <= set(machine)
    assert stored["units"]["times"] == "seconds for a call"
    assert "torch.autograd.grad" in stored["timed"]


def test_run__stores_nothing_of_where_the_checkout_lies(run):
    _, _, path = run
    assert str(ROOT) not in path.read_text()


def test_run__draws_the_roofline_beside_the_numbers(run):
    _, _, path = run
    assert path.with_suffix(".png").stat().st_size > 10_000


def test_run__prints_means_call_costs_and_verdicts(run):
    printed, stored, _ = run
    for heading in ("float32, torch's threads: 1", "Geometric means", "First call", "microseconds"):
        assert heading in printed
    assert len(stored["overheads"]) == 3
    for verdict in stored["verdicts"]:
        assert f"{verdict['wanted']}: {verdict['got']}" in printed


def test_table__names_the_engine_that_ran():
    lines = report.table([replace(row(), engine="torch"), replace(row("backward"), engine="numba")])
    engines = [line.split()[3] for line in lines.splitlines() if line.startswith("256x1024")]
    assert engines == ["torch", "numba"]


def test_row_of_a_run__names_the_engine_of_the_batch(monkeypatch, uncompiled):
    monkeypatch.setattr(nn, "engine", lambda x: f"of {x.dtype}")
    rows = cpu.measure([replace(SMALL, dtype="float64")], Plan(most=1, least=1))
    assert {one.engine for one in rows} == {"of torch.float64"}


def test_measure__has_as_many_threads_as_it_says(monkeypatch, uncompiled):
    seen = []
    monkeypatch.setattr(nn, "engine", lambda x: str(seen.append(torch.get_num_threads())))
    cpu.measure([replace(SMALL, threads=2), SMALL], Plan(most=1, least=1))
    assert seen == [2, 1]
    assert torch.get_num_threads() == 1


def test_table__shows_medians_in_milliseconds_with_quartiles_and_a_dash_for_what_is_missing():
    one = row(ours=0.5, torch=1.0, limit=0.25)
    one = replace(one, timings={**one.timings, "ours": Timing((0.4e-3, 0.5e-3, 0.75e-3))})
    (line,) = (text for text in report.table([one]).splitlines() if text.startswith("256x1024"))
    assert "0.500 (0.450 to 0.625)" in line
    assert line.split("to 0.625)")[1].split()[:5] == ["1000.0", "-", "-", "-", "-"]
    assert "jax: JAX is not installed" in report.table([one])


def test_command__starts_again_so_that_memory_is_kept():
    code = (
        "import json, os, runpy, sys\n"
        "def execve(path, command, environment):\n"
        "    print(json.dumps([command[1:], environment]))\n"
        "    sys.exit()\n"
        "os.execve = execve\n"
        "sys.argv = ['cpu', '--quick']\n"
        "runpy.run_module('benchmarks.cpu', run_name='__main__')\n"
    )
    said = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env={name: value for name, value in os.environ.items() if name not in cpu.KEEP_MEMORY},
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    command, environment = json.loads(said)
    assert command == ["-m", "benchmarks.cpu", "--quick"]
    assert cpu.KEEP_MEMORY.items() <= environment.items()


def test_memory_that_is_freed__is_there_again_for_the_next_call():
    code = (
        "import resource, torch\n"
        "def faults():\n"
        "    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt\n"
        "torch.ones(12 * 8_000_000, dtype=torch.float64)\n"
        "before = faults()\n"
        "for _ in range(3):\n"
        "    torch.ones(8_000_000, dtype=torch.float64)\n"
        "print(faults() - before)\n"
    )
    command = [sys.executable, "-c", code]
    environment = os.environ | cpu.KEEP_MEMORY
    said = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    # Three tensors have 47,000 pages.
    assert int(said.stdout) < 1_000


def test_shape__is_refused_unless_it_can_be_normalized():
    assert cpu.shape("32x64x56x56") == (32, 64, 56, 56)
    for text in ("32", "1x5"):
        with pytest.raises(argparse.ArgumentTypeError, match=f"got {text}"):
            cpu.shape(text)


def test_settings__are_grouped_by_dtype_and_threads():
    got = settings([(4, 3)], ["float32", "float64"], [1, 2])
    assert [(one.dtype, one.threads) for one in got] == [
        ("float32", 1),
        ("float32", 2),
        ("float64", 1),
        ("float64", 2),
    ]
    assert set(FLOPS) == set(PASSES)


def test_summary__warns_of_rows_during_which_others_were_at_work():
    rows = [row(), replace(row(), others=1.0), replace(row(), others=np.nan)]
    quiet, busy = (
        report.summary(report.Report(some, [], {}, [], {})) for some in (rows[::2], rows)
    )
    assert "WARNING" not in quiet
    assert "WARNING: other processes were at work during 1 of 3 rows" in busy


def test_others__are_the_cores_that_another_process_keeps_busy():
    spin = [sys.executable, "-c", "while True: pass"]
    with subprocess.Popen(spin) as process:
        try:
            start, before = time.monotonic(), machine.busy_elsewhere()
            time.sleep(0.5)
            others = (machine.busy_elsewhere() - before) / (time.monotonic() - start)
        finally:
            process.kill()
    assert others > 0.2


def test_first_call__is_of_the_package_in_a_process_of_its_own(monkeypatch):
    asked = []

    def process(command, **options):
        asked.append((command[2], options["env"]["NUMBA_CACHE_DIR"]))
        return subprocess.CompletedProcess(command, 0, stdout=f"{len(asked)} {10 * len(asked)}\n")

    monkeypatch.setattr(calls.subprocess, "run", process)
    got = calls.first_calls(cached=3)
    # The first finds nothing in the cache; the others what it left there.
    assert got == {"cold": FirstCall(1, 10), "cached": FirstCall(3, 30)}
    assert len(asked) == 4
    assert len({cache for _, cache in asked}) == 1
    code = asked[0][0]
    assert code.index("import torch") < code.index("start =") < code.index("import bncourse.nn")


# Accuracy


def test_errors__are_torchs_own_where_torch_computes_in_float64():
    x = accuracy.batches(256)["images, channels last, mean 100"]

    def in_float64(*tensors, **settings):
        wide = (None if tensor is None else tensor.double() for tensor in tensors)
        return torch.nn.functional.batch_norm(*wide, **settings).float()

    errors = accuracy.errors(in_float64, x)
    assert list(errors) == list(accuracy.QUANTITIES)
    assert all(0 < error < 1e-7 for error in errors.values())


def test_accuracies__are_better_than_torchs_on_every_batch_and_printed():
    rows = accuracy.accuracies(1024)
    for one in rows:
        for name in accuracy.QUANTITIES:
            assert one.ours[name] <= one.torch[name] + 1e-11, (one.batch, name)
            assert one.ours[name] < 1e-7
    lines = accuracy.table(rows).splitlines()
    assert len({len(line) for line in lines}) == 1
    assert len(lines) == 1 + len(rows)
    assert "(N, C), mean 1,000,000" in lines[10]
