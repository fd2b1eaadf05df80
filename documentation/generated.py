"""All pages that are made from the code, by their path below `docs/`."""

from documentation import conditions, fields, flags, metrics, settings


def pages() -> dict[str, str]:
    """Path → Markdown. No two sources make the same page."""
    found: dict[str, str] = {}
    for source in (fields, settings, flags, metrics, conditions):
        for path, text in source.pages().items():
            assert path not in found, path
            found[path] = text
    return found
