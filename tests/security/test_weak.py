"""Passwords that are guessed first, and those that are not."""

from __future__ import annotations

import pytest

from security.errors import PasswordRefused
from security.passwords import check_new_password, random_password
from security.weak import is_weak


@pytest.mark.parametrize("password", [
    "password1234", "Password2024!!", "passwordpassword", "P@ssw0rd1234", "qwertyuiop12", "1q2w3e4r5t6y",
    "zaq12wsxcde3",
    "aaaaaaaaaaaa", "abcabcabcabc", "123456789012", "iloveyou1234", "welcome12345!", "Summer2026!!!", "qwerty123456",
    "administrator", "letmein123456", "vigie-vigie-1", "vigie-admin-2026", "ada.lovelace12", "football2025",
    "asdfghjkl123",
    "24-12-2025-24-12", "motdepasse2026", "superman12345", "changeme1234",
])
def test_a_common_one_is_refused(password: str) -> None:
    with pytest.raises(PasswordRefused):
        check_new_password(password, "ada.lovelace")


@pytest.mark.parametrize("password", [
    "correct horse battery", "three herons by the quay", "a lookout keeps watch", "Tr0ub4dor&3xyz", "kJ8#vQ2!mZ4$",
    "x7Gq2LpW9sTz",
    "mon chat dort au soleil", "夏の夜の猫と月と星の夢を見る", "grünes Sofa im Regen",
])
def test_one_of_its_owners_own_passes(password: str) -> None:
    check_new_password(password, "ada.lovelace")


def test_what_vigie_makes_itself_passes() -> None:
    assert not any(is_weak(random_password(), ["vigie"]) for _ in range(2000))


def test_twelve_characters_are_the_least() -> None:
    with pytest.raises(PasswordRefused, match="at least 12"):
        check_new_password("kJ8#vQ2!mZ4", "ada")
