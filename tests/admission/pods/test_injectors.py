"""All injectors together."""

import json

from hypothesis import given, settings
from hypothesis import strategies as st

from kservectl.admission.pods.context import InjectionRefused
from kservectl.admission.pods.injectors import inject
from kservectl.objects.metadata import Object
from tests.admission.pods.samples import annotated, container, context, downloader, pod

AGGREGATION, SCRAPING = "serving.kserve.io/enable-metric-aggregation", "serving.kserve.io/enable-prometheus-scraping"
REDIRECT = {"sidecar.istio.io/interceptionMode": "REDIRECT"}
STATUS = REDIRECT | {"sidecar.istio.io/status": json.dumps({"containers": ["istio-proxy"]})}
UID = {"serving.kserve.io/storage-initializer-uid": "2020"}
pods = st.builds(
    lambda containers, init, uri, notes, labels: annotated(
        pod(*[container(name) for name in containers], uri=uri, init=[container(name) for name in init], labels=labels),
        **notes,
    ),
    st.permutations(["transformer-container", "queue-proxy", "istio-proxy", "proxy"]).map(
        lambda names: ["kserve-container", *names[:2]]
    ),
    st.lists(st.sampled_from(["istio-init", "mine"]), unique=True),
    st.sampled_from([None, "gs://b/m", "pvc://claim/x", "oci://image", "hf://a/b"]),
    st.dictionaries(
        st.sampled_from([*REDIRECT, *UID, *STATUS, AGGREGATION, SCRAPING, "storage.kserve.io/readonly"]),
        st.sampled_from(["true", "false", "REDIRECT", '{"containers": ["istio-proxy"]}', "7"]),
    ),
    st.dictionaries(st.sampled_from(["app", "component"]), st.just("x")),
)


@settings(deadline=None)  # how fast is not the question, on a machine that does other things
@given(original=pods, ca=st.sampled_from(["", "cas"]), mode=st.booleans())
def test_injecting_twice_is_injecting_once(original: Object, ca: str, mode: bool) -> None:
    where = context(
        downloader(env=[{"name": "A", "value": "1"}]), storage={"caBundleConfigMapName": ca, "enableModelcar": mode}
    )
    try:
        once = inject(original, where)
    except InjectionRefused as refused:
        assert "not JSON" in str(refused)
        return
    assert inject(once, where) == once
