// Silences, maintenance windows and inhibitions.
(function () {
  'use strict';
  const vigie = window.vigie = window.vigie || {};
  const A = vigie.alerts;
  let silences = [], over = false, asked = 0;

  const panel = () => A.page() && A.page().querySelector('.al-panel-silences');

  async function load() {
    if (!panel()) return;
    const mine = asked += 1;
    try {
      const [found, inhibitions] = await Promise.all([
        vigie.api('GET', '/api/v1/alerts/silences' + vigie.query({over: over || null})), vigie.api('GET', '/api/v1/alerts/inhibitions'),
      ]);
      if (mine !== asked || !panel()) return;
      silences = found.data;
      A.count('silences', silences.filter(one => one.state === 'active').length);
      draw(panel().querySelector('.al-silences'), silences, silence, A.say('no_silences'));
      draw(panel().querySelector('.al-inhibitions'), inhibitions.data, inhibition, A.say('no_inhibitions'));
    } catch (error) {
      if (mine === asked && panel()) panel().querySelector('.al-silences').replaceChildren(A.el('p', 'al-bad', A.say('away') + ' ' + A.errors(error)));
    }
  }

  function draw(box, list, line, empty) {
    const text = JSON.stringify(list);
    if (box.dataset.shown === text) return;
    box.dataset.shown = text;
    box.replaceChildren(list.length ? A.el('ul', 'rows', ...list.map(line)) : A.el('p', 'muted', empty));
  }

  function timed(one) {
    if (one.days.length) {
      const until = one.end ? ' ' + A.say('until', {time: A.when(one.end)}) : '';
      return A.say('weekly', {days: one.days.map(day => A.say(day)).join(', '), from: one.from_time, to: one.to_time, zone: one.timezone.replace(/_/g, ' ')}) + until;
    }
    const from = one.start > A.now() ? A.when(one.start) + ' – ' : '';
    return one.state === 'over' ? A.when(one.start) + ' – ' + A.when(one.end) : from + A.say('until', {time: A.when(one.end)});
  }

  function silence(one) {
    const state = A.say('silence_' + one.state), facts = [timed(one), A.say('by', {name: one.by}), one.ended_by ? A.say('ended_by', {name: one.ended_by}) : ''];
    const tools = A.el('div', 'al-tools');
    if (A.may.silence && one.state !== 'over') {
      tools.append(A.button(A.say('change'), '', {alChangeSilence: one.id}), A.button(A.say('end'), '', {alEndSilence: one.id}));
    }
    return A.el('li', 'al-line2 ' + (one.state === 'active' ? 'is-warning' : 'is-plain'),
      A.el('div', '', A.el('p', '', A.chip(state, one.state === 'active' ? 'is-warning' : ''), ' ', one.kind === 'maintenance' ? A.chip(A.say('maintenance')) : '', ' ', A.el('code', '', one.matchers)),
        one.comment ? A.el('p', '', one.comment) : '', A.el('p', 'muted', facts.filter(Boolean).join(' · ')),
        one.state === 'active' ? A.el('p', 'muted', A.say('mutes', {count: one.alerts})) : ''), tools);
  }

  function inhibition(one) {
    const label = A.el('label', 'al-switch'), box = document.createElement('input');
    box.type = 'checkbox';
    box.checked = one.enabled;
    box.disabled = !A.may.edit;
    box.dataset.alInhibition = one.id;
    label.append(box, A.el('span', 'visually-hidden', one.name));
    const tools = A.el('div', 'al-tools');
    if (A.may.edit && !one.shipped) tools.append(A.button(A.say('delete'), '', {alDropInhibition: one.id}));
    return A.el('li', 'al-line2 is-plain', A.el('div', 'al-inhibition', label, A.el('div', '', A.el('p', '', one.name),
      A.el('p', 'muted', A.say('inhibits', {source: one.source, target: one.target, equal: one.equal.join(', ') || '–'})))), tools);
  }

  async function act(work) {
    try { await work(); } catch (error) { vigie.toast(A.errors(error), 'error'); }
    document.dispatchEvent(new CustomEvent('vigie:alerts-changed'));
    load();
  }

  document.addEventListener('click', event => {
    if (!event.target.closest || !panel()) return;
    const at = event.target.closest('button'), data = at ? at.dataset : {};
    if (data.alSilence) vigie.alertActs.silence({kind: data.alSilence});
    else if (data.alChangeSilence) vigie.alertActs.silence({change: silences.find(one => String(one.id) === data.alChangeSilence)});
    else if (data.alEndSilence) act(() => vigie.api('DELETE', '/api/v1/alerts/silences/' + data.alEndSilence));
    else if (data.alDropInhibition) act(() => vigie.api('DELETE', '/api/v1/alerts/inhibitions/' + data.alDropInhibition));
    else if (data.alOver) {
      over = !over;
      at.setAttribute('aria-pressed', String(over));
      load();
    }
  });
  document.addEventListener('change', event => {
    const id = event.target.dataset && event.target.dataset.alInhibition;
    if (id) act(() => vigie.api('PUT', '/api/v1/alerts/inhibitions/' + id, {enabled: event.target.checked}));
  });

  A.part('silences', {
    entered: () => { over = false; silences = []; },
    shown: load,
    news: () => { if (A.tab() === 'silences') load(); },
  });
})();
