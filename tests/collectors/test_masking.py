"""Secrets in command lines do not leave the collector; what is none stays readable."""

from __future__ import annotations

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collectors.masking import HIDDEN, is_secret_name, mask_command

SECRET = "Zq7fYp93LmTx0vRb"  # no word of it stands in any command line below

HIDES = [
    ["app", f"--password={SECRET}"],
    ["app", "--password", SECRET],
    ["app", "--password", f"-{SECRET}"],
    ["app", f"-password={SECRET}"],
    ["app", "--token", SECRET, "--port", "80"],
    ["app", f"--api-key={SECRET}"],
    ["vllm", "serve", "m", "--api-key", SECRET],
    ["app", f"--hf.token={SECRET}"],
    ["app", "--clientSecret", SECRET],
    ["env", f"API_KEY={SECRET}", "app"],
    ["env", f"KEY={SECRET}", "app"],
    ["env", f"HF_TOKEN={SECRET}", "app"],
    ["env", f"AWS_SECRET_ACCESS_KEY={SECRET}", "app"],
    ["env", f"PGPASSWORD={SECRET}", "psql"],
    ["psql", f"postgresql://ana:{SECRET}@db/x"],
    ["app", f"--redis-url=redis://:{SECRET}@cache:6379/0"],
    ["curl", f"https://ana:{SECRET}@host/path"],
    ["curl", f"https://host/path?x=1&token={SECRET}&y=2"],
    ["curl", f"https://host/path?api_key={SECRET}"],
    ["curl", "-u", f"ana:{SECRET}", "https://host"],
    ["curl", "-H", f"Authorization: Bearer {SECRET}", "https://host"],
    ["curl", "-H", f"Authorization: {SECRET}", "https://host"],
    ["curl", "-H", f"X-Api-Key: {SECRET}", "https://host"],
    ["curl", f"--header=Authorization: Basic {SECRET}"],
    ["curl", "-d", f'{{"password": "{SECRET}", "user": "ana"}}', "https://host"],
    ["curl", "-d", f"user=ana&password={SECRET}", "https://host"],
    ["app", f"sk-{SECRET}"],
    ["app", f"--model=x,sk-proj-{SECRET}"],
    ["app", f"hf_{SECRET}"],
    ["app", f"ghp_{SECRET}"],
    ["app", f"nvapi-{SECRET}"],
    ["mysql", "-uroot", f"-p{SECRET}", "db"],
    ["sshpass", "-p", SECRET, "ssh", "host"],
    ["sshpass", f"-p{SECRET}", "ssh", "host"],
    ["redis-cli", "-a", SECRET, "ping"],
    ["redis-server", "--requirepass", SECRET],
    ["docker", "login", "-u", "ana", "-p", SECRET],
    ["docker", "run", "-e", f"DB_PASSWORD={SECRET}", "image"],
    ["sh", "-c", f"PASSWORD={SECRET} exec app --port 80"],
    ["sh", "-c", f"app --password {SECRET} --port 80"],
    ["sh", "-c", f"app --password '{SECRET} with words' --port 80"],
    ["bash", "-c", f"mysql -p{SECRET} db"],
    ["ssh", "host", f"sudo sh -c 'app --token {SECRET}'"],
    [f"worker: app --token={SECRET} renamed itself"],
    ["app", "--password", f"two words {SECRET}"],
    ["app", "-c", f"password: {SECRET}"],
    ["app", f'--config={{"auth":{{"secret":"{SECRET}"}}}}'],
]


@pytest.mark.parametrize("argv", HIDES, ids=lambda argv: " ".join(argv)[:60])
def test_a_secret_is_hidden(argv: list[str]) -> None:
    masked = mask_command(argv)
    assert SECRET not in masked
    assert HIDDEN in masked


KEEPS = [
    ["vllm", "serve", "org/model", "--max-num-batched-tokens", "8192", "--tokenizer", "org/tok"],
    ["llama-server", "-m", "/models/m.gguf", "--ctx-size", "4096", "-p", "hello", "--keep", "5"],
    ["app", "--token-limit", "4096", "--password-file", "/run/secrets/pw"],
    ["nginx", "-g", "daemon off; master_process on;"],
    ["server", "--key", "/etc/tls/server.pem", "--ssl-key=/etc/tls/key.pem"],
    ["docker", "run", "-p", "8080:80", "image"],
    ["python", "-m", "http.server", "8000"],
    ["ssh", "-p", "2222", "ana@host"],
    ["mount", "-t", "nfs", "server:/share", "/mnt"],
    ["postgres: app app 10.0.0.7(5555) idle"],
    ["curl", "https://host:8443/path?page=2&sort=name"],
    ["app", "--authorization-mode", "rbac", "--keyboard", "fr", "--monkey=1"],
    ["/opt/café/日本", "--naïve", "yes"],
    ["bash", "-c", "echo  'two  spaces'   and \"quotes\""],
]


@pytest.mark.parametrize("argv", KEEPS, ids=lambda argv: " ".join(argv)[:60])
def test_what_is_no_secret_stays(argv: list[str]) -> None:
    assert mask_command(argv) == " ".join(argv)


def test_the_rest_of_the_line_stays() -> None:
    masked = mask_command(["curl", "-H", f"Authorization: Bearer {SECRET}", "https://ana:pw12345@host/x?token=abcdef&y=2"])
    assert masked == f"curl -H Authorization: {HIDDEN} https://ana:{HIDDEN}@host/x?token={HIDDEN}&y=2"


def test_a_flag_without_a_value_hides_no_option() -> None:
    assert mask_command(["app", "--auth", "--port", "80"]) == "app --auth --port 80"


_VALUES = st.text(string.ascii_letters + string.digits + "_.~+%^", min_size=6, max_size=40).map(lambda v: "Q7" + v)
_NAMES = st.sampled_from(["password", "api-key", "token", "db_password", "client.secret", "access-token", "passphrase"])
_FILLERS = st.lists(
    st.sampled_from(["--port", "80", "-v", "serve", "--model=org/m", "é日", "-", "--", "'", '"', "a b", "", "=", ":"]),
    max_size=5,
)


@given(name=_NAMES, value=_VALUES, before=_FILLERS, after=_FILLERS)
def test_an_option_hides_its_value_whatever_stands_around(
    name: str, value: str, before: list[str], after: list[str]
) -> None:
    for argv in (
        ["app", *before, f"--{name}={value}", *after],
        ["app", *before, f"--{name}", value, *after],
        ["env", *before, f"{name.upper().replace('-', '_').replace('.', '_')}={value}", *after],
    ):
        assert value not in mask_command(argv)


@given(value=_VALUES, user=st.text(string.ascii_lowercase, max_size=8), before=_FILLERS)
def test_a_url_hides_its_password(value: str, user: str, before: list[str]) -> None:
    masked = mask_command(["app", *before, f"amqp://{user}:{value}@host:5672/v"])
    assert value not in masked
    assert masked.endswith(f"amqp://{user}:{HIDDEN}@host:5672/v")


@given(
    prefix=st.sampled_from(["sk-", "sk-ant-", "hf_", "ghp_", "gsk_"]),
    value=st.text(string.ascii_letters + string.digits, min_size=12, max_size=60),
    left=st.sampled_from(["", "x=", "--model ", "key:", "(", '"', "/"]),
)
def test_known_tokens_are_hidden_wherever_they_stand(prefix: str, value: str, left: str) -> None:
    assert value not in mask_command(["app", f"{left}{prefix}{value}"])


@given(argv=st.lists(st.text(max_size=60), max_size=8))
def test_any_text_is_masked_without_failing(argv: list[str]) -> None:
    mask_command(argv)


def test_names_are_judged_by_their_words() -> None:
    assert all(map(is_secret_name, ("--api-key", "HF_TOKEN", "clientSecret", "APIKey", "DB_PASS", "PGPASSWORD")))
    assert not any(map(is_secret_name, ("--max-tokens", "tokenizer", "--token-limit", "monkey", "passenger", "--host")))
