"""Secrets that are masked in what a run stores, and what must stay as it is."""

from __future__ import annotations

import pytest

from rlkit.masking import MASK, masked, masked_bytes, masked_places, masked_settings

HEX = "0123456789abcdef0123456789abcdef01234567"


@pytest.mark.parametrize(
    ("text", "stored"),
    [
        ("AKIAIOSFODNN7EXAMPLE", MASK),
        ("x = 'ghp_abcdefghijklmnopqrstuvwxyz0123456789'", f"x = '{MASK}'"),
        ("github_pat_11ABCDEFG0abcdefghij_klmnop", MASK),
        ("hub=hf_abcdefghijklmnopqrstuvwx", f"hub={MASK}"),
        ("sk-proj-abc_def-ghi0123456789", MASK),
        ("eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.abc-_9", MASK),
        (f"WANDB_API_KEY={HEX}", f"WANDB_API_KEY={MASK}"),
        (f"wandb.key={HEX} seed=1", f"wandb.key={MASK} seed=1"),
        (f'wandb.login(key="{HEX}")', f'wandb.login(key="{MASK}")'),
        ("env.kwargs.password=hunter2 seed=1", f"env.kwargs.password={MASK} seed=1"),
        ("python train.py 'env.kwargs={token: abc, n: 3}'", f"python train.py 'env.kwargs={{token: {MASK}, n: 3}}'"),
        ('+    "api_key": "two words",', f'+    "api_key": "{MASK}",'),
        ("-DB_PASSWORD: hunter2", f"-DB_PASSWORD: {MASK}"),
        ("aws_secret_access_key = wJalrXUtnFEMI/K7MDENG+bPx", f"aws_secret_access_key = {MASK}"),
        ("--token abc", f"--token {MASK}"),
        ("https://me:hunter2@host/x?y=1", f"https://{MASK}@host/x?y=1"),
        (
            "+-----BEGIN RSA PRIVATE KEY-----\n+MIIEowIBAAKCAQEA\n+abcd==\n+-----END RSA PRIVATE KEY-----\n+x = 1",
            f"+-----BEGIN RSA PRIVATE KEY-----\n+{MASK}\n+{MASK}\n+-----END RSA PRIVATE KEY-----\n+x = 1",
        ),
    ],
)  # fmt: skip
def test_a_secret_is_masked_and_what_stands_around_it_stays(text, stored):
    assert masked(text) == stored
    assert masked(stored) == stored, "what was masked stays so"
    assert masked_bytes(b"\xff\x00" + text.encode()) == b"\xff\x00" + stored.encode()


@pytest.mark.parametrize(
    "text",
    [
        f"commit {HEX}",
        f"index {HEX}..{HEX} 100644",
        "task=BoxGrasping numEnvs=2048 train.units=[64,64]",
        "password='${oc.env:PASSWORD}'",
        "env.kwargs.token=${oc.env:HF_TOKEN}",
        "token = next_token(stream)",
        'password = os.environ["PASSWORD"]',
        "def login(password: str, token: Optional[str] = None) -> None:",
        "tokenizer=bpe tokens: 5",
        "git@github.com:x/y.git https://host:8080/path ssh://git@host/x",
        "task-specific_keys risk-adverse-in-all-things",
    ],
)
def test_what_is_no_secret_stays(text):
    assert masked(text) == text


def test_settings_are_masked_by_their_names_and_shapes():
    settings = {
        "env": {"kwargs": {"token": "abc", "password": 123, "n": 3, "urls": ["http://a:b@c"]}},
        "on": True,
    }
    stored = masked_settings(settings)
    assert stored == {
        "env": {"kwargs": {"token": MASK, "password": MASK, "n": 3, "urls": [f"http://{MASK}@c"]}},
        "on": True,
    }
    assert masked_places(stored) == [
        ("env", "kwargs", "token"),
        ("env", "kwargs", "password"),
        ("env", "kwargs", "urls", 0),
    ]
    assert masked_places(settings) == []
    assert masked_settings({"token": "${oc.env:X}", "other_token": "", "max_token": 512}) == {
        "token": "${oc.env:X}",
        "other_token": "",
        "max_token": 512,
    }


@pytest.mark.slow
@pytest.mark.alone
def test_a_large_diff_is_masked_in_time_that_grows_with_it():
    import time

    def cost(count: int) -> float:
        text = ("a" * 500 + "\n" + "+x = 'key' token: y - b.c_d\n" + "Q" * 2000 + "//:@ \n") * count
        started = time.process_time()
        masked(text)
        return time.process_time() - started

    cost(100)
    small, large = min(cost(100) for _ in range(3)), min(cost(800) for _ in range(3))
    assert large < 24 * small
