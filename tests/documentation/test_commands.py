"""Every command of the documentation is run, page by page, as a reader would: on a development cluster, with real kubectl."""

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from documentation.commands import Step, agree, overlooked, results, script, steps
from e2e.process import Process

ROOT = Path(__file__).parents[2]
SECONDS = 120


def pages() -> list[Path]:
    """The pages that have something to run."""
    return [page for page in everything() if runs(page)]


def everything() -> list[Path]:
    return [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]


def runs(page: Path) -> list[Step]:
    return [step for step in steps(page.read_text()) if not step.not_run]


@pytest.fixture(scope="module")
def kubeconfig(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """That of a development cluster, which all pages of this run share, each in a namespace of its own."""
    if shutil.which("kubectl") is None:
        pytest.skip("there is no kubectl on PATH")
    folder = tmp_path_factory.mktemp("cluster")
    file = folder / "kubeconfig"
    process = Process(["dev", "--leader-elect", "--write-kubeconfig", str(file)], folder / "log")
    process.start()
    try:
        process.wait_until(file.exists, "the kubeconfig", 60)
        yield file
    finally:
        process.stop()


@pytest.mark.timeout(SECONDS + 90)
@pytest.mark.parametrize("page", pages(), ids=lambda page: str(page.relative_to(ROOT)))
def test_the_commands_of_a_page_do_what_it_says(page: Path, kubeconfig: Path, tmp_path: Path) -> None:
    home = prepared(tmp_path, page, kubeconfig)
    done = runs(page)

    code, printed, said = bash(script(done), tmp_path, home)

    output = results(printed)
    last = done[max(output, default=0)]
    assert code == 0, f"{page.name}:{last.line}: this ended with {code}:\n{last.command}\n{output}\n{said}"
    for number, step in enumerate(done):
        if step.output is not None:
            shown = f"{page.name}:{step.line}: {step.command}\nshows\n{step.output}\nand printed\n{output[number]}"
            assert agree(step.output, output[number]), shown


def prepared(folder: Path, page: Path, kubeconfig: Path) -> Path:
    """A folder that looks like the repository to its reader; answers the reader's home."""
    for name in (".venv", "e2e"):
        (folder / name).symlink_to(ROOT / name)
    shutil.copytree(ROOT / "manifests", folder / "manifests")  # kustomize follows no links
    home = folder / "home"
    (home / ".kube").mkdir(parents=True)
    config = home / ".kube" / "config"
    namespace = page.stem.lower()
    config.write_text(kubeconfig.read_text())
    for arguments in (
        ["create", "namespace", namespace],
        ["config", "set-context", "--current", f"--namespace={namespace}"],
    ):
        subprocess.run(["kubectl", f"--kubeconfig={config}", *arguments], check=True, capture_output=True, timeout=30)
    return home


def bash(text: str, folder: Path, home: Path) -> tuple[int, str, str]:
    """Exit code, standard output and standard error. What was started in the background ends with the script."""
    environment = {**os.environ, "HOME": str(home), "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    environment.pop("KUBECONFIG", None)
    child = subprocess.Popen(
        ["bash", "-c", text],
        cwd=folder,
        stdin=subprocess.DEVNULL,
        env=environment,
        stdout=(folder / "stdout").open("wb"),
        stderr=(folder / "stderr").open("wb"),
        start_new_session=True,
    )
    try:
        code = child.wait(SECONDS)
    except subprocess.TimeoutExpired:
        code = -1
    finally:
        if alive(child.pid):
            os.killpg(child.pid, signal.SIGKILL)
        child.wait()
    return code, (folder / "stdout").read_text(), (folder / "stderr").read_text()


def alive(group: int) -> bool:
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True


def test_few_blocks_are_not_run_and_each_says_why() -> None:
    found = [step for page in everything() for step in steps(page.read_text()) if not step.hidden]
    left_out = [step for step in found if step.not_run]

    assert len(found) > 3 * len(left_out)


@pytest.mark.parametrize("page", everything(), ids=lambda page: str(page.relative_to(ROOT)))
def test_no_command_is_fenced_as_something_that_is_not_run(page: Path) -> None:
    assert overlooked(page.read_text()) == []


def test_blocks_files_and_hidden_commands_come_in_the_order_of_the_page() -> None:
    page = (
        "<!-- run: echo before -->\n"
        '```yaml title="a.yaml"\nkind: A\n```\n'
        "```console\n$ cat a.yaml\nkind: A\n$ true\n```\n"
        "- in a list:\n\n  <!-- not run: why -->\n\n  ```sh\n  false\n  ```\n"
        "```python\nprint()\n```\n"
    )

    assert [(step.command.splitlines()[0], step.output, step.not_run) for step in steps(page)] == [
        ("echo before", None, ""),
        ("cat > a.yaml <<'END-OF-FILE'", None, ""),
        ("cat a.yaml", "kind: A\n", ""),
        ("true", "", ""),
        ("false", None, "why"),
    ]


@pytest.mark.parametrize("fence", ["```", "```text", "  ```bash"])
def test_commands_under_another_fence_are_found(fence: str) -> None:
    page = f"```json\n{{}}\n```\n\n{fence}\nkubectl get pods\n{fence.rstrip('abehstx')}\n\n```text\na picture\n```\n"
    assert overlooked(page) == [5]


def test_a_block_may_end_with_a_code_of_its_own_and_with_no_other(tmp_path: Path) -> None:
    def ends(command: str) -> int:
        page = f"<!-- ends with 1 -->\n\n```sh\n{command}\n```\n```sh\necho on\n```\n"
        return bash(script(steps(page)), tmp_path, tmp_path)[0]

    assert ends("exit 1; true") == 1, "a script that ends is no command that fails"
    assert [ends("false"), ends("true"), ends("(exit 2)")] == [0, 99, 99]


def test_a_step_that_fails_ends_the_script(tmp_path: Path) -> None:
    code, printed, _ = bash(script([Step(1, "echo one"), Step(2, "false"), Step(3, "echo three")]), tmp_path, tmp_path)

    assert code == 1
    assert results(printed) == {0: "one\n", 1: ""}


@pytest.mark.parametrize(
    ("shown", "printed", "same"),
    [
        ("NAME  AGE\nx  5s", "NAME   AGE\nx   2m3s\n", True),
        ("a … c", "a b c", True),
        ("iris-2f1a9c07d4", "iris-b06e5b1f9e", True),
        ("Ready", "Not Ready", False),
        ("", "something", False),
    ],
)
def test_what_a_page_shows_is_compared_without_ages_hashes_and_space(shown: str, printed: str, same: bool) -> None:
    assert agree(shown, printed) is same
