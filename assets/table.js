// The data behind a chart: exactly what is drawn, as a table in a dialog.
//
//   vigie.chartTable.of(chart)   {time, columns: [{name, unit}], rows: [[label or epoch ms, value or null, ...]]}
(function () {
  'use strict';
  const vigie = window.vigie = window.vigie || {};
  const ABSENT = '–', CELLS = 6000;  // cells shown at once
  let table = null, shown = 0;

  const number = x => (typeof x === 'number' ? x : +new Date(x));

  // Columns of a trace: none for its faint edges' fill, but their values are the extremes of the steps.
  function traces(gd, words) {
    let edge = 0;
    return gd.data.map((trace, i) => ({trace, key: gd.layout.meta.series[i]})).filter(x => x.trace.visible !== 'legendonly').map(x => {
      const {trace, key} = x, axis = gd.layout[trace.yaxis === 'y2' ? 'yaxis2' : 'yaxis'] || {};
      const skipped = trace.hoverinfo === 'skip' && !key;
      if (skipped && !(trace.line && trace.line.width === 0 && trace.name)) return null;  // the rim of a stack
      const suffix = skipped ? ' (' + (edge++ % 2 ? words.highest : words.lowest) + ')' : '';
      return {trace, name: (trace.name || words.value) + suffix, unit: (axis.ticksuffix || '').trim()};
    }).filter(Boolean);
  }

  function timed(found) {
    const rows = new Map();
    found.forEach(({trace}, column) => trace.x.forEach((x, i) => {
      const at = number(x);
      let row = rows.get(at);
      if (!row) rows.set(at, row = [at].concat(found.map(() => null)));
      // A stack goes down to zero beside a gap: nothing was measured there.
      const hole = Array.isArray(trace.hovertemplate) && trace.hovertemplate[i] === ABSENT;
      if (!hole && trace.y[i] !== undefined) row[column + 1] = trace.y[i];
    }));
    return Array.from(rows.values()).sort((a, b) => a[0] - b[0]);
  }

  function of(chart) {
    const gd = chart.gd, meta = gd.layout.meta, words = document.querySelector('.chart-table-count').dataset;
    const first = gd.data[0];
    if (!first) return {time: false, columns: [], rows: []};
    if (chart.kind === 'bars') {
      const notes = gd.layout.annotations || [], at = place => notes.filter(note => note.y === place).map(note => note.text);
      return {time: false, head: words.row, columns: [{name: words.value, unit: '%'}, {name: '', unit: ''}],
        rows: first.y.map((place, i) => [at(place)[0] || '', first.x[i], at(place)[1] || ''])};
    }
    if (first.z) {
      const unit = (first.hovertemplate || '').includes(' %') ? '%' : meta.suffix ? meta.suffix.trim() : '';
      const flat = meta.timed !== false;
      if (flat) return {time: true, columns: first.y.map(name => ({name: String(name), unit})),
        rows: first.x.map((x, i) => [number(x)].concat(first.y.map((_, row) => first.z[row][i])))};
      return {time: false, head: words.row, columns: first.x.map(name => ({name: String(name), unit})),
        rows: first.y.map((name, row) => [String(name)].concat(first.z[row]))};
    }
    const found = traces(gd, words), columns = found.map(({name, unit}) => ({name, unit}));
    if (meta.timed !== false) return {time: true, columns, rows: timed(found)};
    const axis = gd.layout.xaxis || {}, unit = (axis.ticksuffix || '').trim(), list = [];
    found.forEach(({trace}, column) => trace.x.forEach((x, i) => {
      let row = list.find(r => r[0] === x);
      if (!row) list.push(row = [x].concat(found.map(() => null)));
      row[column + 1] = trace.y[i];
    }));
    return {time: false, head: words.value + (unit ? ' (' + unit + ')' : ''), columns, rows: list};
  }

  // ---- words

  // Epoch ms back from what Plotly was given.
  const moment = x => vigie.time.back(x);

  function clock(sub, days) {
    const part = Object.assign({hour: '2-digit', minute: '2-digit', second: '2-digit', hourCycle: 'h23', timeZone: vigie.timezone},
      sub ? {fractionalSecondDigits: 1} : {}, days ? {year: 'numeric', month: '2-digit', day: '2-digit'} : {});
    const french = vigie.page.lang === 'fr', format = new Intl.DateTimeFormat(french ? 'fr-FR' : 'sv-SE', part);
    return ms => (french ? format.format(ms) : format.format(ms).replace(',', '.'));
  }

  // As many decimals in a column as its greatest value asks for, so that they stand below each other.
  function digits(rows, column) {
    let top = 0, whole = true;
    rows.forEach(row => {
      const value = row[column];
      if (typeof value !== 'number') return;
      top = Math.max(top, Math.abs(value));
      whole = whole && Number.isInteger(value);
    });
    return whole ? 0 : top >= 100 ? 1 : top >= 10 ? 2 : top >= 1 ? 3 : 4;
  }

  function said(value, places) {
    if (value === null || value === undefined || value === '') return ABSENT;
    return typeof value === 'number' ? vigie.format.number(value, places) : String(value);
  }

  const title = column => column.name + (column.unit ? (column.name ? ' ' : '') + '(' + column.unit + ')' : '');

  // ---- the dialog

  const box = () => document.getElementById('chart-table');

  function cell(kind, text, scope) {
    const made = document.createElement(kind);
    made.textContent = text;
    if (scope) made.scope = scope;
    return made;
  }

  function more() {
    const count = Math.max(50, Math.floor(CELLS / (table.columns.length + 1))), piece = document.createDocumentFragment();
    table.rows.slice(shown, shown + count).forEach(row => {
      const line = document.createElement('tr');
      line.append(cell('th', label(row), 'row'), ...row.slice(1).map((value, i) => {
        const made = cell('td', said(value, table.digits[i + 1]));
        made.className = typeof value === 'number' || value === null ? 'num end' : '';
        return made;
      }));
      piece.append(line);
    });
    box().querySelector('tbody').append(piece);
    shown = Math.min(shown + count, table.rows.length);
    box().querySelector('.chart-table-more').hidden = shown >= table.rows.length;
    const at = box().querySelector('.chart-table-count'), format = n => vigie.format.number(n, 0);
    at.textContent = table.rows.length ? at.dataset.words.replace('{shown}', format(shown)).replace('{all}', format(table.rows.length)) : at.dataset.empty;
  }

  const label = row => (table.time ? table.clock(moment(row[0])) : said(row[0], table.digits[0]));

  const day = x => clock(false, true)(moment(x)).slice(0, 10);

  function show(chart, name) {
    const at = box();
    if (!at || !chart || !chart.gd || !chart.gd.layout) { if (at) vigie.toast(at.querySelector('.chart-table-count').dataset.empty); return; }
    table = of(chart);
    table.digits = [0].concat(table.columns).map((_, i) => digits(table.rows, i));
    shown = 0;
    const words = at.querySelector('.chart-table-count').dataset;
    if (table.time) {
      const times = table.rows.map(row => row[0]), first = times[0], last = times[times.length - 1];
      table.clock = clock(times.some(t => t % 1000), times.length > 0 && day(first) !== day(last));
    }
    at.querySelector('.dialog-title').textContent = name;
    const [from, to] = vigie.charts.span();
    at.querySelector('.dialog-aside').textContent = chart.meta && chart.meta.timed === false && chart.kind === 'bars' ? '' : vigie.timebar.between(from, to) + ' · ' + vigie.timezone;
    at.querySelector('caption').textContent = name;
    const head = document.createElement('tr');
    head.append(cell('th', table.time ? words.time : table.head, 'col'), ...table.columns.map(column => {
      const made = cell('th', title(column), 'col');
      made.className = 'end';
      return made;
    }));
    at.querySelector('thead').replaceChildren(head);
    at.querySelector('tbody').replaceChildren();
    more();
    vigie.dialog.open('chart-table');
    at.querySelector('.chart-table-box').scrollTo(0, 0);
  }

  // ---- copying: tabs between cells, as spreadsheets take it; numbers with a point, times in the viewer's zone

  function text() {
    const clean = value => String(value === null || value === undefined ? '' : value).replace(/[\t\r\n]+/g, ' ');
    const lines = [[table.time ? box().querySelector('.chart-table-count').dataset.time : table.head].concat(table.columns.map(title)).map(clean)];
    const full = clock(table.time && table.rows.some(row => row[0] % 1000), true);
    const stamp = t => (table.time ? full(moment(t)) : t);
    table.rows.forEach(row => lines.push([stamp(row[0]), ...row.slice(1)].map(clean)));
    return lines.map(line => line.join('\t')).join('\n');
  }

  async function copy() {
    const content = text(), words = box().querySelector('.chart-table-count').dataset;
    let done = false;
    try { await navigator.clipboard.writeText(content); done = true; } catch (error) { done = byHand(content); }
    vigie.dialog.say('chart-table', done ? words.copied : words.failed, !done);
  }

  // Without TLS there is no clipboard but the old one.
  function byHand(content) {
    const field = document.createElement('textarea');
    field.value = content;
    field.className = 'visually-hidden';
    box().append(field);
    field.select();
    let done = false;
    try { done = document.execCommand('copy'); } finally { field.remove(); }
    return done;
  }

  document.addEventListener('vigie:chart-action', event => {
    if (event.detail.action === 'table') show(event.detail.chart, event.detail.title);
  });
  document.addEventListener('click', event => {
    const at = event.target.closest && event.target.closest('#chart-table button');
    if (!at || !table) return;
    if (at.classList.contains('chart-table-more')) more();
    else if (at.dataset.copyTable) copy();
  });

  vigie.chartTable = {of, text};
})();
