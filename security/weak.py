"""Which passwords are guessed first: what remains of one when the words, runs and dates that everybody uses are gone.

No list of leaked passwords is kept: those of twelve characters and more are, nearly all, a few such words strung
together (``password1234``, ``qwertyuiop12``, ``Welcome2024!!``), and this finds them as well as those no list has.
Source: NIST SP 800-63B, 5.1.1.2 (common, repetitive, sequential and context-specific values).
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

LEAST_OWN = 5
"""Characters that must remain."""
LEAST_DIFFERENT = 4
"""Different ones among them."""
WORDS = tuple(sorted((
    "password", "passw0rd", "passwort", "motdepasse", "passphrase", "passcode", "kennwort", "contrasena", "senha",
    "pass", "qwerty", "azerty", "qwertz", "admin", "administrator", "administrateur", "root", "user", "guest",
    "login", "signin", "welcome", "bienvenue", "willkommen", "letmein", "iloveyou", "ilove", "loveyou", "jetaime",
    "teamo", "secret", "changeme", "changeit", "default", "temporary", "temp", "test", "testing", "demo", "example",
    "sample", "master", "server", "system", "monitor", "monitoring", "dashboard", "superuser", "manager", "computer",
    "internet", "network", "security", "access", "hello", "bonjour", "hallo", "dragon", "monkey", "sunshine",
    "princess", "football", "baseball", "basketball", "soccer", "hockey", "superman", "batman", "spiderman",
    "starwars", "pokemon", "naruto", "trustno", "shadow", "michael", "jennifer", "jordan", "charlie", "ashley",
    "daniel", "jessica", "matthew", "andrew", "joshua", "thomas", "nicole", "anthony", "freedom", "whatever",
    "flower", "summer", "winter", "spring", "autumn", "printemps", "automne", "january", "february", "march", "april",
    "june", "july", "august", "september", "october", "november", "december", "monday", "tuesday", "wednesday",
    "thursday", "friday", "saturday", "sunday", "lovely", "forever", "family", "mother", "chocolate", "cookie",
    "banana", "orange", "purple", "silver", "golden", "killer", "hunter", "ranger", "buster", "tigger", "pepper",
    "ginger", "butterfly", "angel", "samsung", "google", "facebook", "microsoft", "windows", "linux", "ubuntu",
    "debian", "nvidia", "liverpool", "chelsea", "arsenal", "barcelona", "london", "paris", "berlin", "america",
    "france", "company", "office", "correcthorsebatterystaple", "abcd", "mypass", "thepass", "love", "god", "money",
    "lucky", "ninja", "matrix", "mustang", "maverick", "phoenix", "harley", "yankees", "cowboys", "eagles",
    "steelers", "lakers", "diamond", "passion", "asdf",
), key=len, reverse=True))
ROWS = (
    "qwertyuiop", "asdfghjkl", "zxcvbnm", "azertyuiop", "qsdfghjklm", "wxcvbn", "qwertzuiop", "yxcvbnm", "1234567890",
    "abcdefghijklmnopqrstuvwxyz", "1qaz2wsx3edc4rfv5tgb6yhn7ujm8ik9ol0p", "qazwsxedcrfvtgbyhnujmikolp",
    "zaq12wsxcde34rfv", "1q2w3e4r5t6y7u8i9o0p", "q1w2e3r4t5y6u7i8o9p0", "1a2b3c4d5e6f7g8h9i", "a1b2c3d4e5f6g7h8i9",
    "!@#$%^&*()", "!\"§$%&/()=",
)
"""Neighbours on keyboards and in the alphabet."""
_RUNS = "\n".join(way for row in ROWS for way in (row, row[::-1]))
_LEAST_RUN = 3
_LEET = (str.maketrans("013457@$!", "oleastasi"), str.maketrans("013457@$!", "oieastasi"))
_YEAR = re.compile(r"(?:19|20)\d\d|\d{1,2}[./-]\d{1,2}[./-]\d{2,4}")
_BETWEEN = " -_.,;:/+*=#!?"


def own_part(password: str, context: Iterable[str] = ()) -> str:
    """What of ``password`` is neither a word that everybody uses nor one of ``context``, nor a run, a year or a
    repetition."""
    text = unicodedata.normalize("NFKC", password).casefold()
    gone = [char in _BETWEEN for char in text]
    words = sorted({*(c for word in context if len(c := word.casefold()) >= 3)}, key=len, reverse=True)
    for reading in (text, *(text.translate(table) for table in _LEET)):
        for word in (*words, *WORDS):
            at = reading.find(word)
            while at >= 0:
                gone[at:at + len(word)] = [True] * len(word)
                at = reading.find(word, at + 1)
    for found in _YEAR.finditer(text):
        gone[found.start():found.end()] = [True] * len(found[0])
    at = 0
    while at <= len(text) - _LEAST_RUN:
        end = at + 1
        while end < len(text) and (text[at:end + 1] in _RUNS or text[at:end + 1] == text[at] * (end + 1 - at)):
            end += 1
        if end - at >= _LEAST_RUN:
            gone[at:end] = [True] * (end - at)
        at = end if end - at >= _LEAST_RUN else at + 1
    return _unit("".join(char for char, dropped in zip(text, gone) if not dropped))


def _unit(text: str) -> str:
    """``abcabc`` -> ``abc``."""
    found = re.fullmatch(r"(.+?)\1+", text)
    return found[1] if found else text


def is_weak(password: str, context: Iterable[str] = ()) -> bool:
    """True when too little of ``password`` is its owner's own."""
    own = own_part(password, context)
    return len(own) < LEAST_OWN or len(set(own)) < LEAST_DIFFERENT
