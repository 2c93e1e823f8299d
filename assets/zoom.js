// Moving through time: one stack of what was shown, and every way to move (the mouse, the wheel, a finger, the keyboard
// and the brush come here).
//
//   vigie.zoom.to(from, to, how)   shows from..to, epoch ms; how.moving: the hand still moves, the end of it comes;
//                                  how.gesture: a name; moves of one gesture close to each other are one step, unless
//                                  how.repeat is false (a key pressed anew)
//   vigie.zoom.back()              what was shown before; at the bottom of the stack lies the live window
//   vigie.zoom.pan(part, how)      earlier (negative) or later by a part of what is shown
//   vigie.zoom.by(factor, at, how) wider (above 1) or narrower around the moment `at`, or the middle
//   vigie.zoom.cell(chart, event)  a click on a cell of a heat map: to that moment
(function () {
  'use strict';
  const vigie = window.vigie = window.vigie || {};
  const LEAST = 2000, MOST = 2 * 366 * 86400000;  // ms
  const TOGETHER = 1200;  // ms between two moves of one gesture
  const REST = 220;  // ms after which a wheel has come to rest
  const DOUBLE = 500;  // ms in which a second click makes a double click, as in charts.js
  let stack = [];
  let current = {name: '', at: 0, moving: false, noted: false};  // the gesture under way, or the last one

  const charts = () => vigie.charts;

  function clamp(from, to) {
    const now = charts().now();
    let span = Math.min(Math.max(to - from, LEAST), MOST);
    if (to - from !== span) { const middle = (from + to) / 2; from = middle - span / 2; to = middle + span / 2; }
    if (to > now) { from = Math.max(from - (to - now), now - MOST); to = now; }
    if (vigie.zoom.bounds) {  // an embed link gives no more
      const [first, last] = vigie.zoom.bounds();
      span = Math.min(to - from, last - first);
      from = Math.max(first, Math.min(from, last - span));
      to = from + span;
    }
    return [Math.round(from), Math.round(to)];
  }

  function to(from, until, how) {
    const view = charts().view, name = how && how.gesture || '', moving = Boolean(how && how.moving);
    const soon = how && how.repeat !== false && Date.now() - current.at < TOGETHER;
    const same = name && name === current.name && (current.moving || soon);
    if (!same) {
      stack.push({from: view.from, to: view.to, window: view.window, seconds: view.seconds});
      current = {name, noted: false};
    }
    current.at = Date.now();
    current.moving = moving;
    const more = current.noted;
    current.noted = current.noted || !moving;
    const [start, end] = clamp(from, until);
    charts().look({from: start, to: end}, {moving, more});
  }

  function back() {
    const before = stack.pop(), view = charts().view;
    current = {name: ''};
    clearTimeout(clicked);
    returned = Date.now();
    if (!before) { if (view.from !== null || !view.live) charts().follow(); return; }
    charts().look(Object.assign({}, before, before.from === null ? {live: true} : {}));
  }

  function pan(part, how) {
    const view = charts().view, [from, until] = charts().span(), by = (until - from) * part;
    if (view.from === null && part > 0) return;
    // Later than now there is nothing: one more step from there goes on live.
    if (part > 0 && until >= charts().now() - 1500) {
      if (Math.abs(until - from - view.seconds * 1000) < 1500 && !(how && how.moving)) charts().follow();
      return;
    }
    to(from + by, until + by, how);
  }

  function by(factor, at, how) {
    const [from, until] = charts().span(), middle = at === undefined ? (from + until) / 2 : at;
    to(middle - (middle - from) * factor, middle + (until - middle) * factor, how);
  }

  document.addEventListener('vigie:view', event => {
    const view = event.detail;
    if (view.from === null) { stack = []; current = {name: ''}; return; }
    const top = stack[stack.length - 1];
    if (top && top.from === view.from && top.to === view.to) stack.pop();  // the browser's own back button
  });

  // ---- the mouse's wheel and a finger over a chart

  const plot = event => event.target.closest && event.target.closest('[data-chart] .chart-plot');

  function held(area) {
    const chart = charts().all().get(area.closest('[data-chart]').dataset.chart);
    return chart && chart.gd && chart.gd._fullLayout && chart.meta && chart.meta.timed !== false ? chart : null;
  }

  // The moment below the pointer, and how many ms a pixel is.
  function under(chart, x) {
    const axis = chart.gd._fullLayout.xaxis, box = chart.gd.getBoundingClientRect(), [from, until] = charts().span();
    const each = (until - from) / axis._length;
    return {at: from + Math.min(Math.max(x - box.left - axis._offset, 0), axis._length) * each, each};
  }

  let resting = 0;
  function rest(gesture) {
    clearTimeout(resting);
    resting = setTimeout(() => {
      const view = charts().view;
      if (current.moving && view.from !== null) to(view.from, view.to, {gesture});
    }, REST);
  }

  function wheel(event) {
    const area = plot(event), chart = area && held(area);
    if (!chart) return;
    const zooms = event.ctrlKey || event.metaKey, unit = event.deltaMode === 1 ? 30 : event.deltaMode === 2 ? 400 : 1;
    const sideways = event.deltaX || (event.shiftKey ? event.deltaY : 0);
    if (!zooms && Math.abs(sideways) <= (event.shiftKey ? 0 : Math.abs(event.deltaY))) return;
    event.preventDefault();
    const {at, each} = under(chart, event.clientX);
    if (zooms) by(Math.exp(Math.max(-0.5, Math.min(0.5, event.deltaY * unit * 0.003))), at, {moving: true, gesture: 'wheel'});
    else {
      const [from, until] = charts().span();
      pan(sideways * unit * each / (until - from), {moving: true, gesture: 'wheel'});
    }
    rest('wheel');
  }

  // A finger that goes up and down scrolls the page, as everywhere; from side to side it moves the time. Plotly would
  // take both.
  let finger = null;
  function touch(event) { if (plot(event)) event.stopPropagation(); }

  function down(event) {
    const area = event.pointerType === 'touch' && event.isPrimary && plot(event), chart = area && held(area);
    finger = chart ? {id: event.pointerId, x: event.clientX, span: charts().span(), each: under(chart, 0).each, on: false} : null;
  }

  function move(event) {
    if (!finger || event.pointerId !== finger.id) return;
    const moved = event.clientX - finger.x;
    if (!finger.on && Math.abs(moved) < 8) return;
    finger.on = true;
    to(finger.span[0] - moved * finger.each, finger.span[1] - moved * finger.each, {moving: true, gesture: 'finger'});
  }

  function up(event) {
    if (!finger || event.pointerId !== finger.id) return;
    const view = charts().view;
    if (finger.on && view.from !== null) to(view.from, view.to, {gesture: 'finger'});
    finger = null;
  }

  // ---- a cell of a heat map

  let clicked = 0, returned = 0;

  // A cell of a latency heatmap is a span of time and one of latency: a page that knows what lies behind it takes it.
  function bucket(chart, point) {
    // Lines of percentiles lie above the cells: a click on one means the cell below it.
    const row = Math.round(point.y), bounds = chart.meta.bounds && chart.meta.bounds[row];
    if (!bounds || point.data.z && !point.z) return false;
    return taken(chart, point, bounds[0], bounds[1], chart.gd.data[0].text[row][0]);
  }

  // A point of a line of percentiles: who took that long, or longer, then. It is an estimate within a bucket: what the
  // requests themselves took lies above the bound before (meta.spikes, seconds).
  function spike(chart, point) {
    if (!chart.meta.spikes || !(point.y > 0)) return false;
    const seconds = point.y / chart.meta.scale * (1 - 1e-5);
    const above = Math.max(0, ...chart.meta.spikes.filter(bound => bound < seconds));
    return taken(chart, point, above, null, point.data.name + ', > ' + vigie.chartTools.said(above, chart.meta));
  }

  // Whether the page took the requests of a step of a chart that took from above to upTo seconds.
  function taken(chart, point, above, upTo, words) {
    const middle = vigie.time.moment(point.x), half = 500 * (chart.meta.step || 1), from = middle - half, to = middle + half;
    const detail = {from: Math.round(from), to: Math.round(to), above, upTo, measure: chart.meta.measure,
      words: vigie.timebar.between(from, to) + ', ' + words};
    return !document.dispatchEvent(new CustomEvent('vigie:bucket', {detail, cancelable: true}));
  }

  function cell(chart, event) {
    const point = event.points && event.points[0];
    // Of a double click, which goes back, Plotly tells both clicks, and the second one last.
    if (!point || Date.now() - returned < DOUBLE || bucket(chart, point) || spike(chart, point) || !point.data.z) return;
    let range = Array.isArray(point.customdata) ? point.customdata : null;
    if (!range && chart.meta.timed !== false) {
      // The cell and as much on both sides: a moment is read with what came before and after.
      const middle = vigie.time.moment(point.x), half = 1.5 * Math.max(1000 * (chart.meta.step || 1), 4000);
      range = [middle - half, middle + half];
      const [from, until] = charts().span();
      if (range[1] - range[0] >= 0.9 * (until - from)) return;
    }
    if (!range) return;
    clearTimeout(clicked);
    clicked = setTimeout(() => to(range[0], range[1]), DOUBLE);
  }

  document.addEventListener('touchstart', touch, {passive: true, capture: true});
  document.addEventListener('pointerdown', down);
  document.addEventListener('pointermove', move);
  document.addEventListener('pointerup', up);
  document.addEventListener('pointercancel', up);

  // The wheel is heard over charts only: elsewhere the page scrolls without asking.
  const watch = section => section.addEventListener('wheel', wheel, {passive: false});

  vigie.zoom = {to, back, pan, by, cell, watch};
})();
