// What a chart says to who does not see it: its span of time and, of each line, the newest, lowest and highest value.
// Written anew when the chart was asked for anew, and every ten seconds while it follows; it is a description, never spoken
// by itself.
(function () {
  'use strict';
  const vigie = window.vigie = window.vigie || {};
  const EVERY = 10000, MOST = 8;

  function fill(name, fallback, values) {
    let text = vigie.words(name, fallback);
    Object.keys(values).forEach(key => { text = text.replace('{' + key + '}', values[key]); });
    return text;
  }

  // [newest, lowest, highest] of what is drawn within the range; null when there is nothing.
  function extremes(x, y, [from, to], hover) {
    let newest = null, low = Infinity, high = -Infinity;
    for (let i = 0; i < x.length; i += 1) {
      const value = y[i];
      // A stack goes down to zero beside a gap: nothing was measured there.
      if (value === null || value === undefined || x[i] < from || x[i] > to || hover && hover[i] === '–') continue;
      newest = value;
      if (value < low) low = value;
      if (value > high) high = value;
    }
    return newest === null ? null : [newest, low, high];
  }

  const line = (name, [newest, low, high]) => (low === high ? fill('chart-same', '{name}: {value} throughout', {name, value: newest}) :
    fill('chart-line', '{name}: newest {newest}, lowest {low}, highest {high}', {name, newest, low, high}));

  function lines(chart, range) {
    const meta = chart.meta, found = [];
    chart.gd.data.forEach((trace, i) => {
      if (!meta.series[i] && !(meta.keys && meta.keys[i]) || trace.visible === 'legendonly' || !trace.name) return;
      const seen = extremes(trace.x, trace.y, range, Array.isArray(trace.hovertemplate) && trace.hovertemplate);
      if (!seen) return;
      const axis = meta.axes && trace.yaxis && meta.axes[trace.yaxis] || meta;
      found.push({high: seen[2] / axis.scale,
        text: line(trace.name, seen.map(value => vigie.chartTools.said(value / axis.scale, Object.assign({}, meta, axis))))});
    });
    return found;
  }

  function rows(chart, range) {
    const meta = chart.meta, trace = chart.gd.data[0], found = [];
    trace.y.forEach((name, row) => {
      const seen = extremes(trace.x, trace.z[row], range);
      if (!seen) return;
      if (chart.kind === 'strip') {
        let all = 0, on = 0;
        trace.z[row].forEach((value, i) => {
          if (value === null || trace.x[i] < range[0] || trace.x[i] > range[1]) return;
          all += 1;
          if (value > 0) on += 1;
        });
        if (on) found.push({high: on, text: fill('chart-held', '{name}: {share} of the time', {name, share: vigie.format.human(on / all, 'ratio')})});
        return;
      }
      found.push({high: seen[0], text: line(name, seen.map(value => vigie.chartTools.said(value / meta.scale, meta)))});
    });
    if (!found.length && chart.kind === 'strip') found.push({high: 0, text: vigie.words('chart-never', 'At no time')});
    return found;
  }

  function describe(chart) {
    const range = chart.gd.layout.xaxis.range.map(x => (typeof x === 'number' ? x : vigie.time.shift(vigie.time.moment(x))));
    const first = chart.gd.data[0];
    const found = first && first.z ? rows(chart, range) : lines(chart, range);
    if (!found.length) return '';
    // Of many those that are highest.
    const shown = found.length > MOST ? found.slice().sort((a, b) => b.high - a.high).slice(0, MOST) : found;
    const rest = found.length - shown.length;
    return vigie.timebar.between(vigie.time.back(range[0]), vigie.time.back(range[1])) + '. ' + shown.map(one => one.text).join('; ') + '.' +
      (rest ? ' ' + fill('chart-rest', 'And {count} more, which are lower.', {count: vigie.format.number(rest, 0)}) : '');
  }

  document.addEventListener('vigie:drawn', event => {
    const chart = event.detail.chart, meta = chart.meta;
    if (!meta || meta.timed === false || chart.kind === 'bars' || meta.kind === 'buckets' || meta.kind === 'shares') return;
    const now = Date.now();
    if (chart.told === chart.n && now - chart.toldAt < EVERY) return;
    chart.told = chart.n;
    chart.toldAt = now;
    setTimeout(() => {
      if (!chart.section.isConnected || !chart.gd || !chart.gd.layout) return;
      const text = describe(chart);
      if (text) vigie.chartTools.write(chart.section.querySelector('.chart-text'), text);
    }, 0);
  });
})();
