"""The numbers behind a chart, as a table in a dialog; ``assets/table.js`` fills it from the chart as it is drawn."""

from __future__ import annotations

from dash import html
from flask_babel import gettext as _

from components import ids
from components.attrs import attrs
from components.dialogs import dialog


def table_dialog() -> html.Dialog:
    """The dialog, closed and empty, with the words that its script needs."""
    return dialog(
        ids.CHART_TABLE, _("Table"),
        [
            html.Div(
                html.Table(
                    [html.Caption(className="visually-hidden"), html.Thead(), html.Tbody()],
                    className="plain-table chart-table",
                ),
                # One scrolls it with the keys too.
                className="chart-table-box", tabIndex="0", role="region", **attrs(aria_label=_("Values of the chart")),
            ),
            html.Button(_("Show more rows"), type="button", className="button chart-table-more", hidden=True),
        ],
        [
            html.Span(
                className="chart-table-count dialog-left", role="status",
                **attrs(
                    data_words=_("{shown} of {all} rows"), data_time=_("Time"), data_value=_("Value"),
                    data_row=_("Row"), data_copied=_("Copied"), data_lowest=_("lowest"), data_highest=_("highest"),
                    data_failed=_("The browser did not let it be copied."), data_empty=_("This chart shows no values."),
                ),
            ),
            html.Button(_("Copy"), type="button", className="button button-quiet", **attrs(data_copy_table="1")),
            html.Button(_("Close"), type="button", className="button", **attrs(data_close="1")),
        ],
        wide=True, aside=" ",
    )
