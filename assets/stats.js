// The table of statistics under a chart: exactly what is in sight, computed by the server from all values.
//
//   vigie.stats.open(chart)              whether the chart's table is open: then each question asks for it too
//   vigie.stats.answered(chart, answer)  an answer came: fills the table
//
// On Explore tables are open unless closed, elsewhere closed unless opened; both are remembered in this browser. A chart
// that goes on by itself asks for its statistics alone, every 5 s at most.
(function () {
  'use strict';
  const vigie = window.vigie = window.vigie || {};
  const KEPT = 'vigie-stats', EVERY = 5000;

  const page = () => { const root = document.querySelector('#react-entry-point .timed'); return root ? root.dataset.page : ''; };

  function kept() {
    try { return JSON.parse(localStorage.getItem(KEPT)) || {}; } catch (error) { return {}; }
  }

  function keep(value) {
    try { localStorage.setItem(KEPT, JSON.stringify(value)); } catch (error) { /* a browser that keeps nothing */ }
  }

  // Charts that people draw come and go: for them one choice per page. Vigie's own are remembered one by one.
  function wanted(chart) {
    const own = kept()[page()] || {}, drawn = chart.id.startsWith('q:');
    return drawn ? (own.drawn === undefined ? page() === 'explore' : own.drawn) : (own.charts || []).includes(chart.id);
  }

  function remember(chart, on) {
    const all = kept(), own = all[page()] = all[page()] || {};
    if (chart.id.startsWith('q:')) own.drawn = on;
    else own.charts = (own.charts || []).filter(id => id !== chart.id).concat(on ? [chart.id] : []).slice(-60);
    keep(all);
  }

  const button = chart => chart.section.querySelector('[data-stats]');
  const box = chart => chart.section.querySelector('.chart-stats');

  function open(chart) {
    if (!button(chart)) return false;
    if (chart.stats === undefined) paint(chart, wanted(chart));
    return chart.stats;
  }

  function paint(chart, on) {
    chart.stats = on;
    button(chart).setAttribute('aria-expanded', String(on));
    box(chart).hidden = !on;
  }

  function cell(name, text, className) {
    const made = document.createElement(name);
    if (className) made.className = className;
    made.textContent = text;
    return made;
  }

  function row(chart, found, colours) {
    const line = document.createElement('tr'), name = cell('th', '', 'stats-name');
    name.scope = 'row';
    const swatch = document.createElement('span'), colour = found.colour || colours.get(found.key);
    swatch.className = 'legend-swatch';
    swatch.style.backgroundColor = colour || '';
    swatch.hidden = !colour;
    const words = cell('span', found.name);
    words.title = found.name;
    name.append(swatch, words);
    if (found.unit) name.append(cell('span', found.unit, 'stats-unit'));
    line.append(name, ...found.cells.map(text => cell('td', text, 'num')));
    return line;
  }

  function answered(chart, answer) {
    if (!answer.stats) {
      if (chart.stats && !answer.figure && !answer.only && box(chart)) box(chart).replaceChildren();
      return;
    }
    chart.statsAt = Date.now();
    const place = box(chart);
    if (!place) return;
    const figure = answer.figure || (chart.data && {data: chart.data, layout: {meta: chart.meta}}), colours = new Map();
    if (figure) vigie.chartTools.named(figure.layout.meta).forEach((key, i) => {
      const trace = figure.data[i];
      if (key && trace && !trace.z) colours.set(key, vigie.chartTools.hue(trace));
    });
    const table = document.createElement('table'), head = document.createElement('tr');
    const first = cell('td', '');
    head.append(first, ...answer.stats_head.map(text => { const th = cell('th', text); th.scope = 'col'; return th; }));
    const top = document.createElement('thead'), body = document.createElement('tbody');
    top.append(head);
    body.append(...answer.stats.map(found => row(chart, found, colours)));
    table.append(top, body);
    const label = button(chart).getAttribute('aria-label');
    table.setAttribute('aria-label', label);
    const left = place.firstChild ? place.firstChild.scrollLeft : 0, down = place.firstChild ? place.firstChild.scrollTop : 0;
    const scroll = document.createElement('div');
    scroll.className = 'stats-scroll';
    scroll.tabIndex = 0;
    scroll.setAttribute('role', 'region');
    scroll.setAttribute('aria-label', label);
    if (answer.stats.length) scroll.append(table);
    const focused = place.contains(document.activeElement);
    place.replaceChildren(scroll, cell('p', answer.stats_note, 'stats-note'));
    scroll.scrollLeft = left;
    scroll.scrollTop = down;
    if (focused) scroll.focus({preventScroll: true});
  }

  // The statistics alone: the chart has gone on by itself since it was asked for.
  function ask(chart) {
    const view = vigie.charts.view;
    chart.statsAt = Date.now();
    vigie.props({type: 'chart-want', id: chart.id}, {data: {
      chart: chart.id, n: chart.n, window: view.window, start: view.from, end: view.to, theme: chart.theme, stats: true,
      only: 'stats', at: chart.statsAt,
    }});
  }

  function fresh(chart) {
    // What moves the picture by less than a pixel moves its statistics as little.
    const span = vigie.charts.view.seconds * 1000, pace = Math.max(EVERY, Math.min(span / chart.width, 60000));
    if (!chart.loading && chart.data && Date.now() - (chart.statsAt || 0) >= pace) ask(chart);
  }

  document.addEventListener('vigie:frame', () => {
    const view = vigie.charts.view;
    if (!view.live || view.from !== null) return;
    vigie.charts.all().forEach(chart => { if (chart.visible && chart.stats && chart.section.isConnected) fresh(chart); });
  });

  document.addEventListener('click', event => {
    const at = event.target.closest && event.target.closest('[data-stats]');
    const chart = at && vigie.charts.all().get(at.closest('[data-chart]').dataset.chart);
    if (!chart) return;
    const on = !chart.stats;
    paint(chart, on);
    remember(chart, on);
    if (on) ask(chart);
  });

  vigie.stats = {open, answered};
})();
