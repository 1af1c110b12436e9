"""The book never shows an output of a package that has changed since, and runs nothing twice."""

import time

import fresh
import pytest

PACKAGE = "def answer():\n    return {}\n"
NEW_ENOUGH = 15  # seconds that a build may take when nothing has changed


def shown(checkout, page="page"):
    return (checkout / "_build" / "html" / "book" / f"{page}.html").read_text()


def test_book__shows_a_change_in_the_package_and_otherwise_runs_nothing(build, checkout):
    status, said = build(checkout)
    assert status == 0, said
    assert "Executed notebook" in said
    assert "the answer is old" in shown(checkout)

    start = time.monotonic()
    status, said = build(checkout)
    assert status == 0, said
    assert "Executed notebook" not in said
    assert "no targets are out of date" in said
    assert time.monotonic() - start < NEW_ENOUGH

    (checkout / "bncourse" / "__init__.py").write_text(PACKAGE.format("'new'"))
    status, said = build(checkout)
    assert status == 0, said
    assert "the answer is new" in shown(checkout)
    assert "the answer is old" not in shown(checkout)
    assert len(list((checkout / "_build" / ".jupyter_cache").iterdir())) == 1


def test_every_page__shows_the_new_title_of_another(build, checkout):
    assert build(checkout)[0] == 0
    page = checkout / "book" / "other.md"
    page.write_text("# Renamed\n")
    status, said = build(checkout)
    assert status == 0, said
    assert "Executed notebook" not in said
    assert "Renamed" in shown(checkout, "third")


def test_package_that_changes_while_the_notebooks_run__fails_the_build(build, checkout):
    change = "with open(bncourse.__file__, 'a') as file:\\n    file.write('# more')"
    page = checkout / "book" / "page.ipynb"
    page.write_text(page.read_text().replace("print(", f"{change}\\nprint("))
    status, said = build(checkout)
    assert status == 1
    assert "bncourse changed during the build" in said


def test_failing_cell__fails_the_build_until_it_is_mended(build, checkout):
    (checkout / "bncourse" / "__init__.py").write_text(PACKAGE.format("1 / 0"))
    for _ in range(2):
        status, said = build(checkout)
        assert status == 1
        assert "ZeroDivisionError" in said
        assert "The book was not built" in said

    (checkout / "bncourse" / "__init__.py").write_text(PACKAGE.format("'mended'"))
    status, said = build(checkout)
    assert status == 0, said
    assert "the answer is mended" in shown(checkout)


def test_warning__fails_the_build_until_it_is_mended(build, checkout):
    page = checkout / "book" / "page.ipynb"
    sound = page.read_text()
    page.write_text(sound.replace("# Page", "# Page\\n\\n{eq}`eq-nothing` {py:func}`nothing`"))
    for _ in range(2):
        status, said = build(checkout)
        assert status == 1
        assert "equation not found: eq-nothing" in said
        assert "reference target not found: nothing" in said

    page.write_text(sound)
    status, said = build(checkout)
    assert status == 0, said


@pytest.mark.parametrize("name", ["bncourse/__init__.py", "bncourse/data.bin", "requirements.txt"])
def test_digest__changes_with_a_file_that_outputs_depend_on(checkout, name):
    before = fresh.outputs_digest(checkout)
    path = checkout / name
    path.write_bytes(path.read_bytes() + b"\n")
    assert fresh.outputs_digest(checkout) != before


def test_digest__changes_with_a_new_and_with_a_renamed_file(checkout):
    before = fresh.outputs_digest(checkout)
    (checkout / "bncourse" / "more.py").touch()
    more = fresh.outputs_digest(checkout)
    (checkout / "bncourse" / "more.py").rename(checkout / "bncourse" / "renamed.py")
    assert len({before, more, fresh.outputs_digest(checkout)}) == 3


def test_digest__does_not_change_with_what_python_leaves_behind(checkout):
    before = fresh.outputs_digest(checkout)
    (checkout / "bncourse" / "__pycache__").mkdir()
    (checkout / "bncourse" / "__pycache__" / "data.cpython-311.pyc").touch()
    assert fresh.outputs_digest(checkout) == before


def test_digest__changes_with_the_version_of_python(checkout, monkeypatch):
    before = fresh.outputs_digest(checkout)
    monkeypatch.setattr("platform.python_version", lambda: "3.99.0")
    assert fresh.outputs_digest(checkout) != before
