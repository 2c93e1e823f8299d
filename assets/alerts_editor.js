// The editor of an alert rule: its form, and beside it what the rule would have done. Nothing is saved before Save.
(function () {
  'use strict';
  const vigie = window.vigie = window.vigie || {};
  const A = vigie.alerts;
  const SECONDS = ['window_seconds', 'for_seconds', 'resolve_seconds', 'no_data_seconds'], PLAIN = ['name', 'function', 'comparison', 'threshold_from', 'severity', 'no_data', 'category', 'message'];
  const TRIED = ['selectors', 'function', 'window_seconds', 'comparison', 'for_seconds', 'margin', 'resolve_seconds', 'no_data', 'no_data_seconds', 'threshold_from', 'factor'];
  const WAIT = 250;
  const BLANK = {name: '', selectors: [], function: 'last', window_seconds: 0, comparison: '>', threshold: null, threshold_from: '', factor: 1, for_seconds: 60,
    margin: 0, resolve_seconds: 0, severity: 'warning', no_data: 'ok', no_data_seconds: 60, labels: {}, message: '{what} is at {value} (limit {limit}).', category: 'system_alert', unit: '', shipped: false, changes: []};
  let rule = null, isNew = false, selectors = [], timer = 0, opening = 0, busy = false, seen = 0, dirty = false, hand = false, path = '';

  const root = () => A.page() && A.page().querySelector('.al-editor');
  const form = () => root().querySelector('form');
  const fields = () => form().elements;
  const line = () => vigie.threshold.at(root().querySelector('.threshold'), {moved});

  // ---- the form

  const unit = () => { const known = selectors.length && vigie.exploreSearch.metric(nameOf(selectors[0])); return (known && known.unit) || line().unit() || rule.unit || ''; };
  const selector = () => vigie.selector, nameOf = text => vigie.selector.name(text);
  const rounded = value => Number(Number(value).toPrecision(8));
  const factorOf = name => (/Percent$/.test(name) ? 0.01 : /Ms$/.test(name) ? 0.001 : /Mb$/.test(name) ? 1048576 : 1);

  function putSeconds(name, value) {
    const size = value && value % 3600 === 0 ? 3600 : value && value % 60 === 0 ? 60 : 1;
    fields()[name].value = value / size;
    fields()[name + '_unit'].value = String(size);
  }

  function putThreshold(value) {
    const [factor, name] = vigie.threshold.scale(unit());
    fields().threshold.value = value === null || value === undefined ? '' : rounded(value * factor);
    form().querySelector('.al-unit').textContent = name;
  }

  function fill() {
    PLAIN.forEach(name => { fields()[name].value = name === 'name' && rule.words && rule.shipped && !rule.changes.includes('name') ? rule.words : rule[name]; });
    SECONDS.forEach(name => putSeconds(name, rule[name]));
    fields().margin.value = rounded(rule.margin * 100);
    fields().labels.value = Object.entries(rule.labels).map(([name, value]) => name + '=' + value).join(', ');
    selectors = rule.selectors.slice();
    drawSelectors();
    putThreshold(rule.threshold_from ? rule.threshold_now : rule.threshold);
    dirty = false;
    reshape();
    wrong([]);
  }

  function reshape() {
    const from = fields().threshold_from.value;
    fields().threshold.readOnly = Boolean(from);
    fields().window_seconds.closest('.al-field').hidden = fields().function.value === 'last';
    fields().no_data_seconds.closest('.al-field').hidden = fields().no_data.value === 'keep';
    form().querySelector('.al-from').textContent = from ? A.say('from_config') : '';
    const title = isNew ? A.say('new_rule') : rule.words || rule.name;
    root().querySelector('.al-editor-title').textContent = title;
    const state = root().querySelector('.al-editor-state'), bits = [];
    if (!isNew) {
      bits.push(rule.shipped ? A.say('shipped') : A.say('own'), rule.enabled ? '' : A.say('state_off'), rule.waiting ? A.say('state_waiting') : '', rule.problem);
      if (rule.changed_by) bits.push(A.say('changed_by', {name: rule.changed_by, time: A.when(rule.changed)}));
    }
    state.textContent = bits.filter(Boolean).join(' · ');
    const tools = root().querySelector('.al-editor-tools');
    if (!tools) return;
    tools.querySelector('[data-al-reset]').hidden = isNew || !rule.shipped || !rule.changes.length;
    tools.querySelector('[data-al-delete]').hidden = isNew || rule.shipped;
    tools.querySelector('[data-al-copy]').hidden = isNew;
    tools.querySelector('[data-al-save]').disabled = busy || !isNew && !dirty;
  }

  const seconds = name => (fields()[name].value === '' ? 0 : Number(fields()[name].value) * Number(fields()[name + '_unit'].value));

  // The rule as the form has it; what was left alone is as it was, to the last digit.
  function values() {
    const found = {};
    PLAIN.forEach(name => { found[name] = fields()[name].value.trim(); });
    if (rule.shipped && found.name === rule.words) found.name = rule.name;
    SECONDS.forEach(name => { found[name] = seconds(name); });
    if (found.function === 'last') found.window_seconds = 0;
    found.margin = Math.abs(Number(fields().margin.value) / 100 - rule.margin) < 1e-9 ? rule.margin : Number(fields().margin.value) / 100;
    found.selectors = selectors.map(one => one.trim()).filter(Boolean);
    found.labels = {};
    fields().labels.value.split(',').map(one => one.trim()).filter(Boolean).forEach(one => {
      const at = one.indexOf('=');
      found.labels[(at < 0 ? one : one.slice(0, at)).trim()] = at < 0 ? '' : one.slice(at + 1).trim();
    });
    found.factor = !found.threshold_from ? rule.factor : found.threshold_from === rule.threshold_from ? rule.factor : factorOf(found.threshold_from);
    const [factor] = vigie.threshold.scale(unit()), text = fields().threshold.value;
    const same = rule.threshold !== null && rule.threshold !== undefined && text !== '' && rounded(rule.threshold * factor) === Number(text);
    found.threshold = found.threshold_from ? null : text === '' ? null : same ? rule.threshold : rounded(Number(text) / factor);
    return found;
  }

  function changes(now) {
    const found = {};
    Object.keys(now).forEach(name => { if (JSON.stringify(now[name]) !== JSON.stringify(rule[name] === undefined ? null : rule[name])) found[name] = now[name]; });
    if ('threshold_from' in found && !found.threshold_from) delete found.factor;
    return found;
  }

  // ---- the line and the words beside

  function tried(now) {
    const given = isNew ? {} : {rule: rule.id};
    TRIED.forEach(name => { if (now[name] !== '' && now[name] !== null && !(name === 'factor' && !now.threshold_from)) given[name] = now[name]; });
    return given;
  }

  function show() {
    const now = values();
    line().show(tried(now), now.threshold_from ? undefined : now.threshold === null ? undefined : now.threshold, A.may.edit);
    see(now);
  }

  function moved(limit, done) {
    if (fields().threshold_from.value) fields().threshold_from.value = '';
    putThreshold(limit);
    dirty = true;
    hand = hand || !isNew;
    reshape();
    line().set(tried(values()));
    if (done) see(values());
  }

  // What it sees now.
  function see(now) {
    const box = root().querySelector('.al-seen'), mine = seen += 1;
    if (!A.may.edit || !now.selectors.length || now.threshold === null && !now.threshold_from) { box.replaceChildren(); return; }
    setTimeout(async () => {
      if (mine !== seen || !root()) return;
      try {
        const body = Object.assign({id: 'candidate'}, now, {name: now.name || 'candidate'});
        if (body.threshold_from) delete body.threshold; else delete body.factor;
        const found = (await vigie.api('POST', '/api/v1/alerts/rules/test', body)).data;
        if (mine !== seen || !root()) return;
        wrong([]);
        const holds = found.filter(one => one.holds);
        box.replaceChildren(A.el('p', 'muted', A.say('sees', {count: found.length, holds: holds.length})), A.el('ul', 'al-seen-list', ...found.sort((a, b) => b.holds - a.holds).slice(0, 8).map(one =>
          A.el('li', one.holds ? 'is-warning' : '', A.el('code', '', one.series), ' ', A.el('strong', 'num', vigie.format.human(one.value, one.unit)), one.holds ? A.chip(A.say('holds'), 'is-warning') : ''))));
      } catch (error) {
        if (mine !== seen || !root()) return;
        box.replaceChildren();
        wrong(error.errors || [], true);
      }
    }, 300);
  }

  function wrong(errors, gently) {
    form().querySelectorAll('[data-error]').forEach(at => { at.textContent = ''; });
    form().querySelectorAll('.is-wrong').forEach(at => at.classList.remove('is-wrong'));
    let first = null;
    errors.forEach(one => {
      const name = String(one.field || '').split('.')[0];
      const at = form().querySelector(`[data-error="${CSS.escape(name)}"]`) || form().querySelector('[data-error=""]');
      at.textContent = [at.textContent, one.allowed].filter(Boolean).join('; ');
      const field = fields()[name];
      if (field && field.classList) { field.classList.add('is-wrong'); first = first || field; }
    });
    if (first && !gently) first.focus();
  }

  // ---- what is watched

  function drawSelectors() {
    const box = form().querySelector('.al-selectors'), may = A.may.edit;
    box.replaceChildren(...selectors.map((text, i) => {
      const input = document.createElement('input'), known = vigie.exploreSearch.metric(nameOf(text)), row = A.el('div', 'al-selector', input);
      input.className = 'field mono';
      input.value = text;
      input.spellcheck = false;
      input.dataset.alSelector = i;
      input.setAttribute('aria-label', A.say('selector'));
      if (may) { const drop = A.button('×', 'button-quiet', {alDrop: i}, A.say('drop')); drop.setAttribute('aria-label', A.say('drop')); row.append(drop); }
      const labels = known && may ? Object.entries(known.labels || {}).filter(([, all]) => all.length > 1) : [];
      const help = known ? A.el('p', 'field-hint', known.help + (known.count > 1 ? ' · ' + A.say('n_series', {count: known.count}) : '')) : '';
      return A.el('div', '', row, help, ...labels.map(([label, all]) => A.el('div', 'al-values', A.el('span', 'muted', label), ...all.slice(0, 16).map(value => {
        const on = selector().chosen(text, label).includes(value), node = A.button(value || '""', on ? 'is-on' : '', {alValue: value, alLabel: label, alOf: i});
        node.setAttribute('aria-pressed', String(on));
        return node;
      }))));
    }));
  }

  // ---- the search of a metric

  let options = [], at = -1;
  const search = () => form().querySelector('.al-search'), list = () => form().querySelector('.al-options');
  function find() {
    const text = search().value.trim(), box = list();
    options = text ? vigie.exploreSearch.find(text).slice(0, 12) : [];
    at = options.length ? 0 : -1;
    box.hidden = !text;
    search().setAttribute('aria-expanded', String(!box.hidden));
    box.replaceChildren(...(options.length ? options.map((hit, i) => {
      const node = A.el('div', 'al-option', A.el('code', '', pick(hit)), A.el('span', 'muted', hit.metric.help || ''));
      node.setAttribute('role', 'option');
      node.id = 'al-option-' + i;
      node.dataset.alOption = i;
      return node;
    }) : [A.el('p', 'muted', A.say('no_metric'))]));
    mark();
  }
  const pick = hit => {
    const inner = Array.from(new Map(hit.filters), ([label, value]) => `${label}="${selector().escaped(value)}"`).join(',');
    return hit.metric.name + (inner ? '{' + inner + '}' : '');
  };
  function mark() {
    Array.from(list().children).forEach((node, i) => { if (node.dataset.alOption) { node.classList.toggle('is-at', i === at); node.setAttribute('aria-selected', String(i === at)); if (i === at) node.scrollIntoView({block: 'nearest'}); } });
    if (at >= 0) search().setAttribute('aria-activedescendant', 'al-option-' + at); else search().removeAttribute('aria-activedescendant');
  }
  function take(i) {
    const hit = options[i];
    if (!hit) return;
    add(pick(hit));
    search().value = '';
    list().hidden = true;
    search().setAttribute('aria-expanded', 'false');
    options = [];
  }
  function add(text) {
    if (selectors.includes(text)) return;
    selectors.push(text);
    if (selectors.length === 1 && /_total$/.test(nameOf(text)) && fields().function.value === 'last') {
      fields().function.value = 'increase';  // a total only grows: what it counted is what can be judged
      putSeconds('window_seconds', 300);
    }
    drawSelectors();
    edited(0);
  }

  // ---- opening and saving

  async function open(query) {
    const mine = opening += 1;
    if (!root()) return;
    isNew = query.rule === 'new';
    root().setAttribute('aria-busy', 'true');  // nobody types into fields that are about to be filled
    await vigie.exploreSearch.load();
    try {
      if (isNew && query.copy) rule = Object.assign({}, await vigie.api('GET', '/api/v1/alerts/rules/' + query.copy), {shipped: false, changes: [], changed_by: ''});
      else rule = isNew ? Object.assign({}, BLANK) : await vigie.api('GET', '/api/v1/alerts/rules/' + encodeURIComponent(query.rule));
    } catch (error) { vigie.problem(error); A.open('rules'); return; }
    if (mine !== opening || !root()) return;
    if (isNew && query.copy) rule.name = A.say('copy_of', {name: rule.words});
    if (isNew && query.metric) rule.selectors = query.metric.split(';').slice(0, 8);
    tools();
    fill();
    root().removeAttribute('aria-busy');
    dirty = isNew;
    hand = false;
    path = location.pathname + location.search;
    if (isNew && rule.selectors.length && /_total$/.test(nameOf(rule.selectors[0]))) { fields().function.value = 'increase'; putSeconds('window_seconds', 300); }
    reshape();
    show();
    if (isNew) (selectors.length ? fields().name : search()).focus();
  }

  function tools() {
    if (root().querySelector('.al-editor-tools') || !A.may.edit) return;
    const save = A.button(A.say('save'), 'button-primary', {alSave: '1'});
    form().append(A.el('div', 'al-editor-tools', A.button(A.say('delete'), 'button-quiet', {alDelete: '1'}), A.button(A.say('reset'), '', {alReset: '1'}), A.button(A.say('copy'), '', {alCopy: '1'}), save));
  }

  async function save() {
    if (busy) return;
    const now = values();
    if (!isNew && !Object.keys(changes(now)).length) { A.open('rules'); return; }
    busy = true;
    reshape();
    try {
      if (isNew) {
        const body = Object.assign({id: slug(now.name)}, now);
        if (body.threshold_from) delete body.threshold; else delete body.factor;
        await vigie.api('POST', '/api/v1/alerts/rules', body);
      } else {
        const body = changes(now);
        if (body.threshold_from && 'threshold' in body) delete body.threshold;
        if ('margin' in body) body.resolve_threshold = null;
        if (body.threshold !== undefined && body.threshold !== null) delete body.threshold_from;
        await vigie.api('PUT', '/api/v1/alerts/rules/' + rule.id, body);
      }
      vigie.toast(A.say('saved'));
      dirty = hand = false;
      document.dispatchEvent(new CustomEvent('vigie:rules'));
      A.open('rules');
    } catch (error) {
      wrong(error.errors || [{field: '', allowed: A.errors(error)}]);
    }
    busy = false;
    if (root()) reshape();
  }

  const slug = name => {
    const plain = name.normalize('NFD').replace(/[\u0300-\u036f]/g, '').toLowerCase().replace(/[^a-z0-9]+/g, '_').replace(/^_+|_+$/g, '').slice(0, 50);
    const base = /^[a-z]/.test(plain) ? plain : 'rule_' + plain;
    return (base || 'rule') + '_' + Date.now().toString(36).slice(-4);
  };

  async function act(work, words) {
    try {
      await work();
      vigie.toast(A.say(words));
      document.dispatchEvent(new CustomEvent('vigie:rules'));
      A.open('rules');
    } catch (error) { vigie.toast(A.errors(error), 'error'); }
  }

  function edited(wait) {
    dirty = hand = true;
    reshape();
    clearTimeout(timer);
    timer = setTimeout(() => { if (root() && A.query.rule) show(); }, wait);
  }

  const inside = event => root() && form().contains(event.target);
  document.addEventListener('input', event => {
    if (!inside(event)) return;
    if (event.target === search()) { find(); return; }
    if (event.target.dataset.alSelector) { selectors[Number(event.target.dataset.alSelector)] = event.target.value; edited(400); return; }
    if (event.target.name === 'threshold') {
      const [factor] = vigie.threshold.scale(unit());
      dirty = hand = true;
      reshape();
      if (event.target.value !== '') { line().set(tried(values())); line().put(Number(event.target.value) / factor); see(values()); }
      return;
    }
    if (event.target.name === 'function' && event.target.value !== 'last' && !seconds('window_seconds')) putSeconds('window_seconds', 300);
    if (event.target.name === 'threshold_from' && !event.target.value && fields().threshold.value === '') putThreshold(rule.threshold_now);
    edited(event.target.tagName === 'SELECT' ? 0 : WAIT);
  });
  document.addEventListener('change', event => { if (inside(event) && event.target.dataset.alSelector) drawSelectors(); });
  document.addEventListener('submit', event => { if (inside(event)) { event.preventDefault(); if (A.may.edit && event.target === form()) save(); } });
  document.addEventListener('keydown', event => {
    if (!inside(event) || event.target !== search()) return;
    const step = {ArrowDown: 1, ArrowUp: -1}[event.key];
    if (step && options.length) { event.preventDefault(); at = (at + step + options.length) % options.length; mark(); }
    else if (event.key === 'Enter') { event.preventDefault(); if (at >= 0) take(at); else if (/^[a-zA-Z_:]/.test(search().value)) { add(search().value.trim()); search().value = ''; list().hidden = true; } }
    else if (event.key === 'Escape' && !list().hidden) { event.stopPropagation(); list().hidden = true; }
  });
  document.addEventListener('focusout', event => { if (inside(event) && event.target === search()) setTimeout(() => { if (root()) list().hidden = true; }, 150); });
  document.addEventListener('pointerdown', event => { if (event.target.closest && event.target.closest('.al-option')) event.preventDefault(); });
  document.addEventListener('click', event => {
    if (!inside(event) || !event.target.closest) return;
    const option = event.target.closest('[data-al-option]'), button = event.target.closest('button'), data = button ? button.dataset : {};
    if (option) take(Number(option.dataset.alOption));
    else if (data.alDrop) { selectors.splice(Number(data.alDrop), 1); drawSelectors(); edited(0); }
    else if (data.alLabel) {
      const i = Number(data.alOf);
      selectors[i] = selector().toggle(selectors[i], data.alLabel, data.alValue);
      drawSelectors();
      const again = form().querySelector(`[data-al-of="${i}"][data-al-label="${data.alLabel}"][data-al-value="${CSS.escape(data.alValue)}"]`);
      if (again) again.focus();
      edited(0);
    } else if (data.alSave) save();
    else if (data.alCopy) A.open('rules', {rule: 'new', copy: rule.id});
    else if (data.alReset) A.ask(A.say('sure_reset', {name: rule.words}), A.say('reset'), () => act(() => vigie.api('POST', `/api/v1/alerts/rules/${rule.id}/reset`, {}), 'was_reset'));
    else if (data.alDelete) A.ask(A.say('sure_delete', {name: rule.name}), A.say('delete'), () => act(() => vigie.api('DELETE', '/api/v1/alerts/rules/' + rule.id), 'deleted'));
  });

  // From a chart's menu: a rule on what it draws.
  document.addEventListener('vigie:chart-action', event => {
    if (event.detail.action !== 'alert') return;
    const section = document.querySelector('#react-entry-point [data-chart="' + CSS.escape(event.detail.id) + '"]');
    const text = (event.detail.id.startsWith('q:') ? event.detail.id.slice(2) : section && section.dataset.drawing || '').replace(/![^{}"]*$/, '');
    vigie.go(vigie.url('/alerts') + vigie.query({tab: 'rules', rule: 'new', metric: selector().split(text).slice(0, 8).join(';')}));
  });

  const unsaved = () => hand && A.may.edit && Boolean(root()) && !root().hidden && A.tab() === 'rules';

  // Goes on once it is clear that nothing is lost.
  function leave(go) {
    if (unsaved()) A.ask(A.say('sure_discard'), A.say('discard'), () => { hand = false; go(); });
    else go();
  }
  (vigie.guards = vigie.guards || []).push({
    pending: unsaved, path: () => path, left: () => location.pathname + location.search !== path, ask: leave,
  });

  vigie.alertEditor = {open, leave};
})();
