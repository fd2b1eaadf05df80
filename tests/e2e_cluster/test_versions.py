"""The versions that are named in Python and in Go are the same."""

import re

import pytest

from e2e.cluster.versions import ETCD_VERSION, GO_SOURCES, KUBERNETES_VERSION, KWOK_VERSION, PROGRAMS, parse_version

CONTROL_PLANE = (GO_SOURCES / "controlplane" / "go.mod").read_text()
KWOK = (GO_SOURCES / "kwok" / "go.mod").read_text()


def test_go_modules_require_the_named_versions() -> None:
    assert f"k8s.io/kubernetes v{KUBERNETES_VERSION}\n" in CONTROL_PLANE
    assert f"go.etcd.io/etcd/server/v3 v{ETCD_VERSION}\n" in CONTROL_PLANE
    assert f"sigs.k8s.io/kwok v{KWOK_VERSION}\n" in KWOK


def test_every_staging_module_is_replaced_by_its_published_version() -> None:
    staging = KUBERNETES_VERSION.replace("1.", "v0.", 1)
    replaced = dict(re.findall(r"^\t(k8s\.io/\S+) => \1 (\S+)$", CONTROL_PLANE, re.MULTILINE))

    assert set(replaced.values()) == {staging}
    assert {"k8s.io/api", "k8s.io/apiserver", "k8s.io/client-go", "k8s.io/component-base"} <= set(replaced)
    assert "v0.0.0\n" not in CONTROL_PLANE


@pytest.mark.parametrize("name", PROGRAMS)
def test_every_program_has_its_sources(name: str) -> None:
    program = PROGRAMS[name]
    assert (GO_SOURCES / program.package / "main.go").exists()
    assert (program.module / "go.sum").exists()


def test_kubernetes_programs_are_stamped_with_their_version() -> None:
    flags = PROGRAMS["kube-apiserver"].link_flags

    assert f"component-base/version.gitVersion=v{KUBERNETES_VERSION}" in flags
    assert "component-base/version.gitMajor=1" in flags
    assert "component-base/version.gitMinor=34" in flags


@pytest.mark.parametrize(
    ("text", "version"),
    [
        ("Kubernetes v1.34.4", (1, 34, 4)),
        ("etcd Version: 3.6.4\nGit SHA: 1.2.3", (3, 6, 4)),
        ("kwok version v0.8.0 go1.26.8", (0, 8, 0)),
        ("1.26.0", (1, 26, 0)),
        ("nothing of the kind", None),
    ],
)
def test_versions_are_read_from_what_programs_print(text: str, version: tuple[int, int, int] | None) -> None:
    assert parse_version(text) == version


@pytest.mark.parametrize(
    ("found", "accepted"),
    [((1, 34, 0), True), ((1, 34, 9), True), ((1, 33, 4), False), ((2, 34, 4), False), (None, False)],
)
def test_another_patch_is_accepted_and_another_minor_version_is_not(
    found: tuple[int, int, int] | None, accepted: bool
) -> None:
    assert PROGRAMS["kube-apiserver"].accepts(found) is accepted
