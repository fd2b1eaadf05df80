"""The name of a model in a registry, as MLflow writes it: `models:/NAME/VERSION` or `models:/NAME@ALIAS`."""

from dataclasses import dataclass

SCHEME = "models:"


class InvalidReference(ValueError):
    """The text begins like a reference and is none; the message says how one is written."""


@dataclass(frozen=True, slots=True)
class ModelReference:
    """One version of a registered model, by number or by alias: exactly one of the two is set."""

    name: str
    version: str = ""
    alias: str = ""

    @classmethod
    def parse(cls, uri: str) -> "ModelReference":
        """Read `uri`; raises InvalidReference."""
        path = uri.removeprefix(f"{SCHEME}/") if uri.startswith(f"{SCHEME}/") else ""
        name, separator, rest = path.partition("/")
        if separator:
            if rest.isascii() and rest.isdigit() and name:
                return cls(name, version=rest)
        else:
            name, separator, alias = path.rpartition("@")
            if name and alias:
                return cls(name, alias=alias)
        raise InvalidReference(
            f"{uri!r} names no version of a registered model: write models:/NAME/VERSION with the number of a version, or"
            " models:/NAME@ALIAS (stages and 'latest' say nothing definite; give the version an alias instead)"
        )


def is_reference(uri: str) -> bool:
    """Whether `uri` is meant for a registry, well written or not."""
    return uri.startswith(SCHEME)
