"""Markdown of generated pages: tables and headings, with whatever comes from the code made harmless."""

from collections.abc import Iterable, Sequence


def table(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table whose cells are Markdown already; empty where there are no rows."""
    lines = [_line(row) for row in rows]
    if not lines:
        return ""
    return "\n".join([_line(headings), _line(["---"] * len(headings)), *lines]) + "\n"


def code(text: str) -> str:
    """`text` as code; empty for nothing."""
    return f"`{text}`" if text else ""


def prose(text: str) -> str:
    """A docstring or help text on one line: double backquotes become single ones, what looks like HTML is shown as it is."""
    flat = " ".join(text.split()).replace("``", "`")
    parts = flat.split("`")
    outside = [part.replace("<", "&lt;") if number % 2 == 0 else part for number, part in enumerate(parts)]
    return "`".join(outside)


def page(title: str, introduction: str, *sections: str) -> str:
    """A whole page; empty sections are left out."""
    return "\n\n".join([f"# {title}", introduction, *(section.strip() for section in sections if section)]) + "\n"


def _line(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"
