"""A fault that is planted in the package."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Mutant:
    """A wrong version of the package.

    Attributes
    ----------
    name : str
        What is wrong with it.
    file : str
        The file that differs, relative to the root.
    old, new : str
        The text that is replaced, which occurs once in the file, and what stands in its place.
    beside : bool
        Whether it changes what a function does beside computing its equation.
    """

    name: str
    file: str
    old: str
    new: str
    beside: bool = False


def mutants_of(
    file: str, faults: dict[str, tuple[str, str]], *, beside: bool = False
) -> tuple[Mutant, ...]:
    """Return the mutants of one file of bncourse, from pairs of old and new text by name."""
    return tuple(Mutant(name, f"bncourse/{file}", *texts, beside) for name, texts in faults.items())
