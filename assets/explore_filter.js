// The filter of a chart on the Explore page: the values of its metrics' labels, to tick on and off.
(function () {
  'use strict';
  const vigie = window.vigie = window.vigie || {};
  const SEARCHED = 14, MOST = 80;  // values beyond which there is a search for them, and which are drawn at once
  const typed = new Map();  // what is searched for, by label: a filter is drawn anew at each tick

  const words = () => JSON.parse(document.querySelector('#react-entry-point .explore-search').dataset.words);

  function element(tag, attributes, ...inside) {
    const node = document.createElement(tag);
    Object.entries(attributes).forEach(([name, value]) => node.setAttribute(name, value));
    node.append(...inside);
    return node;
  }

  function known(names) {
    const labels = new Map();
    names.map(vigie.exploreSearch.metric).filter(Boolean).forEach(metric => {
      Object.entries(metric.labels || {}).forEach(([label, values]) => {
        if (!labels.has(label)) labels.set(label, new Set());
        values.forEach(value => labels.get(label).add(value));
      });
    });
    return labels;
  }

  function list(label, values, chosen, text, said) {
    const low = text.toLowerCase();
    const fitting = values.filter(value => value.toLowerCase().includes(low));
    const first = fitting.filter(value => chosen.includes(value)).concat(fitting.filter(value => !chosen.includes(value)));
    const shown = (fitting.length > MOST ? first : fitting).slice(0, MOST);
    const nodes = shown.map(value => element('button', {
      type: 'button', class: 'explore-toggle mono', 'data-edit': 'filter', 'data-label': label, 'data-value': value,
      'aria-pressed': String(chosen.includes(value)),
    }, value || '""'));
    if (fitting.length > shown.length) nodes.push(element('span', {class: 'explore-word'}, said.hidden.replace('{count}', fitting.length - shown.length)));
    return nodes;
  }

  function fill(details, data) {
    const at = details.querySelector('[data-filter-panel]'), said = words();
    const chosen = JSON.parse(data.chosen), labels = known(JSON.parse(data.names));
    if (!labels.size) { vigie.exploreSearch.load().then(() => { if (details.open && known(JSON.parse(data.names)).size) fill(details, data); }); }
    at.replaceChildren(...Array.from(labels, ([label, found]) => {
      const values = Array.from(found), ticked = chosen[label] || [];
      const count = ticked.length ? said.some.replace('{some}', ticked.length) : said.all;
      const box = element('div', {class: 'explore-values'}, ...list(label, values, ticked, typed.get(label) || '', said));
      const parts = [element('div', {class: 'explore-label'},
        element('strong', {class: 'mono'}, label), element('span', {class: 'explore-word'}, count.replace('{count}', values.length)))];
      if (values.length > SEARCHED) {
        const field = element('input', {type: 'text', class: 'explore-value-search', placeholder: said.values, 'aria-label': said.values + ': ' + label});
        field.value = typed.get(label) || '';
        field.addEventListener('input', () => {
          typed.set(label, field.value);
          box.replaceChildren(...list(label, values, ticked, field.value, said));
        });
        parts.push(field);
      }
      return element('div', {role: 'group', 'aria-label': label}, ...parts, box);
    }));
  }

  vigie.exploreFilter = {fill};
})();
