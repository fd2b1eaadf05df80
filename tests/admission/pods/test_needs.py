"""Which ServiceAccounts and Secrets a pod needs to be seen."""

from typing import Any

import pytest

from kservectl.admission.pods import needs
from kservectl.admission.pods.injectors import inject
from kservectl.modelstorage.context import FindObject
from kservectl.modelstorage.refusal import PodRefused
from kservectl.objects.metadata import Object
from tests.admission.pods.samples import INTERNAL, context, pod, spec
from tests.modelstorage.pods import account, cluster, env_of, secret

NOBODY = cluster()
SPEC = {"storage_spec": "true", "storage_spec_key": "mine"}


def wanted(original: Object, find: FindObject = NOBODY, **more: Any) -> list[str]:
    return [str(reference) for reference in needs.references(original, context(find=find, **more))]


def warned(original: Object, find: FindObject = NOBODY, **more: Any) -> list[str]:
    return list(needs.warnings(original, context(find=find, **more)))


def test_a_download_needs_the_account_unless_it_is_cached_and_then_its_secrets() -> None:
    assert wanted(pod(uri="gs://b/m")) == ["ServiceAccount default/default"]
    assert wanted(pod(uri="gs://b/m"), cluster(account("a", "b"))) == ["Secret default/a", "Secret default/b"]
    assert wanted(pod(uri="gs://b/m"), cluster(account())) == []


def test_a_pod_with_an_account_of_its_own() -> None:
    original = pod(uri="gs://b/m")
    original["spec"]["serviceAccountName"] = "models"
    assert wanted(original) == ["ServiceAccount default/models"]


def test_a_storage_spec_needs_its_secret_instead() -> None:
    assert wanted(pod(uri="<scheme-placeholder>://x", **SPEC)) == ["Secret default/storage-config"]


@pytest.mark.parametrize(
    "original",
    [
        pod(),
        pod(**SPEC),
        pod(uri="pvc://claim"),
        pod(uri="pvc://claim", **SPEC),
        pod(uri="oci+native://image"),
        pod(uri="gs://b/m", init=[{"name": "storage-initializer"}]),
        pod(
            uri="gs://b/m",
            labels={INTERNAL + "localmodel": "m"},
            localmodel_pvc_name="c",
            localmodel_sourceuri="gs://b",
        ),
    ],
)
def test_a_pod_that_downloads_nothing_needs_nothing(original: Object) -> None:
    assert wanted(original, storage={"enableModelcar": True}) == []
    assert warned(original, storage={"enableModelcar": True}) == []


def test_an_agent_needs_the_account_and_a_logger_that_of_its_store() -> None:
    assert wanted(pod(batcher="true")) == ["ServiceAccount default/default"]
    store: Any = {"logger": {"storage": {"path": "s3://l"}}}
    assert wanted(pod(logger="true"), **store) == ["ServiceAccount default/default", "ServiceAccount default/logger-sa"]
    assert wanted(pod(batcher="true"), **store) == ["ServiceAccount default/default"]


def test_a_missing_account_is_a_warning_and_nothing_is_injected() -> None:
    original = pod(uri="gs://b/m")
    (warning,) = warned(original)
    assert warning.startswith("ServiceAccount default/default not found")
    assert len(warning) < 256
    assert spec(original, context(find=NOBODY)) == spec(original)
    assert warned(original, cluster(account())) == []


def test_a_missing_secret_is_refused() -> None:
    with pytest.raises(PodRefused, match="Secret gone not found"):
        inject(pod(uri="gs://b/m"), context(find=cluster(account("gone"))))


def test_a_storage_spec_counts_instead_of_the_account() -> None:
    held = cluster(
        account("hf"), secret("hf", HF_TOKEN="t"), secret("storage-config", mine='{"type": "s3", "bucket": "b"}')
    )
    (init,) = spec(pod(uri="<scheme-placeholder>://x/y", **SPEC), context(find=held))["initContainers"]
    assert init["args"] == ["s3://b/x/y", "/mnt/models"]
    assert "HF_TOKEN" not in env_of(init) and env_of(init)["STORAGE_CONFIG"] == "storage-config/mine"
