"""Figures beside what they are compared with, and whether a target of the design (section 6) is reached."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

_HEADING = "\n#### "


@dataclass(frozen=True, slots=True)
class Figure:
    """One line of the table.

    value, reference
        As text with a unit; `reference` says what of the same run it is compared with, or is empty.
    target
        What has to hold, as text; empty for a figure that is only told.
    reached
        Whether it does; None where there is no target, or nothing here to compare with.
    """

    row: str
    what: str
    value: str
    reference: str = ""
    target: str = ""
    reached: bool | None = None


def ratio(row: str, what: str, mine: float, other: float, reference: str, *, at_most: float | None) -> Figure:
    """A time against another one of the same run; without `at_most` for comparison only."""
    value, beside = f"{mine:.1f} s = {mine / other:.2f} ×", f"{reference}: {other:.1f} s"
    if at_most is None:
        return Figure(row, what, value, beside)
    return Figure(row, what, value, beside, f"≤ {at_most:g} ×", mine <= at_most * other)


def at_most(row: str, what: str, value: float, unit: str, limit: float, reference: str = "") -> Figure:
    """A value with a limit of the same unit."""
    return Figure(row, what, f"{value:.3g} {unit}".strip(), reference, f"≤ {limit:g} {unit}".strip(), value <= limit)


def memory_ratio(row: str, what: str, mine: float, other: float, reference: str, *, at_most: float) -> Figure:
    """Megabytes against others of the same run."""
    value = f"{mine:.0f} MB = {mine / other:.2f} ×"
    return Figure(row, what, value, f"{reference}: {other:.0f} MB", f"≤ {at_most:g} ×", mine <= at_most * other)


def markdown(figures: Sequence[Figure]) -> str:
    """The table, as README.md holds it."""
    marks = {True: "yes", False: "**no**", None: ""}
    lines = ["| Row | What | kservectl | Beside it | Target | Reached |", "|---|---|--:|---|---|---|"]
    for each in figures:
        cells = (each.row, each.what, each.value, each.reference, each.target, marks[each.reached])
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def renewed(kept: str, measured: Mapping[str, str], order: Sequence[str]) -> str:
    """The text of many rows, each below a heading of its own, with those that were `measured` now in place of their older selves.

    `order` names every row there is; what is kept of others goes.
    """
    rows: dict[str, str] = {}
    for section in f"\n{kept}".split(_HEADING)[1:]:
        name, _, text = section.partition("\n")
        rows[name.strip()] = text.strip()
    rows |= measured
    return "\n\n".join(f"{_HEADING.strip()} {name}\n\n{rows[name]}" for name in order if name in rows)
