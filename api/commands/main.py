"""The entry point `anxun`, which imports a command only when it is called, since most need few modules."""
# click leaves parts of its decorators untyped:
# pyright: reportUnknownMemberType=false

import sys
from importlib import import_module
from typing import Any, NoReturn

import rich_click as click
from rich.console import Console
from sqlalchemy.exc import DBAPIError

from api.process.printable import escape_lines
from storage.engine.failures import OperatorError, as_unavailable
from storage.private_files import restrict_new_files

_COMMANDS = {
    "serve": "serve.serve",
    "work": "work.work",
    "migrate": "database.migrate",
    "demo": "demo.demo",
    "backup": "backups.backup",
    "restore": "backups.restore",
    "verify": "backups.verify",
    "recount": "database.recount",
    "history": "histories.history",
    "user": "accounts.user",
    "notices": "notices.notices",
    "openapi": "documents.openapi",
    "import": "imports.imports",
    "simulate": "simulate.simulate",
}
"""The module in this package and the function of each command."""


class Commands(click.RichGroup):
    """A command group that imports the module of a command when the command is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002  # click's own signature
        return sorted(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> Any:  # noqa: ARG002  # as above
        if cmd_name not in _COMMANDS:
            return None
        module, _, name = _COMMANDS[cmd_name].partition(".")
        return getattr(import_module(f"api.commands.{module}"), name)


@click.group(cls=Commands)
@click.version_option(package_name="anxun")
def commands() -> None:
    """Anxun 安巡: the backend of a sub-district office's safety inspection.

    Settings come from the environment: ANXUN_DATA (folder of the embedded default, ./anxun-data), ANXUN_HOST and
    ANXUN_PORT (127.0.0.1:8000), ANXUN_DEMO_PASSWORD, ANXUN_CONFIG (a TOML file with the same names in lower case).
    """


def main() -> None:
    """Runs a command; an error that the operator can fix is printed on one line, with exit status 2."""
    restrict_new_files()
    try:
        commands(standalone_mode=True)
    except (OperatorError, OSError) as error:
        _exit_with_error(str(error))
    except DBAPIError as error:
        if as_unavailable(error) is None:
            raise
        _exit_with_error(f"database: {error.orig}")


def _exit_with_error(words: str) -> NoReturn:
    Console(stderr=True).print(escape_lines(words), style="red", markup=False)
    sys.exit(2)
