"""`make repository` moves every copy of the address and nothing else, there and back."""

import re
import shutil
import subprocess
import sys

import addresses
import nbformat
import pytest

from tools import outputs, repository, toc
from tools.repository import RepositoryError

FORK = "https://github.com/some-one/my.fork"


@pytest.fixture
def checkout(tmp_path):
    """Return a copy of every file of this checkout that git knows."""
    for path, _ in repository.files():
        target = tmp_path / path.relative_to(toc.ROOT)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, target)
    shutil.copy(toc.ROOT / "CITATION.cff", tmp_path)
    subprocess.run(["git", "init", "--quiet", tmp_path], check=True)
    return tmp_path


def contents(checkout):
    return {path: path.read_bytes() for path, _ in repository.files(checkout)}


def test_every_address__is_the_one_in_the_settings():
    assert repository.strangers() == []


def test_change__moves_every_copy_and_back_again_byte_for_byte(checkout):
    before = contents(checkout)
    changed = {str(path.relative_to(checkout)) for path in repository.change(FORK, checkout)}
    assert {"_config.yml", "README.md", "CONTRIBUTING.md", "book/forward.ipynb"} <= changed
    assert not any("LICENSE" in name for name in changed)
    assert not any(toc.repository() in text for _, text in repository.files(checkout))
    assert repository.strangers(checkout) == []

    after = contents(checkout)
    assert repository.change(FORK, checkout) == []
    assert contents(checkout) == after

    repository.change(toc.repository(), checkout)
    assert contents(checkout) == before


def test_change__leaves_the_citation_of_the_course_alone(checkout):
    before = (checkout / "CITATION.cff").read_bytes()
    assert b"repository-code: https://github.com/" in before
    repository.change(FORK, checkout)
    assert (checkout / "CITATION.cff").read_bytes() == before
    assert repository.strangers(checkout) == []


def test_change__leaves_a_notebook_canonical_and_changes_its_first_cell_alone(checkout):
    path = checkout / "book" / "forward.ipynb"
    before = nbformat.read(path, as_version=4)
    repository.change(FORK, checkout)
    after = nbformat.read(path, as_version=4)
    pairs = zip(before.cells, after.cells, strict=True)
    ((old, new),) = [pair for pair in pairs if pair[0] != pair[1]]
    assert new == next(cell for cell in after.cells if cell.cell_type == "code")
    assert new.source == old.source.replace(toc.repository(), FORK)
    assert new.outputs == old.outputs
    assert outputs.canonical(after) == path.read_text()


@pytest.mark.parametrize("here", [FORK, "https://github.com/Me/me.github.io"])
def test_change__moves_the_site_and_the_links_to_colab(checkout, here):
    def links(address):
        _, colab, site = repository.forms(address)
        return f"{colab}/blob/main/book/x.ipynb\n{site}/\n"

    repository.change(here, checkout)
    path = checkout / "links.md"
    path.write_text(links(here))
    repository.change("https://github.com/You/Fork", checkout)
    colab = "https://colab.research.google.com/github/You/Fork/blob/main/book/x.ipynb"
    assert path.read_text() == f"{colab}\nhttps://you.github.io/Fork/\n"


@pytest.mark.parametrize("end", ["-extras", "2", ".io", "_old"])
def test_longer_name__is_another_repository(end):
    text = f"see {toc.repository()}{end}"
    assert repository.rewritten(text, toc.repository(), FORK) == text


@pytest.mark.parametrize(
    "url", [FORK, f"{FORK}/", f"{FORK}.git", f" {FORK}\n", "git@github.com:some-one/my.fork.git"]
)
def test_address__is_taken_as_people_copy_it(url):
    assert repository.normalized(url) == FORK


@pytest.mark.parametrize(
    "url",
    [
        "",
        "github.com/me/fork",
        "http://github.com/me/fork",
        "https://gitlab.com/me/fork",
        "https://github.com/me",
        "https://github.com/me/fork/tree/main",
        "https://github.com/-me/fork",
        "https://github.com/me/..",
        "https://github.com/me/fork;rm",
    ],
)
def test_what_is_no_address__gets_a_clear_error_and_changes_nothing(checkout, url):
    before = contents(checkout)
    with pytest.raises(RepositoryError) as raised:
        repository.change(url, checkout)
    wanted = f"URL: want https://github.com/OWNER/NAME, got {url or 'nothing'}"
    assert str(raised.value) == wanted
    assert contents(checkout) == before


@pytest.mark.parametrize(
    ("name", "line", "got"),
    [
        ("book/page.md", "{}/blob/main/x", "https://github.com/other/bncourse"),
        ("README.md", "pip install git+{}.git", "https://github.com/other/bncourse"),
        ("a.yml", "git clone --depth 1 https://github.com/a/b", "https://github.com/a/b"),
        ("a.md", "https://other.github.io/bncourse/x.html", "https://other.github.io/bncourse"),
        (
            "a.md",
            "[](https://colab.research.google.com/github/other/bncourse/blob/main/x)",
            "https://colab.research.google.com/github/other/bncourse",
        ),
        ("a.ipynb", r'"    %pip install git+{}.git\n"', "https://github.com/other/bncourse"),
    ],
)
def test_wrong_address__is_found_wherever_it_stands(checkout, name, line, got):
    with (checkout / name).open("a") as file:
        file.write("\n" + line.format("https://github.com/other/bncourse") + "\n")
    (problem,) = repository.strangers(checkout)
    assert re.fullmatch(rf"{name}:\d+: want {toc.repository()}, got {got}", problem)


def test_address_of_somebody_else__is_left_alone(checkout):
    (checkout / "a.md").write_text("https://github.com/PyMVPA/PyMVPA and https://github.com/a/b\n")
    assert repository.strangers(checkout) == []


def test_make_repository_without_an_address__says_what_it_wants():
    command = [sys.executable, "-m", "tools.repository", ""]
    result = subprocess.run(command, cwd=toc.ROOT, capture_output=True, text=True, check=False)
    assert result.returncode == 1
    assert result.stderr == "repository: URL: want https://github.com/OWNER/NAME, got nothing\n"


@pytest.mark.parametrize("address", [FORK, "https://github.com/Me/me.github.io"])
def test_site_of_a_repository__is_the_one_that_the_book_is_built_for(address):
    assert addresses.address_of_pages(address) == repository.forms(address)[-1] + "/"
