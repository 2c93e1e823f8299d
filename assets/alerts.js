// The Alerts page: its tabs, the address, and what all its parts share.
//
//   vigie.alerts.page()           its root, or null
//   vigie.alerts.say(name, ...)   words from components/alerts_page_words.py, {places} filled
//   vigie.alerts.may              {acknowledge, silence, edit}
//   vigie.alerts.open(tab, query) another tab; vigie.alerts.query is what the tab adds to the address
//   vigie.alerts.part(name, part) a tab registers {shown(query), news(kind)}: it came into sight; something happened
//   vigie.alerts.el(tag, class, ...inside)    .icon(name)    .when(ms)    .since(ms)    .wall(ms)    .errors(error)
(function () {
  'use strict';
  const vigie = window.vigie = window.vigie || {};
  const parts = {};
  const plural = new Intl.PluralRules(document.documentElement.lang || 'en');
  let tab = 'firing', texts = null, textsOf = null, waiting = 0;

  const page = () => {
    const at = vigie.timebar && vigie.timebar.here();
    return at && at.dataset.page === 'alerts' ? at : null;
  };
  const fill = (text, values) => String(text === undefined ? '' : text).replace(/\{(\w+)\}/g, (all, name) => (values && name in values ? values[name] : all));

  function say(name, values) {
    const at = page();
    if (at && textsOf !== at) { textsOf = at; texts = JSON.parse(at.dataset.words); }
    let text = texts && texts[name];
    if (text === undefined) return name;
    if (Array.isArray(text)) text = text[plural.select(values && values.count || 0) === 'one' ? 0 : 1];  // French says 0 as it says 1
    return fill(text, values);
  }

  function el(tag, className, ...inside) {
    const node = document.createElement(tag);
    if (className) node.className = className;
    node.append(...inside.filter(part => part !== null && part !== undefined && part !== ''));
    return node;
  }

  function button(words, css, data, title) {
    const node = el('button', 'button button-small' + (css ? ' ' + css : ''), words);
    node.type = 'button';
    Object.assign(node.dataset, data || {});
    if (title) node.title = title;
    return node;
  }

  const format = options => new Intl.DateTimeFormat(vigie.page.lang, Object.assign({hourCycle: 'h23', timeZone: vigie.timezone}, options));
  function when(ms) {
    const old = Math.abs(Date.now() - ms) > 43200000;
    return format(old ? {day: 'numeric', month: 'short', hour: '2-digit', minute: '2-digit'} : {hour: '2-digit', minute: '2-digit', second: '2-digit'}).format(ms);
  }
  function time(ms, css) {
    const node = el('time', css || 'num', when(ms));
    node.dateTime = new Date(ms).toISOString();
    node.title = format({dateStyle: 'full', timeStyle: 'medium'}).format(ms);
    return node;
  }
  const now = () => Date.now() + (vigie.live ? vigie.live.offset : 0);
  const since = ms => vigie.format.duration(Math.max(Math.floor((now() - ms) / 1000), 1));
  const pad = (n, size) => String(n).padStart(size || 2, '0');
  function wall(ms) {
    const at = new Date(vigie.time.shift(ms));
    return `${pad(at.getFullYear(), 4)}-${pad(at.getMonth() + 1)}-${pad(at.getDate())}T${pad(at.getHours())}:${pad(at.getMinutes())}`;
  }
  const errors = error => (error.errors && error.errors.length ? error.errors.map(one => [one.field, one.allowed].filter(Boolean).join(' ')).join('; ') :
    [error.title, error.detail].filter(Boolean).join(': '));
  const sign = comparison => ({'>=': '≥', '<=': '≤', '!=': '≠', '==': '='}[comparison] || comparison);

  function chip(words, css) { return el('span', 'tag ' + (css || ''), words); }
  const SEVERITY = {warning: 'is-warning', error: 'is-critical', critical: 'is-critical'};

  // ---- tabs

  function paint() {
    const at = page();
    if (!at) return;
    at.dataset.shown = tab;
    at.querySelectorAll('[data-al-tab]').forEach(one => {
      const on = one.dataset.alTab === tab;
      one.setAttribute('aria-selected', String(on));
      one.tabIndex = on ? 0 : -1;
      document.getElementById('al-panel-' + one.dataset.alTab).hidden = !on;
    });
  }

  function show(query) { if (parts[tab] && page()) parts[tab].shown(query || {}); }

  function open(next, query) {
    tab = next;
    api.query = Object.assign({}, query);
    paint();
    show(api.query);
    vigie.timebar.remember();
    if (scrollY > 200) scrollTo(0, 0);
  }

  const asked = query => {
    const found = {};
    query.forEach((value, name) => { if (!['tab', 'window', 'from', 'to'].includes(name)) found[name] = value; });
    return found;
  };

  (vigie.pages = vigie.pages || {}).alerts = {
    params: () => Object.assign({tab: tab === 'firing' ? null : tab}, api.query),
    restore: query => {
      tab = document.getElementById('al-panel-' + query.get('tab')) ? query.get('tab') : 'firing';
      api.query = asked(query);
      paint();
      show(api.query);
    },
    entered: view => {
      tab = view.tab;
      texts = textsOf = null;
      api.query = asked(new URLSearchParams(location.search));
      paint();
      Object.values(parts).forEach(part => { if (part.entered) part.entered(); });
      show(api.query);
    },
  };

  document.addEventListener('click', event => {
    if (!event.target.closest || !page()) return;
    const at = event.target.closest('[data-al-tab]');
    if (at) { vigie.alertEditor.leave(() => open(at.dataset.alTab)); return; }
    const to = event.target.closest('[data-al-open]');
    if (!to) return;
    event.preventDefault();
    open(to.dataset.alOpen, to.dataset.alQuery ? JSON.parse(to.dataset.alQuery) : {});
  });

  function news() {
    clearTimeout(waiting);
    waiting = setTimeout(() => { if (page()) Object.values(parts).forEach(part => { if (part.news) part.news(); }); }, 120);
  }
  document.addEventListener('vigie:news', event => { if (event.detail.topic === 'alerts') news(); });
  document.addEventListener('vigie:resume', news);
  document.addEventListener('vigie:alerts-changed', news);

  // A hand is in it: nothing moves below.
  const busy = at => Boolean(document.querySelector('dialog[open]') || at && at.contains(document.activeElement) &&
    document.activeElement.matches('input, textarea, select'));

  let sure = null;
  function ask(words, doIt, go) {
    const box = document.getElementById('alerts-sure');
    box.querySelector('.al-sure-words').textContent = words;
    box.querySelector('[data-al-sure]').textContent = doIt;
    sure = go;
    vigie.dialog.open('alerts-sure');
  }
  document.addEventListener('click', event => {
    if (!event.target.closest || !event.target.closest('#alerts-sure [data-al-sure]')) return;
    vigie.dialog.close('alerts-sure');
    if (sure) sure();
  });

  const api = vigie.alerts = {
    page, say, el, button, when, time, since, now, wall, errors, sign, chip, open, busy, ask, query: {},
    tab: () => tab,
    part: (name, part) => { parts[name] = part; },
    severity: code => SEVERITY[code] || 'is-plain',
    get may() { return page() ? JSON.parse(page().dataset.may) : {}; },
    user: () => (page() ? page().dataset.user : ''),
    server: number => (page() ? JSON.parse(page().dataset.servers)[String(number)] : '') || String(number),
    categories: () => { const found = {}; ['high_resource_usage', 'system_alert', 'model_failure', 'config_changed'].forEach(name => { found[name] = say('kind_' + name); }); return found; },
    count: (name, count) => {
      const at = page() && page().querySelector(`[data-al-tab=${name}] .al-count`);
      if (at) at.textContent = count ? String(count) : '';
    },
    condition: rule => {
      const value = vigie.format.human(rule.threshold_now, rule.unit);
      return sign(rule.comparison) + ' ' + value + (rule.for_seconds ? ' ' + say('for', {time: vigie.format.duration(rule.for_seconds)}) : '');
    },
  };
})();
