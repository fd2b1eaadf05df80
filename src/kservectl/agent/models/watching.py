"""Reading `models.json` again whenever it changes.

Kubernetes replaces a mounted ConfigMap by renaming a link (`..data`) in its folder, which inotify tells of; a file that is
written itself is noticed just as well.
"""

from collections.abc import AsyncGenerator
from pathlib import Path

import structlog
from watchfiles._rust_notify import RustNotify

from kservectl.agent.models.wanted import FILE, UnreadableModels, WantedModels, read_models
from kservectl.download.blocking import in_thread

_GATHER_MS = 200
_STEP_MS = 50


async def wanted_models(folder: Path) -> AsyncGenerator[WantedModels | None]:
    """What is wanted, now and after every change; None first, if it cannot be read at the beginning.

    A text that cannot be read later is logged, and what was wanted before stays. Raises OSError if the folder is not there.
    """
    log = structlog.get_logger(component="puller")
    # The watch begins before the first look, so that no change falls between them: watchfiles' own iterator begins later.
    with RustNotify([str(folder)], False, False, 0, False, False) as watch:
        before: bytes | None = None
        first = True
        while True:
            try:
                text = await in_thread(lambda _: (folder / FILE).read_bytes())
                if text != before:
                    wanted = read_models(text)
                    for why in wanted.refused:
                        log.error("an entry is left out", why=why)
                    before, first = text, False
                    yield wanted
            except (OSError, UnreadableModels) as error:
                log.warning(
                    "the list of models cannot be read; what is there stays", path=str(folder / FILE), why=str(error)
                )
                if first:
                    first = False
                    yield None
            await in_thread(lambda stop: watch.watch(_GATHER_MS, _STEP_MS, 0, stop))
