// The Alerts tab of the Configuration page: the threshold whose field was looked at last, drawn over the last day of what
// it judges. The field holds the value; saving, discarding and conflicts are the page's.
(function () {
  'use strict';
  const vigie = window.vigie = window.vigie || {};
  const AT = 'monitoring.alertThresholds', OLD = 30000;
  let rules = [], asked = 0, key = '', shown = '';

  const page = () => (vigie.configuration ? vigie.configuration.page() : null);
  const card = () => page() && page().querySelector('.cf-consequences');
  const visible = () => card() && card().offsetParent !== null;
  const rows = () => Array.from(page().querySelectorAll(`[data-card="${AT}"] .cf-row[data-key]`));
  const rowOf = name => vigie.configForm.row(page(), AT + '.' + name);
  const ruleOf = name => rules.find(rule => rule.threshold_from === name);
  const editable = () => !page().classList.contains('is-readonly');

  async function load() {
    if (Date.now() - asked < OLD) return;
    asked = Date.now();
    try { rules = (await vigie.api('GET', '/api/v1/alerts/rules')).data; } catch (error) { asked = 0; }
  }

  async function show(name) {
    if (!visible()) return;
    await load();
    if (!visible()) return;
    key = name || key || rows().map(row => row.dataset.key).find(ruleOf) || '';
    const rule = ruleOf(key), box = card();
    rows().forEach(row => row.classList.toggle('is-drawn', row.dataset.key === key && Boolean(rule)));
    box.querySelector('.cf-consequences-of').textContent = rule ? rowOf(key).querySelector('.cf-name').textContent + ' · ' + rule.words : '';
    const link = box.querySelector('a');
    link.hidden = !rule;
    if (rule) link.href = vigie.url('/alerts') + vigie.query({tab: 'rules', rule: rule.id});
    box.classList.toggle('is-without', !rule);
    if (!rule) return;
    const value = Number(vigie.configForm.value(rowOf(key)));
    shown = key + value;
    line().show({rule: rule.id}, value * rule.factor, editable());
  }

  const line = () => vigie.threshold.at(card().querySelector('.threshold'), {moved});

  function moved(limit) {
    const rule = ruleOf(key);
    if (!rule) return;
    const input = rowOf(key).querySelector('input[type=number]'), step = Number(input && input.step) || 1;
    const value = Number((Math.round(limit / rule.factor / step) * step).toPrecision(10));
    if (shown === key + value) return;
    shown = key + value;
    vigie.configForm.put(page(), AT + '.' + key, value);
    document.dispatchEvent(new CustomEvent('vigie:config-edited'));
  }

  // What is typed, discarded or came from somebody else moves the line.
  function follow() {
    if (!visible() || !key || !ruleOf(key)) return;
    const value = Number(vigie.configForm.value(rowOf(key)));
    if (shown === key + value || !Number.isFinite(value)) return;
    shown = key + value;
    line().put(value * ruleOf(key).factor);
  }

  document.addEventListener('focusin', event => {
    const row = event.target.closest && event.target.closest(`[data-card="${AT}"] .cf-row[data-key]`);
    if (row && page() && row.dataset.key !== key) show(row.dataset.key);
  });
  ['vigie:config-tab', 'vigie:config-entered'].forEach(name => document.addEventListener(name, () => {
    if (name === 'vigie:config-entered') { key = shown = ''; asked = 0; }
    setTimeout(show, 0);
  }));
  ['vigie:config-edited', 'input', 'vigie:news'].forEach(name => document.addEventListener(name, () => setTimeout(follow, 0)));
  document.addEventListener('click', () => { if (page()) setTimeout(follow, 80); });
})();
