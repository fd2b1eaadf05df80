"""An environment of its own for KServe's Python SDK, made once and kept in the cache folder: it brings half of PyPI with it."""

import hashlib
import os
import shutil
import subprocess
import sys
import venv
from pathlib import Path

from e2e.cluster.cache import cache_folder, locked

__all__ = ["SdkUnavailable", "sdk_interpreter"]

_REQUIREMENTS = ("kserve==0.21.*", "kubernetes<36", "scikit-learn==1.*")
"""scikit-learn is for the models that the SDK's servers serve."""
_INSTALL_SECONDS = 900


class SdkUnavailable(Exception):
    """The packages could not be installed; the text says why."""


def sdk_interpreter() -> Path:
    """The Python of the environment, made now if there is none; raises SdkUnavailable."""
    version = f"{sys.version_info[0]}.{sys.version_info[1]} {' '.join(_REQUIREMENTS)}"
    cache = cache_folder(os.environ).parent
    folder = cache / f"sdk-{hashlib.sha256(version.encode()).hexdigest()[:12]}"
    python = folder / "bin" / "python"
    with locked(cache / "sdk.lock", print):
        if not (folder / "complete").exists():
            shutil.rmtree(folder, ignore_errors=True)
            venv.create(folder, with_pip=True)
            pip = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *_REQUIREMENTS]
            done = subprocess.run(pip, capture_output=True, text=True, timeout=_INSTALL_SECONDS, check=False)
            if done.returncode != 0:
                raise SdkUnavailable(f"the SDK cannot be installed: {done.stderr.strip()[-500:]}")
            (folder / "complete").touch()
    return python
