"""What the course sets out to prove, and the one list of what it still lacks.

An entry that the book has overtaken fails a test (tests/book/test_evidence.py): take it out.
"""

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Gap:
    """What a statement or an equation that stands in the book still lacks.

    Attributes
    ----------
    name : str
        The statement's number or the equation's label.
    lacks : str
        "proof", "measurement", or "part" for something else.
    why : str
        For readers: what is missing.
    chapter : str
        The page that it comes with; empty where that is not settled.
    """

    name: str
    lacks: str
    why: str
    chapter: str = ""


@dataclass(frozen=True)
class Plan:
    """The statements of the course, and what is still to come.

    Attributes
    ----------
    titles : dict of str to str
        The short title of every statement, by its number.
    chapters : dict of str to str
        The pages still to come, with what they are about.
    open : dict of str to str
        Statements and equations that no page has yet, with the page that each comes with.
    gaps : tuple of Gap
        What those lack that a page has.
    """

    titles: dict[str, str]
    chapters: dict[str, str] = field(default_factory=dict)
    open: dict[str, str] = field(default_factory=dict)
    gaps: tuple[Gap, ...] = ()


PLAN = Plan(
    titles={
        "S1": "A layer before the activation",
        "S2": "Images: all locations together",
        "S3": "Covariate shift",
        "S4": "Internal covariate shift",
        "S5": "Is internal covariate shift why it helps?",
        "S6": "Standardizing instead of whitening",
        "S7": "The forward pass",
        "S8": "Gamma and beta can restore the identity",
        "S9": "Evaluation by population statistics",
        "S10": "The backward pass",
        "S11": "The bias before it has no effect",
        "S12": "The output and the scale of the weights",
        "S13": "The Jacobian and the scale of the weights",
        "S14": "The weights' gradient and their scale",
        "S15": "Singular values of the Jacobian",
        "S16": "Examination questions",
    },
    chapters={
        "book/questions": "examination questions",
    },
    open={
        "S16": "book/questions",
    },
)
