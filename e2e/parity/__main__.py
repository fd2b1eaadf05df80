"""``python -m e2e.parity``: run the cases, print the score, write docs/parity.md."""

import argparse
import asyncio
import json
import os
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import yaml

from e2e.api import connect
from e2e.installation import account_kubeconfig, install
from e2e.manager import ManagerProcess
from e2e.parity.cases import Cases
from e2e.parity.comparison import compare
from e2e.parity.recording import normalised
from e2e.parity.report import Results, by_kind, overall, page, total, write
from e2e.parity.surroundings import MODES, surround
from e2e.process import PROJECT
from e2e.target import REAL, Target, open_target
from kservectl.objects.metadata import Object

_SHARED = PROJECT.parent / "shared"


def main(arguments: list[str] | None = None) -> int:
    """0 also when there is nothing to compare with; 1 when a case could not be run."""
    options = _parser().parse_args(arguments)
    for folder in (options.cases, options.recordings):
        if not folder.is_dir():
            print(f"parity: skipped, there is no folder {folder} (see --cases and --recordings)")
            return 0
    files = sorted(file for file in options.cases.glob("*.yaml") if options.only in file.stem)
    mode = options.mode or options.recordings.name
    found = _found(options.cluster, files, [file for file in options.surroundings if file.is_file()], mode)
    if options.out:
        options.out.mkdir(parents=True, exist_ok=True)
        for name, recording in found.items():
            (options.out / f"{name}.json").write_text(json.dumps(recording, indent=1, sort_keys=True))
    results = {
        file.stem: compare(_recorded(options.recordings / f"{file.stem}.json"), found[file.stem])
        for file in files
        if (options.recordings / f"{file.stem}.json").is_file()
    }
    _print(results, verbose=options.verbose or bool(options.only))
    if not options.only:
        write(page(results, mode), options.page)
    return 0


def _found(cluster: str, files: Sequence[Path], surroundings: Sequence[Path], mode: str) -> Mapping[str, Object]:
    with (
        tempfile.TemporaryDirectory(prefix="kservectl-parity-") as folder,
        open_target(cluster, Path(folder)) as target,
    ):
        install(target.kubeconfig)
        manager = ManagerProcess(_account(target), Path(folder) / "manager.log")
        manager.start_ready()
        try:
            return asyncio.run(_run(target, files, surroundings, mode))
        finally:
            print(f"parity: the manager ended with {manager.terminate()}", file=sys.stderr)


def _account(target: Target) -> Path:
    return target.kubeconfig if target.is_devcluster else account_kubeconfig(target.kubeconfig, target.folder)


async def _run(target: Target, files: Sequence[Path], surroundings: Sequence[Path], mode: str) -> Mapping[str, Object]:
    cases = {file.stem: list(yaml.safe_load_all(file.read_text())) for file in files}
    objects = [obj for file in surroundings for obj in yaml.safe_load_all(file.read_text()) if obj]
    async with connect(target.kubeconfig) as api:
        await surround(api, objects, mode)
        return await Cases(api).run(cases)


def _recorded(file: Path) -> Object:
    recording: Object = json.loads(file.read_text())
    # Again through our own eyes: what other tools leave in differs.
    objects = {name: normalised(obj, "NS") for name, obj in recording["objects"].items()}
    return {**recording, "objects": objects}


def _print(results: Results, *, verbose: bool) -> None:
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


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m e2e.parity", description=__doc__)
    parser.add_argument("--cases", type=Path, default=_SHARED / "samples", help="manifests, a case each (%(default)s)")
    parser.add_argument(
        "--recordings",
        type=Path,
        default=_SHARED / "recorded" / "raw-gateway",
        help="what to compare with (%(default)s)",
    )
    parser.add_argument("--only", default="", metavar="NAME", help="only the cases with this in their name")
    parser.add_argument(
        "--mode", choices=[*MODES], help="how services are deployed; as the folder of recordings is called unless given"
    )
    parser.add_argument(
        "--surroundings",
        type=Path,
        nargs="*",
        default=[_SHARED / "runtimes.yaml", _SHARED / "inferenceservice-config.yaml"],
        help="runtimes and ConfigMap in place of kservectl's own, where these files exist",
    )
    parser.add_argument("--cluster", default=REAL, metavar="devcluster|real|KUBECONFIG")
    parser.add_argument("--out", type=Path, help="keep what was found there, a file a case")
    parser.add_argument(
        "--page", type=Path, default=PROJECT / "docs" / "parity.md", help="the page to write (%(default)s)"
    )
    parser.add_argument("--verbose", action="store_true", help="print every field that differs")
    return parser


if __name__ == "__main__":
    os.environ.setdefault("PYTHONUNBUFFERED", "1")
    sys.exit(main())
