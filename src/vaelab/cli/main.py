"""vaelab <command> …: one Hydra application each."""

import sys
from importlib import import_module

from vaelab.signals import run_command

COMMANDS = ("train", "evaluate", "sample", "report", "runs", "dashboard", "doctor")


def main() -> int:
    """Hand over to the command's own application."""
    command = sys.argv[1] if len(sys.argv) > 1 else "--help"
    if command in ("--help", "-h"):
        print(f"usage: vaelab <{'|'.join(COMMANDS)}> key=value …; vaelab <command> --help says more")
        return 0
    if command not in COMMANDS:
        print(f"no command '{command}' (available: {', '.join(COMMANDS)})", file=sys.stderr)
        return 2
    sys.argv = [sys.argv[0], *sys.argv[2:]]
    return run_command(lambda: int(import_module(f"vaelab.cli.{command}").main()))


if __name__ == "__main__":
    raise SystemExit(main())
