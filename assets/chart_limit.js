// Limits over a chart: dashed lines at values that somebody is warned at. An element around the chart says them with
// data-limits='[[value, severity], ...]', values in the base unit.
(function () {
  'use strict';
  const vigie = window.vigie = window.vigie || {};

  function draw(chart) {
    const at = chart.section.closest('[data-limits]'), gd = chart.gd, body = chart.section.querySelector('.chart-body');
    let box = body && body.querySelector('.limits');
    const full = gd && gd._fullLayout, timed = full && full.xaxis && full.yaxis && chart.meta && chart.meta.scale && !/heatmap|strip|bars|hours|buckets|histogram|shares/.test(chart.kind);
    const limits = at && timed ? JSON.parse(at.dataset.limits || '[]') : [];
    if (!limits.length) { if (box) box.remove(); return; }
    if (!box) {
      box = vigie.element('div', 'limits');
      body.append(box);
    }
    const x = full.xaxis, y = full.yaxis;
    box.style.cssText = `left:${x._offset}px;top:${y._offset}px;width:${x._length}px;height:${y._length}px`;
    box.replaceChildren(...limits.map(([value, severity]) => {
      const px = y.l2p(value * chart.meta.scale), out = px < 0 ? ' is-above' : px > y._length ? ' is-below' : '';
      const words = (out === ' is-above' ? '↑ ' : out ? '↓ ' : '') + vigie.format.human(value, chart.meta.unit);
      const line = vigie.element('div', 'limit limit-' + severity + out, vigie.element('span', '', words));
      line.style.transform = `translateY(${Math.max(0, Math.min(y._length, px)).toFixed(1)}px)`;
      return line;
    }));
  }

  document.addEventListener('vigie:drawn', event => {
    if (event.detail.chart.section.closest('[data-limits]')) draw(event.detail.chart);
  });
  document.addEventListener('vigie:limits', () => vigie.charts.all().forEach(chart => { if (chart.gd) draw(chart); }));
})();
