"""``python -m e2e.cluster``: keep a cluster running for development."""

import argparse
import shutil
import sys
from pathlib import Path

from e2e.cluster.cluster import RunningCluster, bring_up
from e2e.cluster.errors import ClusterError
from e2e.cluster.state import load_state

_DEFAULT_FOLDER = Path(__file__).parents[2] / ".cache" / "cluster"


def main(arguments: list[str] | None = None) -> int:
    """Run one command; return the exit code: 0 when all is well, 1 when the cluster is not up, 2 for an error."""
    options = _parser().parse_args(arguments)
    folder = options.dir.absolute()
    try:
        if options.command == "up":
            return _up(folder)
        if options.command == "down":
            if options.when_input_ends:
                sys.stdin.buffer.read()
            return _down(folder, delete=options.delete)
        return _status(folder)
    except ClusterError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2


def _up(folder: Path) -> int:
    cluster = bring_up(folder, lambda line: print(line, flush=True))
    print(f"export KUBECONFIG={cluster.kubeconfig}")
    return 0


def _down(folder: Path, *, delete: bool) -> int:
    # Without this, --delete could take a folder that never was a cluster's.
    if load_state(folder) is None:
        print(f"there is no cluster in {folder}")
        return 0
    RunningCluster.attach(folder).stop()
    if delete:
        shutil.rmtree(folder)
    print(f"the cluster in {folder} is stopped" + (" and deleted" if delete else ""))
    return 0


def _status(folder: Path) -> int:
    if load_state(folder) is None:
        print(f"there is no cluster in {folder}")
        return 1
    cluster = RunningCluster.attach(folder)
    well = True
    for component in cluster.components.values():
        pid = component.pid
        ready = component.is_ready()
        well = well and ready
        condition = "ready" if ready else "not ready" if pid else "stopped"
        print(f"{component.name:<24} {condition:<10} port {component.port:<6} pid {pid or '-':<8} {component.log}")
    if well:
        print(f"export KUBECONFIG={cluster.kubeconfig}")
    return 0 if well else 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m e2e.cluster", description=__doc__)
    parser.add_argument("--dir", type=Path, default=_DEFAULT_FOLDER, help="the cluster's folder (default: %(default)s)")
    # Also after the command, where people write it.
    place = argparse.ArgumentParser(add_help=False)
    place.add_argument("--dir", type=Path, default=argparse.SUPPRESS, help="the cluster's folder")
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("up", parents=[place], help="start it, with the data it had, and wait until it is ready")
    down = commands.add_parser("down", parents=[place], help="stop it")
    down.add_argument("--delete", action="store_true", help="delete its folder, and so its data, too")
    down.add_argument("--when-input-ends", action="store_true", help="wait for the end of standard input first")
    commands.add_parser("status", parents=[place], help="show its components")
    return parser


if __name__ == "__main__":
    sys.exit(main())
