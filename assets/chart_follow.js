// How a chart goes on: live points into the arrays that Plotly holds, and a word when they stop coming.
(function () {
  'use strict';
  const vigie = window.vigie = window.vigie || {};

  function append(chart, view, t, values) {
    const meta = chart.meta, data = chart.gd.data, x = vigie.time.shift(t);
    const oldest = vigie.time.shift(t - view.seconds * 1000) - 2000 * meta.step;
    if (chart.kind === 'heatmap' || chart.kind === 'strip') return void grow(chart, data[0], t, values, oldest);
    if (chart.kind === 'stacked') return void stack(chart, t, values, oldest);
    meta.series.forEach((key, i) => {
      if (!key) return;
      const value = values.get(key), trace = data[i];
      const absent = value === null || value === undefined;
      const last = chart.put.get(key) || 0;
      // A series read every few seconds is not absent in between.
      if (absent && t - (last || chart.from) < 15000) return;
      trace.x.push(x);
      trace.y.push(absent ? null : value * meta.scale);
      if (!absent) chart.put.set(key, t);
      trim(trace, oldest);
    });
  }

  const rows = frame => (frame.back || []).concat([[frame.t, frame.v]]).map(([t, v]) => [t, new Map(frame.keys.map((key, i) => [key, v[i]]))]);

  // A frame that comes while the chart is fetched or drawn: its points wait, a minute of them at most.
  function miss(chart, frame) {
    chart.missed = (chart.missed || []).concat(rows(frame)).slice(-60);
  }

  // What came before this frame and is not in the chart yet.
  function catchUp(chart, view, frame) {
    (chart.missed || []).concat(rows(frame).slice(0, -1)).forEach(([t, values]) => {
      if (t <= chart.lastT || t >= frame.t) return;
      append(chart, view, t, values);
      chart.lastT = t;
    });
    chart.missed = null;
  }

  function trim(trace, oldest) {
    let old = 0;
    while (old < trace.x.length && trace.x[old] < oldest) old += 1;
    if (!old) return;
    trace.x.splice(0, old);
    trace.y.splice(0, old);
    if (Array.isArray(trace.hovertemplate)) trace.hovertemplate.splice(0, old);
  }

  // Stacked series share their times. A gap goes down to 0 and comes up from it, else Plotly fills it.
  function stack(chart, t, values, oldest) {
    const keys = chart.meta.series, data = chart.gd.data;
    if (!keys.some(key => values.get(key) != null)) return;
    const last = chart.put.get('') || chart.from, step = Math.max(chart.meta.step * 1000, 1000);
    const edges = t - last > 5.5 * step ? [vigie.time.shift(last) + 1, vigie.time.shift(t) - 1] : [];
    chart.put.set('', t);
    const sum = keys.reduce((total, key) => total + (values.get(key) || 0), 0);
    keys.forEach((key, i) => {
      const trace = data[i], value = key ? values.get(key) : sum, gap = key ? 0 : null;
      if (key && edges.length && !Array.isArray(trace.hovertemplate)) trace.hovertemplate = trace.x.map(() => trace.hovertemplate);
      const hover = Array.isArray(trace.hovertemplate) ? trace.hovertemplate.find(h => h !== '–') : null;
      edges.concat(vigie.time.shift(t)).forEach((x, at) => {
        trace.x.push(x);
        trace.y.push(at < edges.length ? gap : value == null ? null : value * chart.meta.scale);
        if (hover) trace.hovertemplate.push(at < edges.length ? '–' : hover);
      });
      trim(trace, oldest);
    });
  }

  function grow(chart, trace, t, values, oldest) {
    const step = chart.meta.step * 1000, middle = vigie.time.shift((Math.floor(t / step) + 0.5) * step);
    if (!trace.x.length || middle > trace.x[trace.x.length - 1]) {
      trace.x.push(middle);
      trace.z.forEach(row => row.push(null));
      chart.inCell = 0;
    }
    chart.inCell = (chart.inCell || 0) + 1;
    const at = trace.x.length - 1;
    chart.meta.series.forEach((key, row) => {
      const value = values.get(key);
      if (value === null || value === undefined || !trace.z[row]) return;
      const was = trace.z[row][at], scaled = value * chart.meta.scale;
      trace.z[row][at] = was === null ? scaled : chart.kind === 'strip' ? Math.max(was, scaled) :
        was + (scaled - was) / chart.inCell;
    });
    while (trace.x.length && trace.x[0] < oldest) { trace.x.shift(); trace.z.forEach(row => row.shift()); }
  }

  // Values that stopped coming: said on the panel, with the time of the last one.
  function quiet(chart, values, t) {
    if (chart.kind === 'bars' || chart.meta.extend === false) return;
    if (chart.meta.series.some(key => key && values.get(key) != null)) { chart.heard = t; }
    chart.heard = chart.heard || t;
    const silent = t - chart.heard > 20000;
    if (silent === (chart.section.dataset.state === 'stale')) return;
    chart.section.dataset.state = silent ? 'stale' : 'ok';
    const words = chart.section.closest('[data-stale-words]');
    vigie.chartTools.write(chart.section.querySelector('.chart-note'), silent && words ?
      words.dataset.staleWords.replace('{time}', vigie.format.clock(chart.heard)) : '');
  }

  vigie.chartFollow = {append, miss, catchUp, quiet};
})();
