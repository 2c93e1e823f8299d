"""What the room of alerts refuses, as the answers of its routes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from flask_babel import gettext as _
from pydantic import ValidationError

from alerts.rulebook import BadRule, RuleMissing
from alerts.service import AlertMissing, BadNote
from alerts.silences import BadSilence, SilenceMissing
from api.problems import Problem, field_problem, validation_problem


@contextmanager
def answered() -> Iterator[None]:
    """Makes a refusal of alerts, rules, silences or inhibitions the answer.

    Raises:
        Problem: 400 with the field, or 404.
    """
    try:
        yield
    except ValidationError as error:
        raise validation_problem(error) from None
    except (BadRule, BadNote, BadSilence) as error:
        raise field_problem(error.field, None, str(error)) from None
    except AlertMissing:
        raise Problem(404, _("There is no such alert, or it is over.")) from None
    except RuleMissing:
        raise Problem(404, _("There is no such rule: it may have been deleted.")) from None
    except SilenceMissing:
        raise Problem(404, _("There is none such, or it is over.")) from None
