"""Formulas as MathML, written into the page when it is built: nothing is fetched when it is read."""

import re
from typing import Any

from docutils import nodes
from latex2mathml.converter import convert
from sphinx.application import Sphinx

# Browsers ignore the attribute mathvariant, so letters of other alphabets have to be letters of their own.
LETTERS = {r"\mathbb E": "𝔼", r"\mathbb R": "ℝ", r"\mathbf 1": "𝟏", r"\mathbf{1}": "𝟏"}


def as_mathml(latex: str, display: str) -> str:
    """One formula; a literal backslash-space, which MathML has no name for, becomes a thin space."""
    for command, letter in LETTERS.items():
        latex = latex.replace(command, letter)
    return convert(re.sub(r"\\ ", r"\\;", latex), display=display)


def inline(translator: Any, node: nodes.math) -> None:
    """Visit a formula in a line of text."""
    translator.body.append(as_mathml(node.astext(), "inline"))
    raise nodes.SkipNode


def block(translator: Any, node: nodes.math_block) -> None:
    """Visit a formula that stands by itself."""
    translator.body.append(translator.starttag(node, "div", CLASS="formula"))
    translator.body.append(as_mathml(node.astext(), "block") + "</div>")
    raise nodes.SkipNode


def setup(app: Sphinx) -> dict[str, bool]:
    """Called by Sphinx."""
    app.add_html_math_renderer("mathml", inline_renderers=(inline, None), block_renderers=(block, None))
    return {"parallel_read_safe": True, "parallel_write_safe": True}
