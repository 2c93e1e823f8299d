"""Actions of the audit trail in words."""

from __future__ import annotations

from flask_babel import gettext as _


def group_words() -> dict[str, str]:
    """What begins an action -> words; the choices of the filter."""
    return {
        "session": _("Signing in and out"), "access": _("Refused requests"), "user": _("People"),
        "totp": _("Second factor"), "account": _("Locked accounts"), "token": _("Tokens of programs"),
        "config": _("Configuration"), "alert": _("Alerts"),
        "alert.rule": _("Alert rules"), "alert.silence": _("Silences"), "notifications": _("Notifications"),
        "view": _("Saved views"), "note": _("Notes"), "embed": _("Embed links"),
        "model": _("Models"), "export": _("Exports"), "audit": _("The audit trail itself"),
    }


def action_words(action: str) -> str:
    """An action in words; one that has none is shown as it is."""
    return {
        "session.open": _("Signed in"), "session.close": _("Signed out"),
        "session.refused": _("Sign-in refused"), "session.blocked": _("Sign-in blocked: too many attempts"),
        "session.header": _("Sign-in header from elsewhere ignored"),
        "session.stolen": _("A used refresh token came again: sign-in ended"),
        "access.refused": _("Request refused"), "access.limited": _("Too many requests"),
        "user.add": _("Account made"), "user.role": _("Role changed"), "user.password": _("Password changed"),
        "user.disable": _("Account closed"), "user.enable": _("Account opened"), "user.profile": _("Profile changed"),
        "user.source": _("Way of signing in changed"), "account.unlock": _("Account unlocked"),
        "account.locked": _("Account locked: too many attempts"), "config.export": _("Configuration exported"),
        "view.export": _("View fetched as a file"),
        "totp.on": _("Second factor turned on"), "totp.off": _("Second factor turned off"),
        "totp.reset": _("Second factor removed"), "totp.codes": _("New recovery codes made"),
        "totp.recovery": _("Recovery code used"),
        "alert.acknowledge": _("Alert acknowledged"), "alert.export": _("History of alerts exported"),
        "alert.assign": _("Alert assigned"),
        "alert.rule.add": _("Alert rule made"), "alert.rule.change": _("Alert rule changed"),
        "alert.rule.delete": _("Alert rule deleted"), "alert.rule.reset": _("Alert rule as shipped again"),
        "alert.silence.add": _("Silence made"), "alert.silence.change": _("Silence changed"),
        "alert.silence.end": _("Silence ended"), "alert.maintenance.add": _("Maintenance window made"),
        "alert.maintenance.change": _("Maintenance window changed"),
        "alert.maintenance.end": _("Maintenance window ended"),
        "alert.inhibition.add": _("Inhibition made"), "alert.inhibition.change": _("Inhibition changed"),
        "alert.inhibition.delete": _("Inhibition deleted"),
        "notifications.again": _("Message sent again"), "notifications.test": _("Channel tested"),
        "token.add": _("Token made"), "token.revoke": _("Token revoked"),
        "embed.add": _("Embed link made"), "embed.revoke": _("Embed link revoked"),
        "embed.refused": _("Embed link refused"),
        "view.add": _("View saved"), "view.change": _("View changed"), "view.delete": _("View deleted"),
        "note.add": _("Note written"), "note.change": _("Note changed"), "note.delete": _("Note deleted"),
        "model.bench.start": _("Load test started"), "model.bench.cancel": _("Load test cancelled"),
        "model.bench.delete": _("Load test deleted"), "model.bench.note": _("Note of a load test changed"),
        "model.bench.export": _("Load test exported"),
        "export.make": _("Export made"), "export.fetch": _("Export fetched"),
        "model.start": _("Model started"), "model.stop": _("Model stopped"),
        "model.restart": _("Model started again"), "model.load": _("Model loaded"), "model.unload": _("Model unloaded"),
        "model.requests_export": _("Requests exported"), "model.text_read": _("Text of a request read"),
        "model.define": _("Model process defined"), "model.remove": _("Model process removed"),
        "config.change": _("Configuration changed"), "config.refused": _("Configuration refused"),
        "audit.verify": _("Audit trail verified"), "audit.export": _("Audit trail exported"),
        "audit.retention": _("Old audit rows removed"), "audit.lost": _("Audit rows that did not fit in memory"),
    }.get(action, action)


def result_words(result: str) -> str:
    """A result in words."""
    return {"ok": _("done"), "refused": _("refused"), "failed": _("failed")}.get(result, result)


def kind_words(kind: str) -> str:
    """Who acts when there is no name."""
    return {
        "user": _("person"), "token": _("program"), "embed": _("embed link"), "anonymous": _("not signed in"),
        "shell": _("shell"), "system": _("Vigie itself"),
    }.get(kind, kind)
