// What people do to alerts: the dialogs that acknowledge and silence.
//
//   vigie.alertActs.acknowledge(alert, then)   then(alert as it is now)
//   vigie.alertActs.silence({alert})           prefilled for an alert; {kind}: a new one; {change}: one that is there
(function () {
  'use strict';
  const vigie = window.vigie = window.vigie || {};
  const A = vigie.alerts, ACK = 'alerts-acknowledge', QUIET = 'alerts-silence', WAIT = 250;
  let acting = null, quiet = null, timer = 0, asked = 0;

  const box = id => document.querySelector('#react-entry-point #' + id);
  const form = id => box(id).querySelector('form');

  function acknowledge(alert, then) {
    if (!box(ACK)) return;
    acting = {alert, then};
    form(ACK).elements.note.value = alert.note || '';
    box(ACK).querySelector('.dialog-aside').textContent = alert.name + ': ' + alert.message;
    vigie.dialog.open(ACK);
    form(ACK).elements.note.focus();
  }

  async function sendAcknowledge() {
    const at = box(ACK).querySelector('[data-al-acknowledge]');
    at.disabled = true;
    try {
      const now = await vigie.api('POST', `/api/v1/alerts/one/${acting.alert.id}/acknowledge`, {note: form(ACK).elements.note.value});
      vigie.dialog.close(ACK);
      acting.then(now);
      vigie.toast(A.say('acknowledged_toast'));
    } catch (error) { vigie.dialog.say(ACK, A.errors(error), true); }
    at.disabled = false;
  }

  // ---- silences

  const quote = value => '"' + String(value).replace(/[\\"]/g, '\\$&').replace(/\n/g, '\\n') + '"';
  const matchersOf = (alert, whole) => (whole ? `{rule=${quote(alert.rule)}}` : `{rule=${quote(alert.rule)},server=${quote(alert.server)},series=${quote(alert.series)}}`);

  function silence(what) {
    if (!box(QUIET)) return;
    const one = what.change, kind = what.kind || (one ? one.kind : 'silence'), at = form(QUIET);
    quiet = {alert: what.alert || null, change: one || null, kind};
    at.reset();
    const fields = at.elements, weekly = Boolean(one && one.days.length);
    fields.again.value = weekly ? 'weekly' : 'once';
    at.querySelector('.al-again').hidden = kind !== 'maintenance';
    at.querySelector('.al-start').hidden = kind !== 'maintenance';
    fields.start.value = A.wall(one ? one.start : A.now());
    fields.end.value = A.wall(one && one.end ? one.end : A.now() + 3600000);
    fields.span.value = one ? 'until' : '3600';
    fields.from_time.value = one ? one.from_time : '22:00';
    fields.to_time.value = one ? one.to_time : '06:00';
    Array.from(at.querySelectorAll('[name=days]')).forEach(day => { day.checked = Boolean(one && one.days.includes(day.value)); });
    const reach = at.querySelector('[name=reach]').closest('fieldset');
    reach.hidden = !quiet.alert;
    fields.reach.value = quiet.alert ? 'one' : 'own';
    fields.matchers.value = one ? one.matchers : quiet.alert ? matchersOf(quiet.alert) : '';
    fields.comment.value = one ? one.comment : '';
    at.querySelector('.al-zone').textContent = A.say('zone', {zone: vigie.timezone.replace(/_/g, ' ')});
    box(QUIET).querySelector('.dialog-title').textContent = A.say(kind === 'maintenance' ? 'maintenance' : 'silence');
    box(QUIET).querySelector('[data-al-save-silence]').textContent = A.say(one ? 'save' : kind === 'maintenance' ? 'plan' : 'silence');
    reshape();
    vigie.dialog.open(QUIET);
    preview(0);
  }

  function reshape() {
    const at = form(QUIET), fields = at.elements, weekly = quiet.kind === 'maintenance' && fields.again.value === 'weekly';
    at.querySelector('.al-weekly').hidden = !weekly;
    at.querySelector('.al-once').hidden = weekly;
    at.querySelector('.al-until').hidden = fields.span.value !== 'until';
    if (quiet.alert && fields.reach.value !== 'own') fields.matchers.value = matchersOf(quiet.alert, fields.reach.value === 'rule');
  }

  function preview(wait) {
    clearTimeout(timer);
    timer = setTimeout(async () => {
      const text = form(QUIET).elements.matchers.value.trim(), mine = asked += 1, at = form(QUIET).querySelector('.al-preview');
      at.classList.remove('is-wrong');
      if (!text) { at.textContent = A.say('preview_empty'); return; }
      try {
        const found = (await vigie.api('GET', '/api/v1/alerts/silences/preview' + vigie.query({matchers: text}))).data;
        if (mine !== asked) return;
        at.textContent = found.length ? A.say('preview', {count: found.length, names: found.slice(0, 4).map(one => one.name + ' (' + one.series + ')').join(', ') + (found.length > 4 ? ' …' : '')}) : A.say('preview_none');
      } catch (error) {
        if (mine !== asked) return;
        at.classList.add('is-wrong');
        at.textContent = A.errors(error);
      }
    }, wait);
  }

  async function save() {
    const fields = form(QUIET).elements, weekly = quiet.kind === 'maintenance' && fields.again.value === 'weekly';
    const body = {matchers: fields.matchers.value.trim(), comment: fields.comment.value};
    const start = quiet.kind === 'maintenance' && !weekly ? vigie.time.moment(fields.start.value) : A.now();
    if (weekly) Object.assign(body, {
      days: Array.from(form(QUIET).querySelectorAll('[name=days]:checked')).map(one => one.value),
      from_time: fields.from_time.value, to_time: fields.to_time.value, timezone: vigie.timezone,
    });
    else {
      body.end = Math.round(fields.span.value === 'until' ? vigie.time.moment(fields.end.value) : start + 1000 * Number(fields.span.value));
      if (quiet.kind === 'maintenance') body.start = Math.round(start);
      if (quiet.change) body.days = [];
    }
    if (!body.matchers) { vigie.dialog.say(QUIET, A.say('preview_empty'), true); fields.matchers.focus(); return; }
    if (weekly && !body.days.length) { vigie.dialog.say(QUIET, A.say('no_days'), true); return; }
    if (!weekly && !Number.isFinite(body.end)) { vigie.dialog.say(QUIET, A.say('no_time'), true); fields.end.focus(); return; }
    const at = box(QUIET).querySelector('[data-al-save-silence]');
    at.disabled = true;
    try {
      if (quiet.change) await vigie.api('PUT', '/api/v1/alerts/silences/' + quiet.change.id, body);
      else await vigie.api('POST', '/api/v1/alerts/silences', Object.assign({kind: quiet.kind}, body));
      vigie.dialog.close(QUIET);
      vigie.toast(A.say(quiet.kind === 'maintenance' ? 'planned' : 'silenced_toast'));
      document.dispatchEvent(new CustomEvent('vigie:alerts-changed'));
      setTimeout(() => document.dispatchEvent(new CustomEvent('vigie:alerts-changed')), 1500);
    } catch (error) { vigie.dialog.say(QUIET, A.errors(error), true); }
    at.disabled = false;
  }

  const within = (event, id) => event.target.closest && event.target.closest('#' + id);
  document.addEventListener('click', event => {
    if (!event.target.closest) return;
    if (event.target.closest('[data-al-acknowledge]')) sendAcknowledge();
    else if (event.target.closest('[data-al-save-silence]')) save();
  });
  document.addEventListener('input', event => {
    if (!within(event, QUIET) || !quiet) return;
    if (event.target.name === 'matchers') form(QUIET).elements.reach.value = 'own';
    reshape();
    if (event.target.name === 'matchers' || event.target.name === 'reach') preview(WAIT);
  });
  document.addEventListener('submit', event => {
    if (within(event, ACK)) { event.preventDefault(); sendAcknowledge(); }
    if (within(event, QUIET)) { event.preventDefault(); save(); }
  });
  document.addEventListener('keydown', event => {
    if (event.key === 'Enter' && (event.ctrlKey || event.metaKey) && within(event, ACK)) sendAcknowledge();
  });

  vigie.alertActs = {acknowledge, silence};
})();
