from bncourse import scratch
from bncourse.figures import show_source


def test_show_source__shows_the_code_that_runs_without_its_docstring():
    shown = show_source(scratch.normalize).data
    assert shown.startswith("```python\ndef normalize(")
    assert "return (x - mean) * inv_std  # eq-normalize" in shown
    assert '"""' not in shown
    code = shown.removeprefix("```python\n").removesuffix("\n```")
    namespace = {"Floats": object}
    exec(code, namespace)
    assert namespace["normalize"](3.0, 1.0, 0.5) == 1.0


def test_show_source__shows_several_functions_decorators_and_methods():
    shown = show_source(scratch.batch_norm_forward, scratch.Moments.merge).data
    assert shown.count("@ieee\ndef ") == 2
    assert "\n\n\n@ieee\ndef merge(self" in shown


def test_show_source__leaves_a_function_without_docstring_as_it_is():
    def double(x):
        return 2 * x

    assert show_source(double).data == "```python\ndef double(x):\n    return 2 * x\n```"
