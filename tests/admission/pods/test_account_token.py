"""The token's mount in containers that the webhook adds."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from kservectl.admission.pods.account_token import with_account_token
from kservectl.objects.metadata import Object
from tests.admission.pods.samples import container, done, pod

PATH = "/var/run/secrets/kubernetes.io/serviceaccount"
TOKEN = {"name": "kube-api-access-x7z", "readOnly": True, "mountPath": PATH}
MODEL = {"name": "kserve-provision-location", "mountPath": "/mnt/models"}
URI = "gs://b/m"


def mounts(made: Object, field: str, position: int = 0) -> Any:
    return made["spec"][field][position].get("volumeMounts")


def test_an_added_container_mounts_the_token_after_its_own_mounts() -> None:
    made = done(pod(container(volumeMounts=[TOKEN]), uri=URI))
    assert mounts(made, "initContainers") == [MODEL, TOKEN]
    assert mounts(made, "containers") == [TOKEN, {**MODEL, "readOnly": True}]


def test_a_pod_without_token_gets_none() -> None:
    assert mounts(done(pod(uri=URI)), "initContainers") == [MODEL]


def test_what_a_person_mounts_in_its_place_is_not_spread() -> None:
    own = {"name": "my-token", "mountPath": PATH}
    assert mounts(done(pod(container(volumeMounts=[own]), uri=URI)), "initContainers") == [MODEL]
    before = pod(container(volumeMounts=[TOKEN]))
    after = pod(*before["spec"]["containers"], container("new", volumeMounts=[own]))
    assert with_account_token(after, before) == after


def test_side_cars_get_it_too_and_containers_that_came_stay_as_they_are() -> None:
    before = pod(container(volumeMounts=[TOKEN]), container("own"))
    came = before["spec"]["containers"]
    made = with_account_token(pod(*came, container("agent"), container("other", volumeMounts=[MODEL])), before)
    assert made["spec"]["containers"][:2] == came
    assert (mounts(made, "containers", 2), mounts(made, "containers", 3)) == ([TOKEN], [MODEL, TOKEN])


@given(st.lists(st.sampled_from(["a", "b", "c"]), unique=True), st.booleans())
def test_the_api_server_finds_nothing_to_add(added: list[str], token: bool) -> None:
    before = pod(container(volumeMounts=[TOKEN] if token else []))
    made = with_account_token(pod(*before["spec"]["containers"], *map(container, added)), before)
    has = [any(mount["mountPath"] == PATH for mount in each["volumeMounts"]) for each in made["spec"]["containers"][:1]]
    has += [bool(each.get("volumeMounts")) for each in made["spec"]["containers"][1:]]
    assert all(has) if token else not any(has)
    assert with_account_token(made, before) == made
