// Numbers, arcs and small lines of the page, moved in place by each frame. What follows a series says so itself:
//   [data-value=KEY][data-unit]      text of a value ([data-whole]: with its unit); [data-suffix=KEY]: its unit alone
//   [data-arc=KEY][data-highest]     a gauge's arc
//   [data-judge=KEY][data-limits]    an element whose colour and .state-word follow the limits
//   [data-spark=KEY][data-points]    a line of the last minutes
(function () {
  'use strict';
  var vigie = window.vigie = window.vigie || {};
  var clientside = window.dash_clientside = window.dash_clientside || {};
  var lines = new WeakMap();
  var WIDTH = 300, HEIGHT = 40;
  var wanted = '';
  var seen = new Map();  // key -> [epoch ms, value]: not every series has a value in every frame

  function scope() { return document.querySelector('#react-entry-point #overview-gauges'); }

  function keys(at) {
    var found = new Set();
    at.querySelectorAll('[data-value],[data-judge],[data-arc],[data-spark]').forEach(function (node) {
      var data = node.dataset;
      [data.value, data.judge, data.arc, data.spark].forEach(function (key) { if (key) found.add(key); });
    });
    return Array.from(found);
  }

  function want() {
    var at = scope(), list = at ? keys(at) : [], text = list.join('\n');
    if (text === wanted || !vigie.live) return;
    wanted = text;
    vigie.live.want('overview', list);
  }

  function judge(node, value) {
    var limits = node.dataset.limits.split(',').map(Number);
    var scaled = value * limits[2];
    var name = scaled >= limits[1] ? 'CRITICAL' : scaled >= limits[0] ? 'WARNING' : 'OK';
    var css = {OK: 'is-ok', WARNING: 'is-warning', CRITICAL: 'is-critical'}[name];
    var word = node.querySelector('.state-word');
    if (value === null || value === undefined) { css = 'is-plain'; name = ''; }
    if (!node.classList.contains(css)) {
      node.classList.remove('is-ok', 'is-warning', 'is-critical', 'is-plain');
      node.classList.add(css);
    }
    var said = name ? (vigie.page.words && vigie.page.words[name]) || name : '';
    if (word && word.textContent !== said) word.textContent = said;
  }

  // [[epoch ms, value or null], ...]; parsed anew when the server drew the line anew.
  function history(node, now) {
    var kept = lines.get(node), text = node.dataset.points || '';
    if (kept && kept.text === text) return kept.points;
    var points = text ? text.split(';').map(function (pair) {
      var at = pair.indexOf(':'), value = pair.slice(at + 1);
      return [now - 1000 * Number(pair.slice(0, at)), value === '' ? null : Number(value)];
    }) : [];
    lines.set(node, {text: text, points: points});
    return points;
  }

  function spark(svg, frame) {
    var seconds = Number(svg.dataset.seconds), low = Number(svg.dataset.low), top = Number(svg.dataset.floor);
    var all = Array.from(svg.children).map(function (node) {
      var points = history(node, frame.t), found = seen.get(node.dataset.spark);
      var last = points.length ? points[points.length - 1][0] : 0;
      if (found && found[0] > last) {
        if (last && found[0] - last > patience(node)) points.push([last + 1, null]);
        points.push(found);
      }
      while (points.length && points[0][0] < frame.t - 1000 * seconds) points.shift();
      points.forEach(function (p) { if (p[1] !== null && p[1] * 1.1 > top) top = p[1] * 1.1; });
      return points;
    });
    Array.from(svg.children).forEach(function (node, n) {
      var d = '', pen = 'M';
      all[n].forEach(function (p) {
        if (p[1] === null) { pen = 'M'; return; }
        var x = WIDTH * (1 - (frame.t - p[0]) / 1000 / seconds);
        var y = HEIGHT - 2 - (HEIGHT - 4) * (p[1] - low) / ((top - low) || 1);
        d += pen + x.toFixed(1) + ' ' + y.toFixed(1);
        pen = 'L';
      });
      node.setAttribute('d', d);
    });
  }

  function patience(node) { return Math.max(3000, 2500 * Number(node.dataset.every || 1), 1.5 * vigie.live.refresh); }

  function text(node, said) { if (node.textContent !== said) node.textContent = said; }

  function draw(frame) {
    var page = scope();
    if (!page) { want(); return; }
    (frame.keys || []).forEach(function (key, i) {
      if (frame.v[i] !== null && frame.v[i] !== undefined) seen.set(key, [frame.t, frame.v[i]]);
    });
    // The newest value, null when it is too old, undefined before the first.
    function value(node, key) {
      var found = seen.get(key);
      return !found ? undefined : frame.t - found[0] > patience(node) ? null : found[1];
    }
    page.querySelectorAll('[data-value],[data-suffix]').forEach(function (node) {
      var v = value(node, node.dataset.value || node.dataset.suffix);
      if (v === undefined) return;
      var parts = vigie.format.parts(v, node.dataset.unit);
      text(node, node.dataset.suffix ? parts[1] : node.dataset.whole ? parts.filter(Boolean).join(' ') : parts[0]);
    });
    page.querySelectorAll('[data-arc]').forEach(function (node) {
      var v = value(node, node.dataset.arc);
      if (v === undefined) return;
      var share = v === null ? 0 : Math.max(0, Math.min(1, v / Number(node.dataset.highest))) * 100;
      node.setAttribute('stroke-dasharray', share.toFixed(1) + ' 200');
      var svg = node.ownerSVGElement;
      svg.setAttribute('aria-label', svg.dataset.title + ': ' + vigie.format.human(v, svg.querySelector('[data-unit]').dataset.unit));
    });
    page.querySelectorAll('[data-judge]').forEach(function (node) {
      var v = value(node, node.dataset.judge);
      if (v !== undefined) judge(node, v);
    });
    page.querySelectorAll('svg.spark').forEach(function (svg) { spark(svg, frame); });
  }

  document.addEventListener('vigie:frame', function (event) { if (!document.hidden) draw(event.detail); });

  clientside.overview = {
    drawn: function () {
      setTimeout(want, 0);
      return clientside.no_update;
    },
  };
})();
