"""The table of coverage, written into the page from the tables that tracing uses.

``{coverage} numpy.linalg`` lists every function of the namespace under its verdict, and those that are not
covered under the reason.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from docutils import nodes
from docutils.parsers.rst import Directive
from sphinx.application import Sphinx

from nazad.trace.coverage import DERIVATIVE, NO_RULE, NOT, VALUE, Row, coverage


class Coverage(Directive):
    """One namespace."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        """A definition list: verdicts and the names under each."""
        rows = coverage(self.arguments[0])
        return [nodes.definition_list("", *[_item(title, names) for title, names in _groups(rows)])]


def _groups(rows: Sequence[Row]) -> Iterator[tuple[str, list[str]]]:
    """Names by verdict and remark; what has no rule comes last."""
    order = {DERIVATIVE: 0, VALUE: 1, NOT: 2}
    kinds = {(row.verdict, row.remark) for row in rows}
    for verdict, remark in sorted(kinds, key=lambda kind: (order[kind[0]], kind[1] == NO_RULE, kind[1])):
        names = [row.name for row in rows if (row.verdict, row.remark) == (verdict, remark)]
        yield f"{verdict}: {remark}" if remark else verdict, names


def _item(title: str, names: Sequence[str]) -> nodes.definition_list_item:
    listed = nodes.paragraph()
    for name in names:
        listed += [nodes.literal(text=name), nodes.Text(" ")]
    return nodes.definition_list_item(
        "", nodes.term(text=f"{title} ({len(names)})"), nodes.definition("", listed)
    )


def setup(app: Sphinx) -> dict[str, bool]:
    """Called by Sphinx."""
    app.add_directive("coverage", Coverage)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
