"""The user that downloads under Istio."""

import json
from typing import Any

import pytest

from kservectl.admission.pods.injectors import inject
from kservectl.modelstorage.refusal import PodRefused
from tests.admission.pods.samples import annotated, container, context, downloader, pod, spec

BARE_PROXY = container("istio-proxy")
PROXY = container("istio-proxy", securityContext={"runAsUser": 1500})
REDIRECT = {"sidecar.istio.io/interceptionMode": "REDIRECT"}
STATUS = REDIRECT | {"sidecar.istio.io/status": json.dumps({"containers": ["istio-proxy"]})}
UID = {"serving.kserve.io/storage-initializer-uid": "2020"}


@pytest.mark.parametrize(
    ("containers", "init", "notes", "uid"),
    [
        ([], [], {}, None),
        ([], [], UID, 2020),
        ([PROXY], [], STATUS | UID, 2020),
        ([PROXY], [], STATUS | {"serving.kserve.io/storage-initializer-uid": "me"}, None),
        ([PROXY], [], STATUS, 1500),
        ([BARE_PROXY], [], STATUS, 1337),
        ([], [BARE_PROXY], STATUS, 1337),
        ([PROXY], [container("istio-init")], STATUS, None),
        ([PROXY], [], STATUS | {"sidecar.istio.io/interceptionMode": "TPROXY"}, None),
        ([PROXY], [], REDIRECT, None),
        ([], [], STATUS, None),
        ([PROXY], [], REDIRECT | {"sidecar.istio.io/status": "{}"}, None),
        ([PROXY], [], REDIRECT | {"sidecar.istio.io/status": "[]"}, None),
    ],
)
def test_the_user_that_downloads_under_istio(containers: Any, init: Any, notes: Any, uid: int | None) -> None:
    original = annotated(pod(container(), *containers, uri="gs://b/m", init=init), **notes)
    where = context(downloader(securityContext={"runAsNonRoot": True}))
    context_of_init = spec(original, where)["initContainers"][-1]["securityContext"]
    assert context_of_init == {"runAsNonRoot": True} | ({} if uid is None else {"runAsUser": uid})


def test_a_status_of_istio_that_is_not_json_is_refused() -> None:
    broken = annotated(pod(uri="gs://b/m"), **REDIRECT, **{"sidecar.istio.io/status": "nonsense"})
    with pytest.raises(PodRefused, match=r"sidecar\.istio\.io/status is not JSON"):
        inject(broken, context())
