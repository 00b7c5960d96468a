"""Local Sphinx extension of the book: maths without scripts, markup without barriers, a light site.

Three corrections to what Jupyter Book 1.0 and its theme do by themselves:

* formulas become MathML while the page is written, so that no script and no CDN take part;
* markup that trips assistive technology is replaced;
* files that no page asks for (icon script, source maps, spare font formats) leave the built site.
"""

from __future__ import annotations

import re
from html import escape
from pathlib import Path
from typing import Any

from docutils import nodes
from docutils.utils.math import MathError
from docutils.utils.math.latex2mathml import tex2mathml
from sphinx.application import Sphinx
from sphinx.util import logging
from sphinx.util.math import get_node_equation_number
from sphinx.writers.html5 import HTML5Translator

logger = logging.getLogger(__name__)

MARKUP_FIXES = (
    # myst-nb draws code toggles as admonitions, and its fixed label hides their words from people who hear the page
    (re.compile(r'<details class="admonition (hide [^"]*)">\s*<summary [^>]*>'), r'<details class="\1"><summary>'),
    # docutils fills a role="list" with entries of a deprecated role, which are no list items
    (re.compile(r'role="doc-biblioentry"'), 'role="listitem"'),
    # an empty header announces nothing: the corner above the index of a data frame
    (re.compile(r"<th(\s[^>]*)?>\s*</th>"), r"<td\1></td>"),
)

THIN_SPACE = '<mspace width="0.1667em"></mspace>'

MATHML_FIXES = (
    # docutils sets the index of an accented letter below it, as for a sum
    (
        re.compile(r"<munderover>\s*(<mi\b[^>]*>[^<]*</mi>)(.*?)(<mo\b[^>]*>[^<]*</mo>)\s*</munderover>", re.DOTALL),
        r'<msub><mover accent="true">\1\3</mover>\2</msub>',
    ),
    # LaTeX puts a thin space before log and its like, and after it except before a bracket
    (re.compile(r"(</(?:mi|mn|msub|mfrac)>)(?=\s*<mi>\w\w+</mi>\s*<mo>&Apply)"), rf"\1{THIN_SPACE}"),
    (re.compile(r"(?<=<mo>&ApplyFunction;</mo>)(?=\s*<(?!mo))"), THIN_SPACE),
    # and its double bar, the divider of a divergence, does not grow with a sum beside it
    (re.compile(r"<mo>([‖∥])</mo>"), r'<mo stretchy="false">\1</mo>'),
)

# Relative to _static; 5 MB of a 7 MB folder. The icon fonts in use are cut down in book/_static/vendor.
UNUSED_STATIC = ("**/*.map", "**/*.ttf", "**/fontawesome.js*", "**/fa-regular-400.woff2", "locales/*/*/*.?o")


def rewrite(text: str, rules: tuple[tuple[re.Pattern[str], str], ...]) -> str:
    """Return the text after each (pattern, replacement) in turn."""
    for pattern, replacement in rules:
        text = pattern.sub(replacement, text)
    return text


def mathml(node: nodes.math | nodes.math_block, *, block: bool) -> str:
    """Return the formula as a ``<math>`` element; one it cannot write is a warning, which ``-W`` makes fatal."""
    source = node.astext()
    try:
        return rewrite(str(tex2mathml(source, as_block=block)), MATHML_FIXES)
    except MathError as error:
        logger.warning("no MathML for %r: %s", source, error, location=node)
        return f"<code>{escape(source)}</code>"


def visit_math(writer: HTML5Translator, node: nodes.math) -> None:
    """Write an inline formula."""
    writer.body.append(mathml(node, block=False))
    raise nodes.SkipNode


def visit_math_block(writer: HTML5Translator, node: nodes.math_block) -> None:
    """Write a displayed formula, followed by its number if it has a label."""
    writer.body.append(writer.starttag(node, "div", CLASS="math-block pst-scrollable-table-container"))
    writer.body.append(mathml(node, block=True))
    if node["number"]:
        writer.body.append(f'<span class="eqno">({get_node_equation_number(writer, node)})</span>')
    writer.body.append("</div>\n")
    raise nodes.SkipNode


def fix_markup(app: Sphinx, page: str, template: str, context: dict[str, Any], doctree: nodes.Node | None) -> None:
    """Replace what the axe rules object to in the body of a page."""
    context["body"] = rewrite(context.get("body", ""), MARKUP_FIXES)


def prune_static(app: Sphinx, exception: Exception | None) -> None:
    """Delete the theme's files that no page of the built site requests."""
    static = Path(app.outdir) / "_static"
    for pattern in UNUSED_STATIC:
        for path in static.glob(pattern):
            path.unlink()


def setup(app: Sphinx) -> dict[str, bool]:
    """Register the math renderer ``mathml`` and the two corrections."""
    app.add_html_math_renderer("mathml", (visit_math, None), (visit_math_block, None))
    app.connect("html-page-context", fix_markup)
    app.connect("build-finished", prune_static)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
