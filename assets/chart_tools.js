// What charts need beside Plotly: the time zone, value axes that do not jump, legends that are buttons.
(function () {
  'use strict';
  const vigie = window.vigie = window.vigie || {};
  const QUARTER = 900000, ABSENT = '–';
  const zones = new Map();

  // Minutes and all between UTC and the viewer's zone at a moment, ms. Zones change on quarters of an hour.
  function offset(ms) {
    const zone = vigie.timezone || 'UTC';
    let kept = zones.get(zone);
    if (!kept) {
      zones.set(zone, kept = {known: new Map(), format: new Intl.DateTimeFormat('en-US', {timeZone: zone,
        hourCycle: 'h23', year: 'numeric', month: 'numeric', day: 'numeric', hour: 'numeric', minute: 'numeric'})});
    }
    const quarter = Math.floor(ms / QUARTER);
    let found = kept.known.get(quarter);
    if (found === undefined) {
      const p = {};
      kept.format.formatToParts(quarter * QUARTER).forEach(part => { p[part.type] = +part.value; });
      found = Date.UTC(p.year, p.month - 1, p.day, p.hour, p.minute) - quarter * QUARTER;
      kept.known.set(quarter, found);
    }
    return found;
  }

  // The one place where time zones touch a chart. Plotly shows a number as the browser's own zone would, so what it
  // gets is off by the difference between the viewer's zone and the browser's; mostly none.
  const own = ms => -60000 * new Date(ms).getTimezoneOffset();
  function shift(ms) {
    const off = offset(ms);
    return ms + off - own(ms + off - own(ms));
  }
  function shiftAll(list) {
    if (!list.length) return [];
    const first = shift(list[0]) - list[0], last = list[list.length - 1];
    if (first === shift(last) - last) return first ? list.map(ms => ms + first) : list.slice();
    return list.map(shift);
  }
  // What Plotly says of its axis ('2026-11-20 17:05:25.5', the viewer's wall clock) as epoch ms.
  function moment(text) {
    const wall = Date.parse(String(text).replace(' ', 'T') + 'Z');
    return wall - offset(wall - offset(wall));
  }
  // A number that Plotly was given back to epoch ms.
  function back(x) {
    const first = x - (shift(x) - x);
    return first - (shift(first) - x);
  }
  vigie.time = {shift, shiftAll, moment, offset, back};

  const STEPS = [1, 1.2, 1.5, 2, 2.5, 3, 4, 5, 6, 8, 10];
  function nice(value) {
    const size = 10 ** Math.floor(Math.log10(value));
    return STEPS.find(step => step * size >= value * 0.9999) * size;
  }

  // Least and greatest value in sight, in the unit of the axis; stacked traces are added up.
  function extent(data, meta, from) {
    let low = Infinity, high = -Infinity;
    if (meta.kind === 'stacked') {
      const shown = data.filter((trace, i) => meta.series[i] && trace.visible !== 'legendonly');
      if (!shown.length) return null;
      const x = shown[0].x;
      for (let i = 0; i < x.length; i += 1) {
        if (x[i] < from) continue;
        let sum = 0;
        for (const trace of shown) sum += trace.y[i] || 0;
        if (sum > high) high = sum;
      }
      return high === -Infinity ? null : [0, high];
    }
    for (const trace of data) {
      if (trace.visible === 'legendonly') continue;
      for (let i = 0; i < trace.x.length; i += 1) {
        const y = trace.y[i];
        if (y === null || y === undefined || trace.x[i] < from) continue;
        if (y > high) high = y;
        if (y < low) low = y;
      }
    }
    return high === -Infinity ? null : [low, high];
  }

  // The value axis: grows at once, shrinks only when less than half of it is used, changes its unit when it must.
  function settle(data, layout, from) {
    const meta = layout.meta, axis = layout.yaxis;
    if (meta.fixed || meta.top !== null && meta.top !== undefined) return;
    const seen = extent(data, meta, from);
    if (!seen) { axis.range = [0, 1]; axis.autorange = false; return; }
    let factor = meta.scale, suffix = meta.suffix;
    for (const [f, s] of meta.scales) if (seen[1] / meta.scale * f >= 1 || f === meta.scales[0][0]) { factor = f; suffix = s; }
    if (factor !== meta.scale) {
      const ratio = factor / meta.scale;
      data.forEach(trace => {
        trace.y = trace.y.map(y => y === null ? null : y * ratio);
        const hover = '%{y:.' + meta.digits + 'f}' + suffix;
        if (Array.isArray(trace.hovertemplate)) trace.hovertemplate = trace.hovertemplate.map(h => h === ABSENT ? h : hover);
        else if (trace.hovertemplate) trace.hovertemplate = hover;
      });
      seen[0] *= ratio; seen[1] *= ratio;
      meta.scale = factor; meta.suffix = suffix; axis.ticksuffix = suffix; axis.range = null;
    }
    const old = axis.autorange === false && axis.range ? axis.range : null;
    if (meta.unit === 'celsius') {
      const low = Math.floor((seen[0] - 3) / 10) * 10, high = Math.ceil((seen[1] + 3) / 10) * 10;
      axis.range = old && old[0] <= low && old[1] >= high && (old[1] - old[0]) < 2 * (high - low) ? old : [low, high];
    } else {
      const tight = meta.kind === 'stacked' && meta.unit === 'bytes';
      const high = seen[1] <= 0 ? 1 : tight ? seen[1] * 1.01 : nice(seen[1] * 1.06);
      axis.range = old && old[1] >= seen[1] * 1.01 && old[1] <= 2 * high && !tight ? old : [0, high];
    }
    axis.autorange = false;
  }

  // Where points are sparse each has its dot: one sees what was measured and what is only the line between.
  const SPARSE = 14;  // px from point to point
  function mark(chart, data) {
    data.forEach(trace => {
      if (!trace.line || !trace.line.width || !trace.x || !String(trace.mode).startsWith('lines')) return;
      const room = chart.width / Math.max(1, trace.y.reduce((count, y) => count + (y !== null), 0));
      trace.mode = room >= SPARSE ? 'lines+markers' : 'lines';
      if (room >= SPARSE) trace.marker = {size: room > 40 ? 6 : 4, color: trace.line.color};
    });
  }

  // The identity of each trace in the legend, null for those that are not in it; the colour it has.
  const named = meta => meta.keys || meta.series;
  const hue = trace => (trace.line && trace.line.color) || (trace.marker && trace.marker.color) || '';

  // A legend of buttons: the keyboard reaches it, it holds the newest values, and it never moves the chart.
  function legend(chart) {
    const box = chart.section.querySelector('.chart-legend');
    if (!box || !chart.meta) return;
    const wanted = named(chart.meta).map((key, i) => ({key, trace: chart.data[i]})).filter(x => x.key && x.trace);
    const same = chart.items && chart.items.length === wanted.length && wanted.every((x, i) =>
      chart.items[i].key === x.key && chart.items[i].name === x.trace.name && chart.items[i].colour === hue(x.trace));
    if (!same) {
      chart.items = wanted.map(x => {
        const button = document.createElement('button');
        button.type = 'button';
        button.className = 'legend-item' + (x.trace.line && x.trace.line.dash ? ' legend-limit' : '');
        button.title = x.trace.name;
        const swatch = document.createElement('span');
        swatch.className = 'legend-swatch';
        swatch.style.backgroundColor = hue(x.trace);
        const name = document.createElement('span');
        name.className = 'legend-name';
        name.textContent = x.trace.name;
        const value = document.createElement('span');
        value.className = 'legend-value num';
        button.append(swatch, name, value);
        button.addEventListener('click', event => isolate(chart, x.key, event.ctrlKey || event.metaKey || event.shiftKey));
        return {key: x.key, name: x.trace.name, colour: hue(x.trace), button, value};
      });
      box.replaceChildren(...chart.items.map(item => item.button));
    }
    chart.items.forEach(item => {
      const on = !chart.only || chart.only.has(item.key);
      item.button.setAttribute('aria-pressed', String(on));
      item.button.classList.toggle('legend-off', !on);
    });
  }

  // A click shows one line alone, a second click all of them again; with Ctrl or Shift lines join or leave.
  function isolate(chart, key, more) {
    if (more) {
      const only = new Set(chart.only || chart.items.map(item => item.key));
      if (only.has(key)) only.delete(key); else only.add(key);
      chart.only = only.size && only.size < chart.items.length ? only : null;
    } else {
      chart.only = chart.only && chart.only.size === 1 && chart.only.has(key) ? null : new Set([key]);
    }
    choose(chart);
    legend(chart);
    vigie.charts.draw(chart, true);
  }

  function choose(chart) {
    if (!chart.only) { chart.data.forEach(trace => { trace.visible = true; }); return; }
    const names = new Set();
    named(chart.meta).forEach((key, i) => { if (key && chart.only.has(key)) names.add(chart.data[i].name); });
    chart.data.forEach(trace => { trace.visible = names.has(trace.name) ? true : 'legendonly'; });
  }

  function write(element, text) { if (element.textContent !== text) element.textContent = text; }

  // Unit and scale of the value axis that a trace belongs to.
  const unit = (meta, trace) => (meta.axes && meta.axes[trace.yaxis]) || meta;

  // In words; durations as the axis has them, because most here are far below a second, or in the first smaller unit in
  // which two decimals tell something.
  function said(value, meta) {
    if (meta.unit !== 'seconds') return vigie.format.human(value, meta.unit);
    const own = [meta.scale, meta.suffix], finer = (meta.scales || []).filter(one => one[0] > meta.scale).reverse();
    const [scale, suffix] = [own, ...finer].find(one => Math.abs(value * one[0]) >= 0.1) || own;
    return vigie.format.number(value * scale, 2) + suffix;
  }

  // Newest values beside the names: `values` by key in base units, of the tick `at`; or the last points drawn.
  function newest(chart, values, at) {
    if (!chart.items) return;
    chart.items.forEach(item => {
      let value;
      if (chart.meta.timed === false) { write(item.value, ''); return; }
      const trace = chart.data[named(chart.meta).indexOf(item.key)];
      if (values) {
        // What is computed, such as a rate, may bear the name of a series that others on the page follow.
        value = chart.meta.series.includes(item.key) ? values.get(item.key) : undefined;
        if (value === undefined) return;
        // A series read every few seconds is not absent in between, nor right after its chart was fetched.
        if (value === null && (chart.seen.get(item.key) || chart.from) > at - 15000) return;
        if (value !== null) chart.seen.set(item.key, at);
      } else {
        value = trace.y.length ? trace.y[trace.y.length - 1] : null;
        if (value !== null) value /= unit(chart.meta, trace).scale;
      }
      write(item.value, value === null ? ABSENT : said(value, unit(chart.meta, trace)));
    });
  }

  vigie.chartTools = {settle, mark, legend, choose, newest, write, said, named, hue};
})();
