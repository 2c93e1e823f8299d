"""Edits of a list of drawings: what the explorer's controls do, as pure functions.

An action comes from the browser: ``{"do": ..., "at": place in the list, ...}``; see `_EDITS` for what there is. None of
it is trusted: what is no action, or leads to no drawing, is an `EditError` in words for the person who made it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any, get_args

from flask_babel import gettext as _

from components.drawings import (
    LONGEST,
    MOST_CHARTS,
    MOST_SELECTORS,
    SPANS,
    Aggregate,
    Drawing,
    Kind,
    lengthen,
    parse,
    split,
)
from components.explore_selectors import take_apart

Labels = Callable[[str], Collection[str]]
"""Names of the labels that the series of a selector have."""
Placed = list[tuple[int, str]]
"""Charts in order: the slot of the page that each lies in, and its drawing's text."""


class EditError(ValueError):
    """An edit that cannot be; the message is for the person who made it."""


@dataclass(frozen=True, slots=True)
class Wrong:
    """A part of an address that is no drawing, and why."""

    part: str
    why: str


def read(text: str, known: Callable[[str], Any]) -> tuple[list[Drawing], list[Wrong]]:
    """The drawings that an address spells, each once, and the parts of it that are none.

    ``known`` is asked for each selector; it raises ValueError for what is none.
    """
    drawings: dict[str, Drawing] = {}
    wrong: list[Wrong] = []
    for part in islice(split(text, ";"), 4 * MOST_CHARTS):  # it may come from anywhere
        if not part:
            continue
        try:
            drawing = parse(part)
            for selector in (*drawing.selectors, *([drawing.versus] if drawing.versus else [])):
                known(selector)
        except ValueError as error:
            wrong.append(Wrong(part, _why(part, str(error), known)))
            continue
        if len(drawings) >= MOST_CHARTS and drawing.text not in drawings:
            wrong.append(Wrong(part, _too_many()))
        else:
            drawings[drawing.text] = drawing
    return list(drawings.values()), wrong


def _too_many() -> str:
    return _("There are at most %(most)s charts on a page.", most=MOST_CHARTS)


def _why(part: str, error: str, known: Callable[[str], Any]) -> str:
    """What is wrong with a part of an address."""
    if len(part) > LONGEST:
        return _("It is longer than %(most)s characters.", most=LONGEST)
    head, *options = split(part, "!")
    for option in options:
        try:
            versus = parse(f"x!{option}").versus
            if versus:
                known(versus)
        except ValueError:
            return _(
                "“%(option)s” is not an option. Behind “!” there may be %(kinds)s; %(aggregates)s, each with =label; "
                "rate; %(spans)s; vs=metric.", option=option, kinds=", ".join(get_args(Kind)[1:]),
                aggregates=", ".join(get_args(Aggregate)[1:]), spans=", ".join(SPANS),
            )
    selectors = [s for s in split(head, ",") if s]
    if not selectors:
        return _("It names no metric.")
    if len(selectors) > MOST_SELECTORS:
        return _("A chart has at most %(most)s metrics.", most=MOST_SELECTORS)
    for selector in selectors:
        try:
            known(lengthen(selector))
        except ValueError:
            return _(
                "“%(selector)s” is not a metric. Write name, or name{label=\"value\"} with = != =~ or !~.",
                selector=selector,
            )
    return error if not options else _("Two of its options are of one kind.")


def place(current: Placed, wanted: Sequence[str]) -> Placed:
    """A slot for each wanted text: its own where it is drawn already, then those of charts that are gone, so that an
    edited chart stays in its slot, then free ones."""
    slots = {text: slot for slot, text in current}
    left = [slot for slot, text in current if text not in wanted]
    taken = {slot for slot, _text in current}
    free = iter([*left, *(n for n in range(MOST_CHARTS) if n not in taken)])
    return [(slots[text] if text in slots else next(free), text) for text in wanted]


def apply(drawings: Sequence[Drawing], action: Mapping[str, Any], labels: Labels) -> list[Drawing]:
    """The list after an action.

    Raises:
        EditError: the action is none, or what it leads to cannot be drawn.
    """
    edit = _EDITS.get(str(action.get("do")))
    if edit is None:
        raise EditError(_("That is not an edit."))
    result = edit(list(drawings), action, labels)
    if len(result) > MOST_CHARTS:
        raise EditError(_too_many())
    result = [drawing if drawing in drawings else _checked(drawing) for drawing in result]
    if len({drawing.text for drawing in result}) < len(result):
        raise EditError(_("That chart is already on the page."))
    return result


def _checked(drawing: Drawing) -> Drawing:
    """The drawing as its text spells it."""
    try:
        return parse(drawing.text)
    except ValueError as error:
        if len(drawing.text) > LONGEST:
            raise EditError(_("It is longer than %(most)s characters.", most=LONGEST)) from None
        if len(drawing.selectors) > MOST_SELECTORS:
            raise EditError(_("A chart has at most %(most)s metrics.", most=MOST_SELECTORS)) from None
        raise EditError(str(error)) from None


def _at(drawings: Sequence[Drawing], action: Mapping[str, Any]) -> int:
    at = action.get("at")
    if isinstance(at, bool) or not isinstance(at, int) or not -len(drawings) <= at < len(drawings):
        raise EditError(_("That chart is no longer on the page."))
    return at % len(drawings)


def _texts(action: Mapping[str, Any]) -> list[Drawing]:
    given = action.get("texts")
    if not isinstance(given, list) or not given or not all(isinstance(text, str) for text in given):
        raise EditError(_("That is not an edit."))
    try:
        return [parse(text) for text in given]
    except ValueError:
        raise EditError(_("“%(text)s” cannot be drawn.", text="; ".join(given)[:200])) from None


def _add(drawings: list[Drawing], action: Mapping[str, Any], _labels: Labels) -> list[Drawing]:
    there = {drawing.text for drawing in drawings}
    new = [drawing for drawing in dict.fromkeys(_texts(action)) if drawing.text not in there]
    if not new:
        raise EditError(_("That chart is already on the page."))
    return [*drawings, *new]


def _join(drawings: list[Drawing], action: Mapping[str, Any], _labels: Labels) -> list[Drawing]:
    at = _at(drawings, action)
    selectors = [s for drawing in _texts(action) for s in drawing.selectors if s not in drawings[at].selectors]
    if not selectors:
        raise EditError(_("That metric is already in the chart."))
    drawings[at] = replace(drawings[at], selectors=(*drawings[at].selectors, *dict.fromkeys(selectors)))
    return drawings


def _versus(drawings: list[Drawing], action: Mapping[str, Any], _labels: Labels) -> list[Drawing]:
    at = _at(drawings, action)
    drawings[at] = replace(drawings[at], versus=_texts(action)[0].selectors[0], span="")
    return drawings


def _drop(drawings: list[Drawing], action: Mapping[str, Any], _labels: Labels) -> list[Drawing]:
    at, gone = _at(drawings, action), action.get("value")
    kept = tuple(s for s in drawings[at].selectors if s != gone)
    if kept:
        drawings[at] = replace(drawings[at], selectors=kept)
        return drawings
    return [*drawings[:at], *drawings[at + 1:]]


def _kind(drawings: list[Drawing], action: Mapping[str, Any], _labels: Labels) -> list[Drawing]:
    return _set(drawings, action, "kind", get_args(Kind))


def _aggregate(drawings: list[Drawing], action: Mapping[str, Any], _labels: Labels) -> list[Drawing]:
    result = _set(drawings, action, "aggregate", get_args(Aggregate))
    at = _at(result, action)
    if not result[at].aggregate:
        result[at] = replace(result[at], by=())
    return result


def _set(drawings: list[Drawing], action: Mapping[str, Any], name: str, allowed: Collection[str]) -> list[Drawing]:
    at, value = _at(drawings, action), action.get("value")
    if not isinstance(value, str) or value not in allowed:
        raise EditError(_("That is not an edit."))
    changed: dict[str, Any] = {name: value}
    drawings[at] = replace(drawings[at], **changed)
    return drawings


def _by(drawings: list[Drawing], action: Mapping[str, Any], labels: Labels) -> list[Drawing]:
    at, label = _at(drawings, action), action.get("value")
    old = drawings[at]
    known = {name for selector in old.selectors for name in labels(selector)} | set(old.by)
    if label not in known:
        raise EditError(_("That is not an edit."))
    by = tuple(name for name in old.by if name != label) if label in old.by else (*old.by, str(label))
    drawings[at] = replace(old, by=by, aggregate=old.aggregate or "mean")
    return drawings


def _rate(drawings: list[Drawing], action: Mapping[str, Any], _labels: Labels) -> list[Drawing]:
    at = _at(drawings, action)
    drawings[at] = replace(drawings[at], rate=not drawings[at].rate)
    return drawings


def _compare(drawings: list[Drawing], action: Mapping[str, Any], _labels: Labels) -> list[Drawing]:
    result = _set(drawings, action, "span", ("", *SPANS))
    at = _at(result, action)
    result[at] = replace(result[at], versus="")
    return result


def _filter(drawings: list[Drawing], action: Mapping[str, Any], labels: Labels) -> list[Drawing]:
    at, label, value = _at(drawings, action), action.get("label"), action.get("value")
    if not isinstance(label, str) or not isinstance(value, str):
        raise EditError(_("That is not an edit."))
    taken = [take_apart(selector) for selector in drawings[at].selectors]
    selectors = tuple(
        parts.toggled(label, value).text if parts is not None and label in labels(selector) else selector
        for selector, parts in zip(drawings[at].selectors, taken, strict=True)
    )
    if selectors == drawings[at].selectors:
        raise EditError(_("No metric of this chart has the label %(label)s.", label=label))
    drawings[at] = replace(drawings[at], selectors=selectors)
    return drawings


def _unfilter(drawings: list[Drawing], action: Mapping[str, Any], _labels: Labels) -> list[Drawing]:
    at, label = _at(drawings, action), str(action.get("label"))

    def freed(selector: str) -> str:
        parts = take_apart(selector)
        left = parts.without(label) if parts is not None else None
        return left.text if left is not None and (left.name or left.matchers) else selector

    selectors = dict.fromkeys(freed(selector) for selector in drawings[at].selectors)
    drawings[at] = replace(drawings[at], selectors=tuple(selectors))
    return drawings


def _move(step: int) -> Callable[[list[Drawing], Mapping[str, Any], Labels], list[Drawing]]:
    def move(drawings: list[Drawing], action: Mapping[str, Any], _labels: Labels) -> list[Drawing]:
        at = _at(drawings, action)
        to = min(max(at + step, 0), len(drawings) - 1)
        drawings.insert(to, drawings.pop(at))
        return drawings

    return move


def _remove(drawings: list[Drawing], action: Mapping[str, Any], _labels: Labels) -> list[Drawing]:
    at = _at(drawings, action)
    return [*drawings[:at], *drawings[at + 1:]]


def _duplicate(drawings: list[Drawing], action: Mapping[str, Any], _labels: Labels) -> list[Drawing]:
    """The same again below, drawn in the first way in which it is not there yet: a page holds each drawing once."""
    at = _at(drawings, action)
    there = {drawing.text for drawing in drawings}
    for kind in _kinds_after(drawings[at].kind):
        copy = replace(drawings[at], kind=kind)
        if copy.text not in there:
            return [*drawings[:at + 1], copy, *drawings[at + 1:]]
    raise EditError(_("That chart is already on the page in every way it can be drawn."))


def _kinds_after(kind: Kind) -> Iterable[Kind]:
    plain: tuple[Kind, ...] = ("lines", "area", "heat", "hist", "hours", "bars")
    begin = plain.index(kind) + 1 if kind in plain else 0
    return (*plain[begin:], *plain[:begin])


_EDITS: dict[str, Callable[[list[Drawing], Mapping[str, Any], Labels], list[Drawing]]] = {
    "add": _add,  # texts: new charts at the end
    "join": _join,  # at, texts: their metrics into one chart
    "versus": _versus,  # at, texts: another series to compare with
    "drop": _drop,  # at, value: a selector out of a chart
    "kind": _kind, "aggregate": _aggregate, "compare": _compare,  # at, value
    "by": _by,  # at, value: a label to aggregate by, on and off
    "rate": _rate,  # at: on and off
    "filter": _filter,  # at, label, value: on and off
    "unfilter": _unfilter,  # at, label
    "up": _move(-1), "down": _move(1), "remove": _remove, "duplicate": _duplicate,  # at
}
