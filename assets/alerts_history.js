// Alerts that were: filters, sums over all that they leave, rows that open, older ones by page.
(function () {
  'use strict';
  const vigie = window.vigie = window.vigie || {};
  const A = vigie.alerts;
  const PAGE = 50, WAIT = 250, NAMES = ['severity', 'category', 'rule', 'server', 'text'];
  let rows = [], next = null, asked = 0, timer = 0, open = new Set(), stories = new Map(), ruled = '';

  const panel = () => A.page() && A.page().querySelector('.al-panel-history');
  const form = () => panel().querySelector('form');

  function chosen() {
    const fields = form().elements, found = {};
    NAMES.forEach(name => { if (fields[name].value.trim()) found[name] = fields[name].value.trim(); });
    if (fields.span.value === 'own') {
      const from = fields.from.value ? vigie.time.moment(fields.from.value) : NaN, to = fields.to.value ? vigie.time.moment(fields.to.value) : NaN;
      if (Number.isFinite(from)) found.from = Math.round(from);
      if (Number.isFinite(to)) found.to = Math.round(to);
    } else if (fields.span.value) found.from = Math.round(A.now() - 86400000 * Number(fields.span.value));
    return found;
  }

  // What the address keeps of the filters.
  function remember() {
    const fields = form().elements, query = {};
    NAMES.forEach(name => { if (fields[name].value) query[name] = fields[name].value; });
    if (fields.span.value !== '7') query.span = fields.span.value || 'all';
    A.query = query;
    vigie.timebar.remember(true);
  }

  function restore(query) {
    const fields = form().elements;
    NAMES.forEach(name => { if (name !== 'rule') fields[name].value = query[name] || ''; });
    ruled = query.rule || '';
    fields.span.value = query.span === 'all' || query.alert ? '' : query.span || '7';
    panel().querySelector('.al-own').hidden = fields.span.value !== 'own';
    if (query.alert) open = new Set([query.alert]);
  }

  async function choices() {
    try {
      const book = (await vigie.api('GET', '/api/v1/alerts/rules')).data, select = form().elements.rule, was = select.value || ruled;
      const options = book.map(rule => new Option(rule.words, rule.id));
      if (was && !book.some(rule => rule.id === was)) options.push(new Option(was, was));
      select.replaceChildren(select.options[0], ...options);
      select.value = was;
      const servers = JSON.parse(A.page().dataset.servers), at = form().elements.server;
      if (at.options.length === 1) Object.keys(servers).forEach(id => at.append(new Option(servers[id] || id, id)));
    } catch (error) { /* the list says what is wrong */ }
  }

  async function load(older) {
    if (!panel()) return;
    const mine = asked += 1, query = chosen();
    if (ruled && !query.rule) query.rule = ruled;
    panel().querySelector('.al-csv').href = vigie.url('/api/v1/alerts/history/file') + vigie.query(query);
    try {
      const limit = older ? PAGE : Math.min(Math.max(PAGE, rows.length), 500);
      const found = await vigie.api('GET', '/api/v1/alerts/history' + vigie.query(Object.assign({limit}, query, older ? {before: next} : {})));
      if (mine !== asked || !panel()) return;
      rows = older ? rows.concat(found.data) : found.data;
      next = found.more;
      if (A.query.alert && !rows.some(one => one.id === A.query.alert)) await single(A.query.alert);
      sums(found);
      draw();
    } catch (error) {
      if (mine !== asked || !panel()) return;
      panel().querySelector('.al-sums').replaceChildren(A.el('p', 'al-bad', A.say('away') + ' ' + A.errors(error)));
    }
  }

  // The alert that the address names stands on top, whatever the filters.
  async function single(id) {
    try { rows.unshift(await vigie.api('GET', '/api/v1/alerts/one/' + id)); } catch (error) { vigie.toast(A.say('no_such'), 'error'); }
  }

  const length = seconds => (seconds === null || seconds === undefined ? '–' : vigie.format.duration(seconds));

  function sums(found) {
    const fact = (words, value) => A.el('div', 'al-sum', A.el('span', 'muted', words), A.el('strong', 'num', value));
    const most = found.most_frequent;
    panel().querySelector('.al-sums').replaceChildren(
      fact(A.say('sum_alerts'), vigie.format.number(found.count, 0)), fact(A.say('sum_firing'), length(found.count ? found.firing_seconds : null)),
      fact(A.say('mtta'), length(found.mean_seconds_to_acknowledge)), fact(A.say('mttr'), length(found.mean_seconds_to_resolve)),
      fact(A.say('most'), most ? most.name + ' (' + most.count + ')' : '–'),
    );
  }

  function draw() {
    const box = panel().querySelector('.al-history'), text = JSON.stringify([rows, Array.from(open), Array.from(stories.keys())]);
    panel().querySelector('.al-foot').hidden = next === null;
    if (box.dataset.shown === text) return;
    box.dataset.shown = text;
    const focused = box.contains(document.activeElement) ? document.activeElement.dataset.alRow : null;
    if (!rows.length) { box.replaceChildren(A.el('div', 'panel state state-no-data', A.el('div', '', A.el('p', 'state-title', A.say('no_rows')), A.el('p', '', A.say('no_rows_hint'))))); return; }
    const heads = ['h_started', 'h_alert', 'h_lasted', 'h_peak', 'h_taken', 'h_over', 'h_by'].map(name => { const th = A.el('th', '', A.say(name)); th.scope = 'col'; return th; });
    const body = A.el('tbody', '');
    rows.forEach(one => body.append(...row(one)));
    box.replaceChildren(A.el('div', 'panel al-table-box', A.el('table', 'al-table', A.el('thead', '', A.el('tr', '', ...heads)), body)));
    if (focused) { const again = box.querySelector(`[data-al-row="${focused}"]`); if (again) again.focus({preventScroll: true}); }
  }

  function cell(name, ...inside) { const td = A.el('td', '', ...inside); td.dataset.label = A.say(name); return td; }

  function row(one) {
    const from = one.fired || one.started, button = A.el('button', 'al-row-name', A.el('strong', '', one.name), ' ', A.el('span', 'muted', one.message));
    button.type = 'button';
    button.dataset.alRow = one.id;
    button.setAttribute('aria-expanded', String(open.has(one.id)));
    const over = one.resolved ? length((one.resolved - from) / 1000) : A.say('still');
    const main = A.el('tr', 'al-row ' + A.severity(one.severity), cell('h_started', A.time(from)),
      cell('h_alert', A.el('span', 'al-severity', A.say(one.severity)), button, one.flapping ? A.chip(A.say('flapping')) : '', one.muted ? A.chip(A.say('muted_short')) : ''),
      cell('h_lasted', one.resolved ? over : A.since(from)), cell('h_peak', vigie.format.human(one.peak, one.unit)),
      cell('h_taken', one.acknowledged ? length((one.acknowledged - from) / 1000) : '–'), cell('h_over', over), cell('h_by', one.acknowledged_by || one.owner || '–'));
    if (!open.has(one.id)) return [main];
    const td = A.el('td', 'al-detail'), steps = stories.get(one.id);
    td.colSpan = 7;
    const look = A.el('a', '', A.say('explore')), span = Math.max((one.resolved || A.now()) - from, 300000);
    look.href = vigie.url('/explore') + vigie.query({q: one.series, from: Math.round(from - span / 2), to: Math.round(Math.min(from + 1.5 * span, A.now()))});
    look.dataset.go = '1';
    const rule = A.el('a', '', A.say('rule'));
    rule.href = vigie.url('/alerts') + vigie.query({tab: 'rules', rule: one.rule});
    rule.dataset.alOpen = 'rules';
    rule.dataset.alQuery = JSON.stringify({rule: one.rule});
    td.append(A.el('p', '', A.el('code', '', one.series), ' ', A.sign(one.comparison), ' ', vigie.format.human(one.threshold, one.unit), ' · ', A.server(one.server)),
      one.note ? A.el('p', 'al-note', '“' + one.note + '”') : '', A.el('ul', 'rows', ...(steps || []).map(A.step)), A.el('p', 'al-links', look, rule));
    return [main, A.el('tr', 'al-row-more', td)];
  }

  async function toggle(id) {
    if (open.has(id)) open.delete(id);
    else open.add(id);
    await tell();
    draw();
  }

  async function tell() {
    for (const id of open) {
      if (stories.has(id)) continue;
      try { stories.set(id, (await vigie.api('GET', '/api/v1/alerts/one/' + id)).story); } catch (error) { vigie.problem(error); open.delete(id); }
    }
  }

  const soon = wait => { clearTimeout(timer); timer = setTimeout(() => { if (panel()) load(); }, wait); };
  document.addEventListener('input', event => {
    if (!panel() || !form().contains(event.target)) return;
    ruled = '';
    panel().querySelector('.al-own').hidden = form().elements.span.value !== 'own';
    rows = [];
    remember();
    soon(event.target.type === 'search' ? WAIT : 0);
  });
  document.addEventListener('submit', event => { if (panel() && event.target === form()) { event.preventDefault(); soon(0); } });
  document.addEventListener('click', event => {
    if (!event.target.closest || !panel()) return;
    const at = event.target.closest('[data-al-row]');
    if (at) toggle(at.dataset.alRow);
    else if (event.target.closest('[data-al-older]')) load(true);
  });

  A.part('history', {
    entered: () => { rows = []; next = null; open = new Set(); stories = new Map(); },
    shown: async query => { restore(query); choices(); await load(); await tell(); if (panel()) draw(); },
    news: () => { if (A.tab() === 'history') { stories.clear(); tell().then(() => load()); } },
  });
})();
