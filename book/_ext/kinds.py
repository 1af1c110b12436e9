"""Let the style sheet tell what a paragraph is from its first words."""

from typing import Any

from docutils import nodes
from sphinx.application import Sphinx

KINDS = {
    "Statement": "statement",
    "Predict.": "predict",
    "Check yourself.": "self-check",
}


def mark_kinds(app: Sphinx, doctree: nodes.document) -> None:
    """Give paragraphs that say what they are the class of their kind."""
    for paragraph in doctree.findall(nodes.paragraph):
        # MyST puts an empty text before what is bold.
        first = next((node for node in paragraph if node.astext()), None)
        if not isinstance(first, nodes.strong):
            continue
        words = first.astext()
        for beginning, kind in KINDS.items():
            if words.startswith(beginning):
                quote = isinstance(paragraph.parent, nodes.block_quote)
                marked = paragraph.parent if quote else paragraph
                marked["classes"].append(kind)


def setup(app: Sphinx) -> dict[str, Any]:
    """Connect the function above to Sphinx."""
    app.connect("doctree-read", mark_kinds)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
