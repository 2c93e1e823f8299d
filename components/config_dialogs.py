"""The dialogs of the Configuration page; ``assets/config_*.js`` fill them."""

from __future__ import annotations

from typing import Any

from dash import html
from flask_babel import gettext as _

from components import dialogs, icons, ids
from components.attrs import attrs
from components.svg import Svg


def _button(words: str, css: str = "", **named: Any) -> html.Button:
    return html.Button(words, type="button", className=f"button {css}".strip(), **attrs(**named))


def dialogs_of_page() -> list[html.Dialog]:
    """All of them, closed."""
    return [
        dialogs.dialog(
            ids.CONFIGURATION_DIFF, _("Save these changes?"),
            [html.Div([], className="cf-diff"), html.Div([], className="cf-effects")],
            [
                _button(_("Cancel"), "button-quiet", data_close="1"),
                _button(_("Save"), "button-primary", data_cf_confirm="go"),
            ],
            aside=" ", wide=True,
        ),
        dialogs.dialog(
            ids.CONFIGURATION_LEAVE, _("Leave without saving?"),
            [html.P(className="cf-leave-words")],
            [
                _button(_("Stay"), "button-primary", data_close="1"),
                _button(_("Discard and leave"), "button-danger", data_cf_confirm="drop"),
                _button(_("Leave"), "", data_cf_confirm="leave"),
            ],
        ),
        dialogs.dialog(
            ids.CONFIGURATION_FOLDERS, _("Choose a folder"),
            [
                html.Div([
                    html.Button(
                        icons.icon("arrow-up"), type="button", className="button button-small", title=_("Folder above"),
                        **attrs(data_cf_folder="up", aria_label=_("Folder above")),
                    ),
                    Svg("input", attrs={"type": "text", "className": "field mono", "spellCheck": "false",
                                        "autoComplete": "off", "aria-label": _("Folder")}),
                ], className="cf-folder-at"),
                html.Div([
                    html.Ul([], className="cf-folder-list", **attrs(aria_label=_("Folders within"))),
                    html.Div([], className="cf-folder-holds", **attrs(aria_live="polite")),
                ], className="cf-folder"),
            ],
            [
                _button(_("Cancel"), "button-quiet", data_close="1"),
                _button(_("Take this folder"), "button-primary", data_cf_confirm="folder"),
            ],
            aside=_("Only folders that Vigie is allowed to read."), wide=True,
        ),
    ]


def words() -> dict[str, Any]:
    """What the page's scripts say, as attributes of its root."""
    return attrs(
        data_words_changes=_("{count} changes are not saved"), data_words_change=_("One change is not saved"),
        data_words_save_title=_("Save these changes?"), data_words_save=_("Save"),
        data_words_saved=_("Saved as version {version}."), data_words_nothing=_("Nothing would change."),
        data_words_empty=_("empty"), data_words_none=_("none"), data_words_on=_("on"), data_words_off=_("off"),
        data_words_set=_("set"), data_words_unset=_("not set"), data_words_new=_("a new one"),
        data_words_gone=_("taken out"), data_words_added=_("added"), data_words_field=_("Setting"),
        data_words_before=_("Before"), data_words_after=_("After"),
        data_words_services=_("Affected: {names}. They take it up at once."),
        data_words_restart=_("These take effect at the next start of Vigie: {names}."),
        data_words_wrong=_("Not saved: {count} fields are not right."),
        data_words_wrong_one=_("Not saved: one field is not right."), data_words_preset=_("What “{name}” changes"),
        data_words_take=_("Take over into the form"), data_words_taken=_("Taken over. Nothing is saved yet."),
        data_words_restore=_("Restore version {version}?"), data_words_restore_go=_("Restore"),
        data_words_compare=_("From version {from} to version {to}"), data_words_close=_("Close"),
        data_words_cancel=_("Cancel"),
        data_words_see=_("Version {version}"), data_words_whole=_("All of it"),
        data_words_emptied=_("The file held no secrets. Enter these anew: {names}."),
        data_words_set_aside=_("The file that was not right lies at {path}."),
        data_words_import=_("Take over “{file}”?"),
        data_words_import_go=_("Save"),
        data_words_wrong_file=_("“{file}” cannot be taken over"),
        data_words_conflict=_("Somebody else saved in the meantime"),
        data_words_conflict_aside=_(
            "{name} saved version {version}. Choose for each setting what shall hold; nothing you typed is "
            "lost."
        ),
        data_words_mine=_("Yours"), data_words_theirs=_("Theirs"), data_words_conflict_go=_("Go on"),
        data_words_news=_("{name} saved version {version}: {names}."),
        data_words_news_touched=_(
            "{name} also changed what you have changed: {names}. Yours stays in the form; you choose when "
            "you save."
        ),
        data_words_clash=_("{name} set this to {value} meanwhile."), data_words_use_theirs=_("Take theirs"),
        data_words_draft=_("Your unfinished edit from {time} is back in the form."), data_words_drop=_("Discard it"),
        data_words_leave=_("{count} changes are not saved."), data_words_leave_one=_("One change is not saved."),
        data_words_kept=_("What you typed stays in this browser and is here again when you come back."),
        data_words_kept_secret=_("Secrets you typed are not kept."), data_words_somebody=_("Somebody"),
        data_words_models=_("{count} model files, {size}"),
        data_words_models_one=_("One model file, {size}"), data_words_models_none=_("No model files in here."),
        data_words_models_more=_("and {count} more"), data_words_no_folders=_("No folders within."),
        data_words_truncated=_("Not everything was counted."),
        data_words_name=_("Give it a name of small letters, digits, - or _."),
        data_words_twice=_("There is one of this name already."),
        data_words_testing=_("Sending"),
        data_words_of_title=_("Template of the title"), data_words_of_body=_("Template of the text"),
        data_words_of_timezone=_("Time zone"),
        data_words_test_ok=_("Delivered: {answer}"), data_words_test_bad=_("Not delivered: {answer}"),
        data_words_missing=_("no such channel below"), data_words_toast=_("toast: the page itself"),
        data_words_overwritten=_("The running configuration is in the file again."),
        data_words_pick=_("Choose two versions to compare."),
    )
