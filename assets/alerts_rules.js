// The list of alert rules by kind: what each does now, how often it fired, on and off.
(function () {
  'use strict';
  const vigie = window.vigie = window.vigie || {};
  const A = vigie.alerts;
  let rules = [], asked = 0;

  const panel = () => A.page() && A.page().querySelector('.al-panel-rules');

  async function load() {
    if (!panel()) return;
    const mine = asked += 1;
    try {
      const found = (await vigie.api('GET', '/api/v1/alerts/rules')).data;
      if (mine !== asked || !panel()) return;
      rules = found;
      draw();
    } catch (error) {
      if (mine === asked && panel()) panel().querySelector('.al-rules').replaceChildren(A.el('p', 'al-bad', A.say('away') + ' ' + A.errors(error)));
    }
  }

  function state(rule) {
    if (!rule.enabled) return [A.say('state_off'), ''];
    if (rule.problem) return [A.say('state_error'), 'is-critical'];
    if (rule.waiting) return [A.say('state_waiting'), ''];
    if (rule.firing) return [A.say('state_firing', {count: rule.firing}), A.severity(rule.severity)];
    if (rule.pending) return [A.say('state_pending', {count: rule.pending}), 'is-warning'];
    return rule.series === 0 ? [A.say('state_nothing'), ''] : [A.say('state_ok'), 'is-ok'];
  }

  function draw() {
    const box = panel().querySelector('.al-rules'), text = JSON.stringify(rules);
    if (box.dataset.shown === text) return;
    box.dataset.shown = text;
    const held = box.contains(document.activeElement) ? document.activeElement.closest('[data-rule]') : null;
    const focused = held && [held.dataset.rule, document.activeElement.tagName.toLowerCase()];
    const groups = new Map(Object.keys(A.categories()).map(name => [name, []]));
    rules.forEach(rule => groups.get(rule.category).push(rule));
    box.replaceChildren(...Array.from(groups).filter(([, list]) => list.length).map(([name, list]) => A.el('section', 'al-group',
      A.el('h2', 'group-title', A.categories()[name]), A.el('ul', 'panel al-rule-rows', ...list.map(row)))));
    if (focused) { const again = box.querySelector(`[data-rule="${focused[0]}"] ${focused[1]}`); if (again) again.focus({preventScroll: true}); }
  }

  function row(rule) {
    const [words, css] = state(rule), label = A.el('label', 'al-switch'), box = document.createElement('input'), open = A.el('button', 'al-rule-name', rule.words);
    box.type = 'checkbox';
    box.checked = rule.enabled;
    box.disabled = !A.may.edit;
    box.dataset.alSwitch = rule.id;
    label.append(box, A.el('span', 'visually-hidden', A.say('switch', {name: rule.words})));
    open.type = 'button';
    open.dataset.alRule = rule.id;
    const line = A.el('li', 'al-rule' + (rule.enabled ? '' : ' is-off'), label,
      A.el('div', 'al-rule-what', open, A.el('code', 'muted', rule.selectors.join(', ')), rule.problem ? A.el('p', 'al-bad', rule.problem) : ''),
      A.el('span', 'al-rule-if num', rule.function === 'last' ? '' : A.say('fn_' + rule.function, {time: vigie.format.duration(rule.window_seconds)}) + ' ', A.condition(rule)),
      A.el('span', 'al-rule-n num muted', rule.series === null ? '' : A.say('n_series', {count: rule.series})),
      A.el('span', 'al-severity ' + A.severity(rule.severity), A.say(rule.severity)),
      A.el('span', 'al-rule-when muted num', rule.last_fired ? A.say('fired_last', {time: A.when(rule.last_fired)}) + (rule.fired_week ? ' · ' + A.say('fired_week', {count: rule.fired_week}) : '') : ''),
      A.el('span', 'al-rule-state', A.chip(words, css), rule.changes.length ? A.chip(A.say('changed')) : '', rule.shipped ? '' : A.chip(A.say('own'))));
    line.dataset.rule = rule.id;
    return line;
  }

  async function turn(box) {
    box.disabled = true;
    try {
      await vigie.api('PUT', '/api/v1/alerts/rules/' + box.dataset.alSwitch, {enabled: box.checked});
      document.dispatchEvent(new CustomEvent('vigie:rules'));
    } catch (error) { vigie.toast(A.errors(error), 'error'); box.checked = !box.checked; }
    box.disabled = false;
    load();
  }

  function list(on) {
    panel().querySelector('.al-rules-list').hidden = !on;
    panel().querySelector('.al-editor').hidden = on;
  }

  document.addEventListener('change', event => { if (event.target.dataset && event.target.dataset.alSwitch) turn(event.target); });
  document.addEventListener('click', event => {
    if (!event.target.closest || !panel()) return;
    const at = event.target.closest('[data-al-rule]');
    if (at) A.open('rules', {rule: at.dataset.alRule});
    else if (event.target.closest('[data-al-new]')) A.open('rules', {rule: 'new'});
    else if (event.target.closest('[data-al-back]')) vigie.alertEditor.leave(() => A.open('rules'));
  });
  document.addEventListener('vigie:rules', () => { if (A.page() && A.tab() === 'rules') load(); });

  A.part('rules', {
    entered: () => { rules = []; },
    shown: query => {
      list(!query.rule);
      if (query.rule) vigie.alertEditor.open(query); else load();
    },
    news: () => { if (A.tab() === 'rules') { if (!A.query.rule) load(); } },
  });
})();
