"""Selectors in Prometheus' syntax."""

import pytest

from storage.selector import Catalogue, parse_selector
from tests.storage.test_ring import info

ALL = [info("a_ratio", core="0"), info("a_ratio", core="1", mode="user"), info("a_ratio"), info("b_ratio", core="0"),
       info("c_ratio", mount='/a"b\\c\n')]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("a_ratio", [0, 1, 2]),
        (' a_ratio { core = "0" } ', [0]),
        ('a_ratio{core="0",}', None),
        ('a_ratio{core!="0"}', [1, 2]),
        ('a_ratio{core=""}', [2]),
        ('a_ratio{core=~"0|1"}', [0, 1]),
        ('a_ratio{core=~"."}', [0, 1]),
        ('a_ratio{core!~"0|"}', [1]),
        ('a_ratio{core=~"(?i)[(*+?{0]|(?:1|2).?"}', [0, 1]),
        ('a_ratio{core="1",mode=~"us.*"}', [1]),
        ('{core="0"}', [0, 3]),
        ("a_ratio{}", [0, 1, 2]),
        (ALL[4].key, [4]),
        (ALL[1].key, [1]),
        ("none_ratio", []),
    ],
)
def test_what_a_selector_means(text, found):
    if found is None:
        with pytest.raises(ValueError, match="wrong at"):
            parse_selector(text)
        return
    source = dict(enumerate(ALL))
    assert Catalogue().match([text], source) == [ALL[i] for i in found]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "expected name"), ("{}", "would match every series"), ("1abc", "wrong at '1abc'"),
        ('a{b="c"', "expected label"), ("a{b=c}", "wrong at 'b=c}'"), ('a{b="c"}x', "nothing may follow"),
        ('a{b=~"["}', "not a regular expression"), ('a{b=~"(a+)+"}', "no repeated group"),
        ('a{b=~"(.|.){30}x"}', "no repeated group"), ('a{b=~".*.*.*.*x"}', "3 repetitions"),
        ('a{b!~"(|)(|)(|)(|)x"}', "3 groups"), ('a{b=~"(?s)."}', "no repeated group"),
        ('a{b>"1"}', "expected label"), ("a b", "wrong at 'b'"),
        ("a" * 2000, "at most 1000 characters"),
    ],
)
def test_what_is_none_is_refused_with_what_was_given(text, words):
    with pytest.raises(ValueError, match="selector") as caught:
        parse_selector(text)
    assert words in str(caught.value)
    assert text[:40] in str(caught.value)


def test_the_first_source_describes_a_series_that_two_have():
    first, second = {0: info("a_ratio", every=1.0)}, {7: info("a_ratio", every=9.0), 8: info("b_ratio")}
    catalogue = Catalogue()
    assert [i.every for i in catalogue.match(None, first, second)] == [1.0, 1.0]
    assert catalogue.match(["a_ratio"], second, first)[0].every == 9.0
    assert catalogue.match(["b_ratio"], first, {**second, 9: info("b_ratio", core="0")})[1].label("core") == "0"
