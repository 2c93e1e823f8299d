// The search of the Explore page: every metric by name, help, labels and their values, on each key.
//
//   vigie.exploreSearch.entered()   the page has been drawn
//   vigie.exploreSearch.into({slot, edit, title})   the next choice goes into that chart
//   vigie.exploreSearch.find(text)  what a text finds, best first: [{metric, score, filters}]
//   vigie.exploreSearch.metric(name)  what is known of a metric: {name, help, unit, labels, ...}
(function () {
  'use strict';
  const vigie = window.vigie = window.vigie || {};
  const MOST = 40;  // options drawn at once
  const OLD = 60000;  // ms after which the list of metrics is asked for again
  let entries = [], byName = new Map(), loaded = 0, failed = false, loading = null;
  let options = [], at = -1, target = null, words = {};

  const page = () => document.querySelector('#react-entry-point .timed[data-page=explore]');
  const box = () => page() && page().querySelector('.explore-search');
  const input = () => box() && box().querySelector('[data-search]');
  const panel = () => box() && box().querySelector('.explore-options');
  const fill = (text, values) => text.replace(/\{(\w+)\}/g, (_, name) => values[name]);

  // ---- the catalogue

  function load() {
    if (loading || (loaded && Date.now() - loaded < OLD)) return loading;
    loading = vigie.api('GET', '/api/metrics/catalogue').then(answer => {
      take(answer.metrics);
      failed = false;
    }, () => { failed = true; }).then(() => {
      loading = null;
      if (panel() && !panel().hidden) show();
      document.dispatchEvent(new CustomEvent('vigie:catalogue'));
    });
    return loading;
  }

  function take(metrics) {
    loaded = Date.now();
    byName = new Map(metrics.map(metric => [metric.name, metric]));
    entries = metrics.map(metric => {
      const labels = Object.entries(metric.labels || {}).map(([label, values]) =>
        ({label, low: label.toLowerCase(), values, lows: values.map(value => value.toLowerCase())}));
      const source = ((words.sources || {})[metric.source] || metric.source || '').toLowerCase();
      const name = metric.name.toLowerCase(), help = (metric.help || '').toLowerCase(), total = metric.total || '';
      return {metric, name, help, total, source, labels,
        hay: [name, help, total, source, ...labels.map(one => one.low + '\n' + one.lows.join('\n'))].join('\n')};
    });
  }

  // How well one word fits an entry; -1 when it does not. A value that it alone means narrows the choice to it.
  function score(entry, word, filters) {
    if (!entry.hay.includes(word)) return -1;
    const place = entry.name.indexOf(word);
    if (place === 0) return entry.name.length === word.length ? 120 : 100;
    if (place > 0) {
      const after = entry.name[place + word.length];
      return entry.name[place - 1] !== '_' ? 60 : after === undefined || after === '_' ? 85 : 80;
    }
    if (entry.total.includes(word)) return 55;
    const said = entry.help.indexOf(word);
    if (said >= 0) return said === 0 || entry.help[said - 1] === ' ' ? 40 : 30;
    let best = entry.source.includes(word) ? 10 : 0;
    for (const one of entry.labels) {
      if (one.low.includes(word)) best = Math.max(best, 25);
      const hits = [];
      for (let i = 0; i < one.lows.length && hits.length < 2; i += 1) if (one.lows[i].includes(word)) hits.push(i);
      const exact = hits.length > 1 ? one.lows.indexOf(word) : hits.length === 1 ? hits[0] : -1;
      if (hits.length) best = Math.max(best, exact >= 0 && one.lows[exact] === word ? 24 : 20);
      if (exact >= 0) filters.push([one.label, one.values[exact]]);
    }
    return best || -1;
  }

  function find(text) {
    const tokens = text.toLowerCase().split(/\s+/).filter(Boolean), found = [];
    for (const entry of entries) {
      let sum = 0;
      const filters = [];
      for (const word of tokens) {
        const own = [], part = score(entry, word, own);
        if (part < 0) { sum = -1; break; }
        sum += part;
        if (own.length && part <= 25) filters.push(...own);
      }
      if (sum >= 0) found.push({metric: entry.metric, filters, score: sum - entry.name.length / 1000 - (entry.metric.gone ? 5 : 0)});
    }
    if (tokens.length) found.sort((a, b) => b.score - a.score || (a.metric.name < b.metric.name ? -1 : 1));
    return found;
  }

  // A chart spelled by hand is taken as it is.
  const spelled = text => /^[a-zA-Z_:{][^;]*(\}|![a-z0-9=,_]+)\s*$/.test(text.trim());

  function selector(hit) {
    const seen = new Map(hit.filters);
    const inner = Array.from(seen, ([label, value]) => label + '="' + value.replace(/[\\"]/g, '\\$&').replace(/\n/g, '\\n') + '"');
    return hit.metric.name + (inner.length ? '{' + inner.join(',') + '}' : '');
  }

  // ---- the list

  function element(tag, className, ...inside) {
    const node = document.createElement(tag);
    node.className = className;
    node.append(...inside.filter(part => part !== null && part !== undefined && part !== ''));
    return node;
  }

  function marked(text, tokens) {
    const low = text.toLowerCase(), on = new Array(text.length).fill(false);
    tokens.forEach(word => {
      for (let i = low.indexOf(word); i >= 0; i = low.indexOf(word, i + word.length)) on.fill(true, i, i + word.length);
    });
    const parts = document.createDocumentFragment();
    for (let i = 0; i < text.length;) {
      let end = i + 1;
      while (end < text.length && on[end] === on[i]) end += 1;
      if (on[i]) parts.append(element('mark', '', text.slice(i, end))); else parts.append(text.slice(i, end));
      i = end;
    }
    return parts;
  }

  function option(text, inside) {
    const node = element('div', 'explore-option', ...inside);
    node.setAttribute('role', 'option');
    node.id = 'explore-option-' + options.length;
    node.dataset.option = options.length;
    options.push({text, node});
    return node;
  }

  function line(hit, tokens) {
    const metric = hit.metric, unit = (words.units || {})[metric.unit] || '';
    const many = metric.count === 1 ? words.one : fill(words.many, {count: metric.count});
    const labels = Object.keys(metric.labels || {});
    const narrowed = hit.filters.map(([label, value]) => label + ' = ' + value).join(', ');
    return option(selector(hit), [
      element('span', 'option-name mono', marked(metric.name, tokens),
        narrowed ? element('span', 'option-value', marked(narrowed, tokens)) : null),
      element('span', 'option-facts', metric.gone ? words.gone + ' · ' : '', hit.filters.length ? '' : many, unit && !hit.filters.length ? ' · ' : '', unit),
      element('span', 'option-help', marked(metric.help || '', tokens),
        metric.total && tokens.some(word => metric.total.includes(word) && !metric.name.includes(word)) ? ' · ' + words.total + ' ' + metric.total : '',
        labels.length ? element('span', 'option-labels mono', marked(labels.join(' '), tokens)) : null),
    ]);
  }

  function show() {
    const list = panel(), field = input();
    if (!list || !field) return;
    const text = field.value, tokens = text.toLowerCase().replace(/[{!].*$/, '').split(/\s+/).filter(Boolean);
    options = [];
    at = -1;
    const parts = [];
    if (spelled(text)) {
      const whole = text.trim();
      parts.push(option(whole, [element('span', 'option-name mono', words.draw + ' ' + whole), element('span', 'option-facts'), element('span', 'option-help')]));
    }
    const found = find(tokens.join(' ')), shown = found.slice(0, MOST), groups = new Map();
    shown.forEach(hit => {
      const name = hit.metric.source || '';
      groups.set(name, (groups.get(name) || []).concat(hit));
    });
    groups.forEach((hits, name) => {
      const title = (words.sources || {})[name] || name || words.other;
      const group = element('div', 'explore-group', element('div', 'option-group', title));
      group.setAttribute('role', 'group');
      group.setAttribute('aria-label', title);
      group.append(...hits.map(hit => line(hit, tokens)));
      parts.push(group);
    });
    if (found.length > MOST) parts.push(element('p', 'option-note', fill(words.more, {count: found.length - MOST})));
    if (!parts.length) parts.push(element('p', 'option-note', !loaded ? (failed ? words.away : words.waiting) : words.nothing));
    list.replaceChildren(...parts, ...(target ? [] : [element('p', 'option-keys', words.keys)]));
    list.hidden = false;
    requestAnimationFrame(() => { list.scrollTop = 0; });  // at once would lay the page out within the key stroke
    field.setAttribute('aria-expanded', 'true');
    box().querySelector('.explore-count').textContent = fill(words.found, {count: found.length});
    if (options.length && text.trim()) choose(0, true);
    else field.removeAttribute('aria-activedescendant');
  }

  function hide() {
    if (!panel() || panel().hidden) return;
    panel().hidden = true;
    input().setAttribute('aria-expanded', 'false');
    input().removeAttribute('aria-activedescendant');
    at = -1;
  }

  function choose(next, still) {
    if (options[at]) { options[at].node.classList.remove('is-at'); options[at].node.setAttribute('aria-selected', 'false'); }
    at = next;
    const one = options[at];
    if (!one) { input().removeAttribute('aria-activedescendant'); return; }
    one.node.classList.add('is-at');
    one.node.setAttribute('aria-selected', 'true');
    if (!still) one.node.scrollIntoView({block: 'nearest'});
    input().setAttribute('aria-activedescendant', one.node.id);
  }

  function pick(index, last) {
    const one = options[index], charts = vigie.explore.list();
    if (!one) return;
    if (target && charts.some(([slot]) => slot === target.slot)) vigie.explore.ask({do: target.edit, slot: target.slot, texts: [one.text]});
    else if (last && charts.length) vigie.explore.ask({do: 'join', at: -1, texts: [one.text]});
    else vigie.explore.ask({do: 'add', texts: [one.text]});
    aim(null);
    hide();
    input().value = '';
    if (matchMedia('(hover: none)').matches) input().blur();  // the keyboard of a phone hides what was added
  }

  // ---- where a choice goes

  function aim(next) {
    target = next;
    const chip = box() && box().querySelector('.explore-into');
    if (!chip) return;
    chip.hidden = !target;
    chip.textContent = target ? fill(target.edit === 'versus' ? words.against : words.into, {chart: target.title}) + ' ×' : '';
  }

  function into(next) {
    aim(next);
    input().focus();
    input().scrollIntoView({block: 'nearest'});
    show();
  }

  // ---- hands

  document.addEventListener('input', event => {
    if (event.target !== input()) return;
    load();
    if (event.target.value || target) show(); else hide();
  });
  document.addEventListener('focusin', event => { if (event.target === input()) load(); });
  document.addEventListener('focusout', event => {
    if (event.target === input() && !(box() && box().contains(event.relatedTarget))) hide();
  });
  document.addEventListener('pointerdown', event => {
    const list = panel();
    if (list && list.contains(event.target) && event.pointerType !== 'touch') event.preventDefault();  // the box keeps the focus
  });
  document.addEventListener('mousedown', event => { if (panel() && panel().contains(event.target)) event.preventDefault(); });
  document.addEventListener('click', event => {
    const one = event.target.closest && event.target.closest('.explore-options [data-option]');
    if (one) { pick(Number(one.dataset.option), event.shiftKey); return; }
    if (event.target.closest && event.target.closest('.explore-into')) { aim(null); input().focus(); return; }
    if (event.target === input() && panel().hidden && loaded) show();
  });
  document.addEventListener('keydown', event => {
    if (event.target !== input() || event.isComposing) return;
    const shown = !panel().hidden;
    const step = {ArrowDown: 1, ArrowUp: -1, PageDown: 8, PageUp: -8}[event.key];
    if (step) {
      event.preventDefault();
      if (!shown) { show(); return; }
      if (!options.length) return;
      const next = at + step;
      choose(Math.abs(step) > 1 ? Math.min(Math.max(next, 0), options.length - 1) : (next + options.length) % options.length);
    } else if (event.key === '/' && !event.target.value) {
      event.preventDefault();  // the key that leads here, pressed here
    } else if (event.key === 'Enter') {
      event.preventDefault();
      if (shown && at >= 0) pick(at, event.shiftKey);
    } else if (event.key === 'Escape') {
      if (shown || target || event.target.value) event.stopPropagation();
      if (shown) hide(); else { event.target.value = ''; aim(null); }
    }
  }, true);

  vigie.exploreSearch = {
    find, into,
    metric: name => byName.get(name),
    load: () => Promise.resolve(load()),
    entered: () => {
      words = JSON.parse(box().dataset.words);
      aim(null);
      loaded = 0;
      load();
    },
  };
})();
