"""The folder that agent and server share: a folder for each model, with a marker that says what it holds.

The marker `SUCCESS.<sha256 of the spec>` holds the spec as JSON, and is written last: a folder without one is no model. All of
this blocks.
"""

import shutil
from collections.abc import Iterable
from pathlib import Path

import orjson
import structlog

from kservectl.agent.models.wanted import ModelSpec, is_name
from kservectl.download.partial import is_partial, remove_partial

_MARKER = "SUCCESS."


class ModelDisk:
    """The models in the folder `root`."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._log = structlog.get_logger(component="puller")

    def folder(self, name: str) -> Path:
        """Where the model `name` is, or would be."""
        return self.root / name

    def scan(self) -> dict[str, ModelSpec]:
        """Every model that is whole, with the spec it was pulled by. Raises OSError."""
        self.root.mkdir(parents=True, exist_ok=True)
        found: dict[str, ModelSpec] = {}
        for folder in sorted(self.root.iterdir()):
            if folder.is_dir() and is_name(folder.name):
                spec = self._marked(folder)
                if spec is not None:
                    found[folder.name] = spec
        return found

    def mark(self, name: str, spec: ModelSpec) -> None:
        """Note that the model is whole, and by which spec it was pulled. Raises OSError."""
        marker = self.folder(name) / f"{_MARKER}{spec.digest}"
        aside = marker.with_name(f".{marker.name}")
        aside.write_bytes(spec.text)
        aside.replace(marker)

    def remove(self, name: str) -> None:
        """Delete the model and what unfinished downloads left of it. Raises OSError."""
        for marker in self.folder(name).glob(f"{_MARKER}*"):
            marker.unlink()  # first, so that what a crash leaves is no model
        if self.folder(name).exists():
            shutil.rmtree(self.folder(name))
        remove_partial(self.folder(name))

    def remove_leftovers(self, wanted: Iterable[str]) -> None:
        """Delete unfinished downloads of models that nobody wants any more. Raises OSError."""
        keep = {f".{name}.partial" for name in wanted}
        for folder in self.root.iterdir():
            if is_partial(folder) and folder.name not in keep:
                shutil.rmtree(folder)

    def _marked(self, folder: Path) -> ModelSpec | None:
        """What the marker of `folder` says; a marker that cannot be read is as good as none."""
        for marker in sorted(folder.glob(f"{_MARKER}*")):
            try:
                return ModelSpec.parse(orjson.loads(marker.read_bytes()))
            except (OSError, ValueError) as error:
                self._log.warning(
                    "marker cannot be read: the model counts as missing", path=str(marker), why=str(error)
                )
        return None
