"""The dialog that makes an embed link; ``assets/embed.js`` fills it, asks for the link and shows it."""

from __future__ import annotations

from typing import Any

from dash import html
from flask_babel import gettext as _

from components import dialogs, icons, ids
from components.attrs import attrs
from components.chartspecs import WINDOWS
from components.links import href
from components.still import still
from components.svg import Svg
from components.timebar import window_words

DAYS = (1, 7, 30, 90, 365)
USUAL = 30


def days_words(days: float) -> str:
    """How long a link lasts."""
    if days == 1:
        return _("1 day")
    return _("1 year") if days == 365 else _("%(days)s days", days=f"{days:g}")


def _select(name: str, options: list[tuple[str, str]], chosen: str) -> Svg:
    return Svg(
        "select", [Svg("option", words, {"value": value}) for value, words in options],
        {"name": name, "className": "field", "defaultValue": chosen},
    )


def _copied(words: str, name: str, *, rows: int = 0) -> html.Div:
    """What was made, to be copied: an input, or an area of ``rows``."""
    common = {"name": name, "className": "field", "readOnly": True, "spellCheck": False, "aria-label": words}
    more = {"rows": rows} if rows else {"type": "text"}
    control = Svg("textarea" if rows else "input", attrs={**common, **more})
    return html.Div(
        [
            html.P(words, className="field-label"),
            html.Div(
                [
                    control,
                    html.Button(_("Copy"), type="button", className="button button-small", **attrs(data_copy=name)),
                ],
                className="copy-row",
            ),
        ],
        className="field-row",
    )


def dialog(most_days: float) -> html.Dialog:
    """The dialog, closed; once in the frame. ``most_days`` is how long a link may last."""
    days = [str(day) for day in DAYS if day <= most_days] or [f"{most_days:g}"]
    form = still(html.Form(
        [
            html.Div(dialogs.choice("what", _("What to embed"), [
                ("chart", _("This chart")), ("page", _("This page")),
            ], "chart"), className="embed-what-row"),
            html.Div(
                [
                    dialogs.choice("when", _("Time"), [
                        ("live", _("Live")), ("fixed", _("What is shown now")),
                    ], "live"),
                    html.P("", className="field-hint embed-span-words"),
                    dialogs.field(_("Window"), _select(
                        "window", [(name, window_words(name)) for name in WINDOWS], "1h",
                    )),
                ],
                className="embed-when-row",
            ),
            html.Div(
                [
                    dialogs.field(_("Theme"), _select("theme", [
                        ("auto", _("As the reader’s system")), ("dark", _("Dark")), ("light", _("Light")),
                    ], "auto")),
                    dialogs.field(_("Valid for"), _select(
                        "days", [(day, days_words(float(day))) for day in days],
                        str(USUAL) if str(USUAL) in days else days[-1],
                    )),
                ],
                className="field-pair",
            ),
            html.Div(
                [
                    dialogs.choice("who", _("Who may frame it"), [
                        ("one", _("One site")), ("any", _("Any site")),
                    ], "one"),
                    html.Div(dialogs.field(_("Site"), Svg("input", attrs={
                        "type": "url", "name": "site", "className": "field", "autoComplete": "off",
                        "spellCheck": False, "inputMode": "url", "placeholder": "https://intranet.example",
                    })), className="embed-site"),
                ],
                className="embed-who-row",
            ),
            html.P(
                _("Whoever has the link sees this chart or page without signing in, and nothing else. You can revoke "
                  "it at any time."),
                className="field-hint",
            ),
        ],
        className="embed-form",
    ))
    made = still(html.Div(
        [
            _copied(_("Line for the page"), "html", rows=5),
            _copied(_("Link"), "url"),
            html.P("", className="field-hint embed-until"),
            html.Div("", className="embed-preview-slot"),
        ],
        className="embed-made", hidden=True,
    ))
    words = attrs(
        data_words_until=_("Good until {time}, for {site}."), data_words_any=_("any site"),
        data_words_site=_("Say which site may show it, or choose any site."), data_words_copied=_("Copied."),
        data_words_preview=_("Preview"), data_words_empty=_("There is nothing on this page to embed yet."),
    )
    actions: list[Any] = [
        html.A(
            [icons.icon("link-45deg"), html.Span(_("All links"))], href=href("/embeds"),
            className="button button-quiet dialog-left",
        ),
        html.Button(
            _("Make another"), type="button", className="button button-quiet", hidden=True,
            **attrs(data_embed_again="1"),
        ),
        html.Button(_("Make the link"), type="button", className="button button-primary", **attrs(data_embed_make="1")),
        html.Button(
            _("Done"), type="button", className="button button-primary", hidden=True,
            **attrs(data_close="1", data_embed_done="1"),
        ),
    ]
    return dialogs.dialog(
        ids.EMBED_DIALOG, _("Embed"), [html.Div([form, made], className="embed-body", **words)], actions, aside=" ",
    )


def page_button() -> html.Button:
    """The button that embeds the page in hand; the style sheet shows it on pages that can be embedded."""
    return html.Button(
        icons.icon("code-slash", 18), type="button", className="topbar-button embed-this", title=_("Embed this page"),
        **attrs(data_embed_page="1", aria_label=_("Embed this page")),
    )
