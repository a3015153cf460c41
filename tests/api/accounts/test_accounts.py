"""Proves that the `anxun user` command creates and lists accounts on the server's own machine."""

import pytest
from click.testing import CliRunner
from sqlalchemy import select

from api.commands.main import commands
from storage.accounts.tables import security_events
from storage.engine.connections import write_access, writing_engine
from storage.engine.sqlite import DatabaseInUse
from storage.migration import migrate
from tests.builders.api import PASSWORD


def run_anxun(tmp_path, *command, code=0, **options):
    environment = {"ANXUN_DATA": str(tmp_path), "ANXUN_DATABASE": f"sqlite:///{tmp_path}/anxun.db"}
    done = CliRunner().invoke(commands, command, env=environment, **options)
    assert done.exit_code == code, (done.output, done.exception)
    return done


def test_the_command_creates_the_first_administrator(tmp_path):
    migrate(f"sqlite:///{tmp_path}/anxun.db")
    add = ("user", "add", "zheng", "--name", "郑", "--role", "admin:")
    done = run_anxun(tmp_path, *add, input=f"{PASSWORD}\n{PASSWORD}\n")
    assert PASSWORD not in done.output
    (tmp_path / "password").write_text(f"{PASSWORD}\n")
    run_anxun(tmp_path, "user", "add", "qian", "--name", "钱", "--password-file", str(tmp_path / "password"))
    output = run_anxun(tmp_path, "user", "list").output
    assert "zheng  郑  admin:\n" in output
    assert "qian  钱" in output
    engine = writing_engine(f"sqlite:///{tmp_path}/anxun.db")
    with engine.connect() as connection:
        lines = connection.execute(select(security_events.c.event, security_events.c.by, security_events.c.about)).all()
    engine.dispose()
    assert [tuple(line) for line in lines] == [("account.made", "system", name) for name in ("zheng", "qian")]


@pytest.mark.parametrize(
    ("command", "words"),
    [
        (("zheng", "--role", "admin"), "admin:330402009036"),
        (("zheng", "--role", "king:"), "Invalid enum value 'king'"),
        (("zheng", "--role", "officer:330402009036"), "没有以此开头的社区"),
        (("system",), "由系统保留"),
    ],
)
def test_the_command_explains_why_it_creates_no_account(tmp_path, command, words):
    migrate(f"sqlite:///{tmp_path}/anxun.db")
    (tmp_path / "password").write_text(PASSWORD)
    file = ("--password-file", str(tmp_path / "password"))
    done = run_anxun(tmp_path, "user", "add", *command, "--name", "某", *file, code=1)
    assert words in str(done.exception)


def test_the_command_creates_no_account_while_a_server_runs(tmp_path):
    migrate(f"sqlite:///{tmp_path}/anxun.db")
    (tmp_path / "password").write_text(PASSWORD)
    command = ("user", "add", "zheng", "--name", "郑", "--password-file", str(tmp_path / "password"))
    with write_access(f"sqlite:///{tmp_path}/anxun.db"):
        done = run_anxun(tmp_path, *command, code=1)
        assert isinstance(done.exception, DatabaseInUse)
        assert "in use by another anxun process" in str(done.exception)
        assert run_anxun(tmp_path, "user", "list").output == ""
