"""Each planted fault is caught by a test, and the runner would tell if one were not."""

import ast
from dataclasses import replace

import pytest

from tools import mutants
from tools.mutant_table import MUTANTS, Mutant
from tools.mutants import Outcome

HARMLESS = Mutant(
    "harmless",
    "bncourse/scratch/forward.py",
    "return (x - mean) * inv_std",
    "return inv_std * (x - mean)",
)


COMPUTING = [
    function for module in mutants.package() for function in module.functions if function.computes
]


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_mutant__is_rejected_by_the_tests_that_have_to(mutant):
    outcome = mutants.judge(mutant, "-x")
    of = mutants.equations_of(mutant)
    assert outcome.failed, f"{mutant.name} survived the tests{' of ' * bool(of)}{', '.join(of)}"


def test_mutant__survives_the_tests_of_another_equation():
    # So it is by the marker that tests are chosen.
    (mutant,) = (one for one in MUTANTS if one.name == "rho forgotten")
    assert mutants.equations_of(mutant) == ["eq-output-var"]
    outcome = mutants.try_out(mutant, equation="eq-shortfall")
    assert not outcome.failed
    assert " passed" in outcome.output


def test_equation_without_a_marked_test__is_an_error():
    with pytest.raises(ValueError, match=r'eq-none: want a test with @.*\("eq-none"\), got none'):
        mutants.try_out(MUTANTS[0], equation="eq-none")


@pytest.mark.parametrize("function", COMPUTING, ids=lambda function: function.name)
def test_function_that_computes_an_equation__has_a_mutant(function):
    for label in function.computes:
        names = [one.name for one in MUTANTS if label in mutants.equations_of(one)]
        assert names, f"{function.name} computes {label}, and no mutant changes how"


def test_mutant_beside_an_equation__stands_where_it_would_count_as_one_of_it():
    # Otherwise the word would be idle.
    for mutant in MUTANTS:
        if mutant.beside:
            assert mutants.equations_of(replace(mutant, beside=False)), mutant.name


def test_harmless_mutant__survives_all_tests():
    # So it is for their faults that the others are rejected.
    outcome = mutants.try_out(HARMLESS)
    assert not outcome.failed
    assert " passed" in outcome.output


def test_all_tests__are_tried_once_and_the_most_likely_to_reject_first(tmp_path):
    names = ["lab/test_a.py", "nn/test_b.py", "nn/test_c.py", "nn/test_c_more.py", "test_d.py"]
    for name in names:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    a, b, c, more, d = (str(tmp_path / name) for name in names)
    mutant = Mutant("any", "bncourse/nn/_c.py", "", "")
    assert mutants.tests_for(mutant, tmp_path) == [[c, more], [b], [a, d]]
    assert mutants.tests_for(None, tmp_path) == [[a, b, c, more, d]]


def test_groups_of_tests__are_tried_until_one_rejects_the_mutant(monkeypatch):
    tried = []

    def run_tests(folder, arguments):
        tried.append(arguments)
        return Outcome("", ("a test",) if arguments == ["-x", "second"] else (), 0, "")

    groups = [["first"], ["second"], ["third"]]
    monkeypatch.setattr(mutants, "tests_for", lambda mutant, folder: groups)
    monkeypatch.setattr(mutants, "run_tests", run_tests)
    assert mutants.try_out(None, "-x").failed == ("a test",)
    assert tried == [["-x", "first"], ["-x", "second"]]
    groups.remove(["second"])
    assert mutants.try_out(None, "-x").failed == ()
    assert tried[2:] == [["-x", "first"], ["-x", "third"]]


def test_mutants__have_different_names_and_texts():
    assert len(MUTANTS) >= 30
    assert len({mutant.name for mutant in MUTANTS}) == len(MUTANTS)
    assert len({(mutant.file, mutant.old, mutant.new) for mutant in MUTANTS}) == len(MUTANTS)


def test_function_that_cites_an_equation__has_a_mutant():
    without = []
    for module in mutants.package():
        planted = [mutant.old.strip() for mutant in MUTANTS if mutant.file == module.file]
        for function in module.functions:
            code = ast.get_source_segment(module.source, function.node)
            if function.cites and not any(old in code for old in planted):
                without.append(function.name)
    assert without == []


@pytest.mark.parametrize(("old", "count"), [("no such text", 0), ("return", 8)])
def test_old_text_that_is_not_there_once__gets_a_clear_error(tmp_path, old, count):
    (tmp_path / "some.py").write_text("return\n" * 8, encoding="utf-8")
    with pytest.raises(
        ValueError, match=f"want the old text once in some.py, got it {count} times"
    ):
        mutants.plant(Mutant("some", "some.py", old, "pass"), tmp_path)
    assert (tmp_path / "some.py").read_text(encoding="utf-8") == "return\n" * 8


def test_tests_that_see_another_package__are_an_error(tmp_path):
    test = tmp_path / "test_some.py"
    test.write_text("def test_some(): pass\n", encoding="utf-8")
    # There is no copy in this folder, so the package that is installed here is imported.
    with pytest.raises(RuntimeError, match=r"want the package in .* tested, got"):
        mutants.run_tests(tmp_path, [str(test)])


def test_tests_that_do_not_run__are_an_error(tmp_path):
    (tmp_path / "bncourse").mkdir()
    (tmp_path / "bncourse" / "__init__.py").touch()
    with pytest.raises(RuntimeError, match="pytest ended with 4"):
        mutants.run_tests(tmp_path, ["no_such_file.py"])
    test = tmp_path / "test_some.py"
    test.write_text("import os\ndef test_some(): os._exit(1)\n", encoding="utf-8")
    with pytest.raises(RuntimeError, match="ended without an answer"):
        mutants.run_tests(tmp_path, [str(test)])


def test_mutant__leaves_nothing_behind():
    (mutant,) = (one for one in MUTANTS if one.name == "rho forgotten")
    source = mutants.ROOT / mutant.file
    before = source.read_bytes()
    assert mutants.try_out(mutant, equation="eq-output-var").failed
    assert not mutants.try_out(None, equation="eq-output-var").failed
    assert source.read_bytes() == before


def test_what_a_test_does_to_its_process__is_unknown_to_the_next(tmp_path):
    (tmp_path / "bncourse").mkdir()
    (tmp_path / "bncourse" / "__init__.py").touch()
    test = tmp_path / "test_some.py"
    test.write_text(
        "import os, numpy\n"
        "def test_some():\n"
        "    assert not hasattr(numpy, 'left') and 'LEFT' not in os.environ\n"
        "    numpy.left = os.environ['LEFT'] = 'behind'\n",
        encoding="utf-8",
    )
    for _ in range(2):
        assert mutants.run_tests(tmp_path, [str(test)]).failed == ()
    # Once more within the same process, and it fails.
    test.write_text(test.read_text(encoding="utf-8") + "    test_some()\n", encoding="utf-8")
    assert mutants.run_tests(tmp_path, [str(test)]).failed == ("test_some.py::test_some",)


@pytest.fixture
def outcomes(monkeypatch):
    """Return a dict of the tests that fail, by mutant; the runner takes it for what happens."""
    failed = {None: (), "first": ("tests/a.py::test_one[1]", "tests/a.py::test_two"), "second": ()}

    def try_out(mutant):
        return Outcome("", failed[mutant and mutant.name], 0, "")

    monkeypatch.setattr(mutants, "try_out", try_out)
    monkeypatch.setattr(mutants, "judge", try_out)
    monkeypatch.setattr(mutants, "MUTANTS", [Mutant(name, "", "", "") for name in failed if name])
    return failed


def test_main__tells_what_survived(outcomes, capsys):
    assert mutants.main() == 1
    first, second, summary = capsys.readouterr().out.splitlines()
    assert first.split() == ["1/2", "first", "2", "failed:", "test_one,", "test_two"]
    assert second.split() == ["2/2", "second", "SURVIVED"]
    assert summary == "1 of 2 mutants rejected"


def test_main__is_content_when_nothing_survives(outcomes, capsys):
    outcomes["second"] = outcomes["first"]
    assert mutants.main() == 0
    assert "2 of 2 mutants rejected" in capsys.readouterr().out


def test_main__wants_tests_that_pass_without_a_mutant(outcomes, capsys):
    outcomes[None] = ("tests/a.py::test_one",)
    assert mutants.main() == 1
    assert capsys.readouterr().out.splitlines()[1:] == ["  tests/a.py::test_one"]
