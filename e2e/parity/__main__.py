"""``python -m e2e.parity``: run the cases in each mode, print the scores, write docs/parity.md."""

import argparse
import asyncio
import json
import os
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import yaml

from e2e.api import connect
from e2e.installation import account_kubeconfig, install
from e2e.manager import ManagerProcess
from e2e.parity.cases import Cases
from e2e.parity.comparison import compare
from e2e.parity.recording import normalised
from e2e.parity.report import Results, by_kind, overall, page_of, section, total, unexplained, with_section, write
from e2e.parity.surroundings import MODES, surround
from e2e.process import PROJECT
from e2e.target import REAL, Target, open_target
from kservectl.objects.metadata import Object

_SHARED = PROJECT.parent / "shared"
_MOST_TOLD = 40


def main(arguments: list[str] | None = None) -> int:
    """0 also when there is nothing to compare with; 1 when a case could not be run."""
    options = _parser().parse_args(arguments)
    modes = [mode for mode in options.mode or MODES if _has_recordings(options.recordings / mode)]
    if not modes:
        return 0
    if not options.cases.is_dir():
        print(f"parity: skipped, there is no folder of cases {options.cases} (see --cases)")
        return 0
    files = sorted(file for file in options.cases.glob("*.yaml") if options.only in file.stem)
    surroundings = [file for file in options.surroundings if file.is_file()]
    with tempfile.TemporaryDirectory(prefix="kservectl-parity-") as folder:
        for mode, found in _found(options.cluster, Path(folder), files, surroundings, modes):
            if options.out:
                _keep(found, options.out / mode)
            results = _compared(found, options.recordings / mode)
            _print(mode, results, verbose=options.verbose or bool(options.only))
            if not options.only:
                write(with_section(page_of(options.page), mode, section(results)), options.page)
    return 0


def _has_recordings(folder: Path) -> bool:
    if not folder.is_dir():
        print(f"parity: {folder.name} is skipped, there is no folder {folder} (see --recordings)")
    return folder.is_dir()


def _found(
    cluster: str, folder: Path, files: Sequence[Path], surroundings: Sequence[Path], modes: Sequence[str]
) -> Iterator[tuple[str, Mapping[str, Object]]]:
    """Each mode with what its cases led to, on one cluster, by a manager that was started for the mode."""
    with open_target(cluster, folder) as target:
        install(target.kubeconfig)
        account = target.kubeconfig if target.is_devcluster else account_kubeconfig(target.kubeconfig, target.folder)
        for mode in modes:
            manager = ManagerProcess(account, folder / f"manager-{mode}.log")
            try:
                yield mode, asyncio.run(_run(target, manager, files, surroundings, mode))
            finally:
                manager.stop()
                print(f"parity: the manager of {mode} ended with {manager.exit_code}", file=sys.stderr)


async def _run(
    target: Target, manager: ManagerProcess, files: Sequence[Path], surroundings: Sequence[Path], mode: str
) -> Mapping[str, Object]:
    cases = {file.stem: list(yaml.safe_load_all(file.read_text())) for file in files}
    objects = [obj for file in surroundings for obj in yaml.safe_load_all(file.read_text()) if obj]
    async with connect(target.kubeconfig) as api:
        await asyncio.to_thread(manager.start_ready)  # its webhooks have a say in what is put there
        await surround(api, objects, mode)
        return await Cases(api, mode).run(cases)


def _keep(found: Mapping[str, Object], folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, recording in found.items():
        (folder / f"{name}.json").write_text(json.dumps(recording, indent=1, sort_keys=True))


def _compared(found: Mapping[str, Object], recordings: Path) -> Results:
    files = {name: recordings / f"{name}.json" for name in found}
    return {name: compare(_recorded(file), found[name]) for name, file in files.items() if file.is_file()}


def _recorded(file: Path) -> Object:
    recording: Object = json.loads(file.read_text())
    # Again through our own eyes: what other tools leave in differs.
    objects = {name: normalised(obj, "NS") for name, obj in recording["objects"].items()}
    return {**recording, "objects": objects}


def _print(mode: str, results: Results, *, verbose: bool) -> None:
    print(f"mode {mode}")
    for name, scores in sorted(results.items()):
        score = total(scores)
        print(f"{name:<60} {score.equal:>5}/{score.total:<5} {score.share:.4f}")
        for difference in score.differences if verbose else ():
            print(f"    {difference}")
    for kind, score in sorted(by_kind(results).items()):
        print(f"{kind:<60} {score.equal:>5}/{score.total:<5} {score.share:.4f}")
    whole = overall(results)
    identical = sum(1 for scores in results.values() if not total(scores).differences)
    print(f"identical cases {identical}/{len(results)}; equal fields {whole.equal}/{whole.total} = {whole.share:.4f}")
    told = unexplained(results)
    print(f"fields that differ for no known reason (see e2e/parity/reasons.py): {len(told)}")
    for difference in told[:_MOST_TOLD]:
        print(f"    {difference}")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m e2e.parity", description=__doc__)
    parser.add_argument("--cases", type=Path, default=_SHARED / "samples", help="manifests, a case each (%(default)s)")
    parser.add_argument(
        "--recordings",
        type=Path,
        default=_SHARED / "recorded",
        help="a folder of recordings for each mode (%(default)s)",
    )
    parser.add_argument("--only", default="", metavar="NAME", help="only the cases with this in their name")
    parser.add_argument(
        "--mode", choices=[*MODES], action="append", help="how services are deployed; may be repeated (default: each)"
    )
    parser.add_argument(
        "--surroundings",
        type=Path,
        nargs="*",
        default=[_SHARED / "runtimes.yaml", _SHARED / "inferenceservice-config.yaml"],
        help="runtimes and ConfigMap in place of kservectl's own, where these files exist",
    )
    parser.add_argument("--cluster", default=REAL, metavar="devcluster|real|KUBECONFIG")
    parser.add_argument("--out", type=Path, help="keep what was found there, MODE/CASE.json")
    parser.add_argument(
        "--page", type=Path, default=PROJECT / "docs" / "parity.md", help="the page to write (%(default)s)"
    )
    parser.add_argument("--verbose", action="store_true", help="print every field that differs")
    return parser


if __name__ == "__main__":
    os.environ.setdefault("PYTHONUNBUFFERED", "1")
    sys.exit(main())
