"""A model server of KServe's Python SDK with a scikit-learn model, for an environment that has both (sdk_environment.py).

    python sdk_server.py PORT NAME

The model tells irises apart: `petals` by the petals' two measures, any other name by all four. It answers the V1 protocol.
"""

import importlib
import sys
from typing import Any

# By name: the environment that checks types has no SDK.
kserve: Any = importlib.import_module("kserve")
datasets: Any = importlib.import_module("sklearn.datasets")
linear_model: Any = importlib.import_module("sklearn.linear_model")


def main(port: int, name: str) -> None:
    """Serve until told to stop."""

    class Irises(kserve.Model):  # type: ignore[misc]  # the SDK is not there when types are checked
        """Learns from the dataset that comes with scikit-learn."""

        def load(self) -> bool:
            found = datasets.load_iris()
            self.kinds = [str(kind) for kind in found.target_names]
            self.model = linear_model.LogisticRegression(max_iter=1000).fit(self.seen(found.data), found.target)
            self.ready = True
            return True

        def seen(self, rows: Any) -> Any:
            return [row[2:] for row in rows] if self.name == "petals" else rows

        def predict(self, payload: Any, headers: Any = None, response_headers: Any = None) -> Any:
            found = self.model.predict(self.seen(payload["instances"]))
            return {"predictions": [{"label": self.kinds[kind], "by": self.name} for kind in found]}

    model = Irises(name)
    model.load()
    kserve.ModelServer(http_port=port, enable_grpc=False, workers=1).start([model])


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2])
