import pytest

from api.settings import BadSettings, Settings, load


def test_defaults_and_environment():
    assert load({"PATH": "/bin"}) == Settings()
    assert load({"ANXUN_PORT": "9000", "ANXUN_HOST": "0.0.0.0"}).port == 9000  # noqa: S104
    assert load({"ANXUN_SAMPLES": "/somewhere"}) == Settings()


def test_a_file_gives_what_the_environment_does_not(tmp_path):
    (tmp_path / "anxun.toml").write_text('port = 9000\nhost = "::1"\n')
    settings = load({"ANXUN_CONFIG": str(tmp_path / "anxun.toml"), "ANXUN_PORT": "9001"})
    assert (settings.port, settings.host) == (9001, "::1")


@pytest.mark.parametrize(
    "environment",
    [
        {"ANXUN_PROT": "9000"},
        {"ANXUN_PORT": "many"},
        {"ANXUN_PORT": "99999"},
        {"ANXUN_DEMO_PASSWORD": "short"},
        {"ANXUN_CONFIG": "/nowhere.toml"},
    ],
)
def test_what_is_unknown_or_does_not_fit_is_refused(environment):
    with pytest.raises(BadSettings):
        load(environment)


def test_a_secret_may_lie_in_a_file(tmp_path):
    (tmp_path / "secret").write_text("0123456789abcdef\n")
    assert load({"ANXUN_WEBHOOK_SECRET_FILE": str(tmp_path / "secret")}).webhook_secret == "0123456789abcdef"
    for wrong in (
        {"ANXUN_WEBHOOK_SECRET_FILE": str(tmp_path / "secret"), "ANXUN_WEBHOOK_SECRET": "another"},
        {"ANXUN_WEBHOOK_SECRET_FILE": str(tmp_path / "nothing")},
        {"ANXUN_PORT_FILE": str(tmp_path / "secret")},
    ):
        with pytest.raises(BadSettings):
            load(wrong)


def test_places_lie_in_the_data_folder_unless_said_otherwise(tmp_path):
    settings = Settings(data=str(tmp_path))
    assert settings.database_url == f"sqlite:///{tmp_path}/anxun.db"
    assert settings.photo_place == str(tmp_path / "photos")
    assert Settings(database="postgresql://localhost/x").database_url == "postgresql://localhost/x"
    assert Settings(photos=str(tmp_path / "p")).photo_place == str(tmp_path / "p")
    assert Settings(photos="s3://bucket/prefix/").photo_place == "s3://bucket/prefix"
    for wrong in (Settings(database="mysql://x"), Settings(database="sqlite://")):
        with pytest.raises(BadSettings):
            _ = wrong.database_url
    for wrong in (Settings(photos="gs://bucket"), Settings(photos="s3://")):
        with pytest.raises(BadSettings):
            _ = wrong.photo_place
