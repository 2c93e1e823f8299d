import json

import pytest

from config.settings import LISTS, Settings, SettingsError, build_parser, load_settings


def test_the_command_line_outweighs_the_environment_and_that_the_file(tmp_path):
    file = tmp_path / "vigie.json"
    file.write_text(json.dumps({"port": 1000, "host": "0.0.0.0", "ring_hours": 2}))
    env = {"VIGIE_PORT": "2000", "VIGIE_HOST": "::1", "VIGIE_CONFIG": str(file)}
    found = load_settings(["--port", "3000"], env)
    assert (found.port, found.host, found.ring_hours) == (3000, "::1", 2)


def test_dashboard_port_is_honoured_and_outweighed_by_our_own():
    assert load_settings([], {"DASHBOARD_PORT": "9000"}).port == 9000
    assert load_settings([], {"DASHBOARD_PORT": "9000", "VIGIE_PORT": "9001"}).port == 9001


@pytest.mark.parametrize(
    ("argv", "env", "sentence"),
    [
        (["--interval", "3"], {}, "interval must be one of"),
        (["--port", "99999"], {}, "port"),
        *(
            (["--base-path", path], {}, "base_path must begin and end with '/'")
            for path in (
                "vigie", "/vigie", "vigie/", "//", "/a//b/", "/../", "/a/./", "/a b/", "/é/", "/a?b/", "", "/a/\n",
            )
        ),
        (["--redis-url", "http://x"], {}, "redis://"),
        (["--redis-url", "redis://host:port"], {}, "redis_url"),
        (["--database-url", "mysql://x/y"], {}, "postgresql://"),
        ([], {"VIGIE_PROT": "1"}, "VIGIE_PROT is not a setting"),
        (["--interval", "1", "--adaptive-interval"], {}, "one of the two"),
        (["--config", "/nowhere/at/all.json"], {}, "cannot be read"),
    ],
)
def test_a_wrong_setting_is_named_with_what_is_allowed(argv, env, sentence):
    with pytest.raises(SettingsError, match=sentence):
        load_settings(argv, env)


def test_a_url_with_a_password_is_not_repeated_in_the_error():
    with pytest.raises(SettingsError) as error:
        load_settings(["--database-url", "mysql://me:hunter2@x/y"], {})
    assert "hunter2" not in str(error.value)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [("{", "not valid JSON"), ("[]", "one JSON object"), ('{"prot": 1}', "prot is not a setting"),
     ('{"thresholds": {"cpu_warning": 300}}', "thresholds in .* is no setting any more")],
)
def test_a_bad_file_is_told_with_its_key(tmp_path, text, sentence):
    file = tmp_path / "c.json"
    file.write_text(text)
    with pytest.raises(SettingsError, match=sentence):
        load_settings(["--config", str(file)], {})


def test_the_step_follows_the_interval():
    assert Settings().step == 1.0 and Settings().capacity == 21600
    assert Settings(interval=5).capacity == 4320
    assert Settings(adaptive_interval=True).step == 0.5


def test_every_plain_setting_has_an_option():
    text = build_parser().format_help()
    for name in set(Settings.model_fields) - set(LISTS):
        assert "--" + name.replace("_", "-") in text


@pytest.mark.parametrize("path", ["/", "/vigie/", "/ops/vigie-2_a.b~c/", "/.well/"])
def test_a_base_path_is_taken_as_it_is(path):
    assert load_settings([], {"VIGIE_BASE_PATH": path}).base_path == path
