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
UNSAID = {"sidecar.istio.io/status": STATUS["sidecar.istio.io/status"]}
SEVERAL = REDIRECT | {"sidecar.istio.io/status": json.dumps({"containers": ["istio-proxy", "other"]})}
OTHER = container("other", securityContext={"runAsUser": 7})
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
        ([PROXY], [container("istio-init")], STATUS | UID, 2020),
        ([PROXY], [container("mine")], STATUS, 1500),
        ([PROXY], [], UNSAID, None),
        ([OTHER, PROXY], [], SEVERAL, 1500),
        ([PROXY], [], STATUS | {"sidecar.istio.io/interceptionMode": "TPROXY"}, None),
        ([PROXY], [], REDIRECT, None),
        ([], [], STATUS, None),
        ([PROXY], [], REDIRECT | {"sidecar.istio.io/status": "{}"}, None),
        ([PROXY], [], REDIRECT | {"sidecar.istio.io/status": "[]"}, None),
        ([PROXY], [], REDIRECT | {"sidecar.istio.io/status": '{"containers": []}'}, None),
        ([PROXY], [], REDIRECT | {"sidecar.istio.io/status": '{"containers": {"a": 1}}'}, None),
        ([], [], {"serving.kserve.io/storage-initializer-uid": "-1"}, -1),
        ([], [], {"serving.kserve.io/storage-initializer-uid": "٣"}, None),
    ],
)
def test_the_user_that_downloads_under_istio(containers: Any, init: Any, notes: Any, uid: int | None) -> None:
    original = annotated(pod(container(), *containers, uri="gs://b/m", init=init), **notes)
    where = context(downloader(securityContext={"runAsNonRoot": True, "runAsUser": 5}))
    context_of_init = spec(original, where)["initContainers"][-1]["securityContext"]
    assert context_of_init == {"runAsNonRoot": True, "runAsUser": 5 if uid is None else uid}


def test_a_status_of_istio_that_is_not_json_is_refused() -> None:
    broken = annotated(pod(uri="gs://b/m"), **REDIRECT, **{"sidecar.istio.io/status": "nonsense"})
    with pytest.raises(PodRefused, match=r"sidecar\.istio\.io/status is not JSON"):
        inject(broken, context())


def test_only_the_download_changes_its_user() -> None:
    broken = annotated(pod(init=[container("mine")]), **REDIRECT, **{"sidecar.istio.io/status": "nonsense"})
    assert spec(broken) == broken["spec"]
    (mine, _) = spec(annotated(pod(uri="gs://b/m", init=[container("mine")]), **UID))["initContainers"]
    assert mine == container("mine")
