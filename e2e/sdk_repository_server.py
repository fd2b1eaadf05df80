"""A multi-model server of KServe's Python SDK, for an environment that has it and scikit-learn (sdk_environment.py).

    python sdk_repository_server.py FOLDER PORT

A model is a folder of FOLDER with a `model.joblib`. It begins with none, and loads by the V2 repository interface.
"""

import importlib
import sys
from pathlib import Path
from typing import Any

# By name: the environment that checks types has no SDK.
kserve: Any = importlib.import_module("kserve")
joblib: Any = importlib.import_module("joblib")


def main(folder: Path, port: int) -> None:
    """Serve until told to stop."""

    class JoblibModel(kserve.Model):  # type: ignore[misc]  # the SDK is not there when types are checked
        """A model of scikit-learn, as it was saved."""

        def load(self) -> bool:
            self.model = joblib.load(folder / self.name / "model.joblib")
            self.ready = True
            return True

        def predict(self, payload: Any, headers: Any = None, response_headers: Any = None) -> Any:
            return {"predictions": self.model.predict(payload["instances"]).tolist()}

    class JoblibRepository(kserve.ModelRepository):  # type: ignore[misc]  # as above
        """Loads the models of the folder."""

        def load(self, name: str) -> bool:
            model = JoblibModel(name)
            self.update(model)
            return model.load()

    repository = JoblibRepository(str(folder))
    kserve.ModelServer(http_port=port, enable_grpc=False, workers=1, registered_models=repository).start([])


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
