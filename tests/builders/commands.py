"""Runs the command `anxun` as a person does."""

import subprocess

from tests.builders.process import ANXUN


def anxun(process, *command, code=0):
    done = subprocess.run([ANXUN, *command], env=process.environment, capture_output=True, text=True, check=False)
    assert done.returncode == code, done.stderr + done.stdout
    return " ".join((done.stdout + done.stderr).split())
