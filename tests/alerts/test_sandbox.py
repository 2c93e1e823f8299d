"""Templates that an admin writes."""

from __future__ import annotations

import time

import pytest

from alerts.sandbox import TemplateProblem, render

VALUES = {
    "count": 2, "alert": {"name": "High CPU", "labels": {"mount": "/"}, "items": "x"},
    "alerts": [{"name": "High CPU", "over": False}, {"name": "Disk full", "over": True}],
}


@pytest.mark.parametrize(("source", "made"), [
    ("{{ alert.name|upper }} {{ alert.labels.mount }} {{ alert['labels']['mount'] }}", "HIGH CPU / /"),
    ("{% for a in alerts %}{{ loop.index }}. {{ a.name }}\n{% endfor %}", "1. High CPU\n2. Disk full\n"),
    ("{{ alerts|map(attribute='name')|join(', ') }}", "High CPU, Disk full"),
    ("{% if count > 1 %}{{ count * 10 }}{% else %}one{% endif %}", "20"),
    ("{{ alerts|rejectattr('over')|list|length }}", "1"),
    ("{{ alert.nothing|default('–') }}", "–"),
    ("<b>&", "<b>&"),
])
def test_a_template_tells_what_it_is_given(source: str, made: str) -> None:
    assert render(source, VALUES) == made


@pytest.mark.parametrize(("source", "line", "said"), [
    ("one\ntwo {{ alert.nme }}", 2, "there is no 'nme'"), ("one\n\n{{ nope }}", 3, "not known"),
    ("a\n{% for %}", 2, "Expected"), ("a\nb\n{{ 1 / 0 }}", 3, "zero"), ("{% if %}", 1, "Expected"),
])
def test_a_mistake_is_told_with_its_line(source: str, line: int, said: str) -> None:
    with pytest.raises(TemplateProblem, match=said) as problem:
        render(source, VALUES)
    assert problem.value.line == line


@pytest.mark.parametrize("source", [
    "{{ ''.__class__ }}", "{{ alert.labels.items() }}", "{{ alerts.append(1) }}", "{{ 'a' * 1000000000 }}",
    "{{ 9 ** 99 }}",
    "{{ '%999999999d' % 3 }}", "{{ 'a'|center(999999999) }}", "{{ '{:>999999999}'.format(1) }}",
    "{% include '/etc/passwd' %}", "{% import 'os' as os %}", "{% macro a() %}{{ a() }}{% endmacro %}{{ a() }}",
    "{% for a in alerts recursive %}{{ loop(alerts) }}{% endfor %}", "{{ range(999999999) }}", "{{ self }}{{ config }}",
    "{% set x = 'aaaaaaaaaa' %}" + "{% set x = x ~ x %}" * 40 + "{{ x }}", "{% with x = 1 %}{{ x }}{% endwith %}",
    "{% for a in alerts %}" * 3 + "x" + "{% endfor %}" * 3, "{{ 'abcdef'|join('abcdef') }}",
    "{{ alert.name.__init__.__globals__ }}", "{{ alert|attr('__class__') }}", "{{ cycler }}", "{{ lipsum }}",
    "{{ 'x'|replace('x', 'y') }}", "{{ alerts|join('x'|list) }}" + "x" * 10_001, "{% block a %}x{% endblock %}",
])
def test_what_could_leave_the_cage_or_grow_is_refused_at_once(source: str) -> None:
    begun = time.monotonic()
    with pytest.raises(TemplateProblem):
        render(source, VALUES)
    assert time.monotonic() - begun < 2


def test_loops_over_long_lists_end() -> None:
    numbers = ",".join(["1"] * 2400)
    loop = "{% for a in [" + numbers + "] %}"
    begun = time.monotonic()
    assert render(loop + loop + "{% endfor %}{% endfor %}", VALUES) == ""
    assert time.monotonic() - begun < 5
