"""Proves how settings are read from the environment and from files, and which ones are refused."""

import pytest

from api.settings import BadSettings, Settings, load_settings


def test_the_environment_overrides_the_defaults():
    assert load_settings({"PATH": "/bin"}) == Settings()
    assert load_settings({"ANXUN_PORT": "9000", "ANXUN_HOST": "0.0.0.0"}).port == 9000  # noqa: S104
    assert load_settings({"ANXUN_SAMPLES": "/somewhere"}) == Settings()


def test_the_environment_overrides_the_config_file(tmp_path):
    (tmp_path / "anxun.toml").write_text('port = 9000\nhost = "::1"\n')
    settings = load_settings({"ANXUN_CONFIG": str(tmp_path / "anxun.toml"), "ANXUN_PORT": "9001"})
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
def test_unknown_and_invalid_settings_are_refused(environment):
    with pytest.raises(BadSettings):
        load_settings(environment)


def test_a_secret_can_be_read_from_a_file(tmp_path):
    (tmp_path / "secret").write_text("0123456789abcdef\n")
    assert load_settings({"ANXUN_WEBHOOK_SECRET_FILE": str(tmp_path / "secret")}).webhook_secret == "0123456789abcdef"
    for wrong in (
        {"ANXUN_WEBHOOK_SECRET_FILE": str(tmp_path / "secret"), "ANXUN_WEBHOOK_SECRET": "another"},
        {"ANXUN_WEBHOOK_SECRET_FILE": str(tmp_path / "nothing")},
        {"ANXUN_PORT_FILE": str(tmp_path / "secret")},
    ):
        with pytest.raises(BadSettings):
            load_settings(wrong)


def test_database_and_photos_are_in_the_data_folder_by_default(tmp_path):
    settings = Settings(data=str(tmp_path))
    assert settings.database_url == f"sqlite:///{tmp_path}/anxun.db"
    assert settings.photo_location == str(tmp_path / "photos")
    assert Settings(database="postgresql://localhost/x").database_url == "postgresql://localhost/x"
    assert Settings(photos=str(tmp_path / "p")).photo_location == str(tmp_path / "p")
    assert Settings(photos="s3://bucket/prefix/").photo_location == "s3://bucket/prefix"
    for wrong in (Settings(database="mysql://x"), Settings(database="sqlite://")):
        with pytest.raises(BadSettings):
            _ = wrong.database_url
    for wrong in (Settings(photos="gs://bucket"), Settings(photos="s3://")):
        with pytest.raises(BadSettings):
            _ = wrong.photo_location
