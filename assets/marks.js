// What happened, on every timed chart: a thin line at its moment (a light band for a span) and a flag on top.
//
//   vigie.marks.put(mark), .drop(id)   a note that was just saved or deleted, before the next question
//   vigie.marks.at(chart)              the moment under the pointer, epoch ms, or null
//
// The marks lie over the charts as HTML and are placed by Plotly's own axis after each drawing of a chart: they cost no
// redraw. They are asked for once a window, then only whether anything is new.
(function () {
  'use strict';
  const vigie = window.vigie = window.vigie || {};
  const ASK = 4000;  // ms between two questions whether anything is new
  const FLAG = 17;   // px: flags that would lie over one another are one
  const STRIP = 3;   // px of an alert's time on a chart of something else
  const HEAP = 3;    // marks of one flag that still get a line each
  const KEPT = 'vigie-marks-hidden';
  const SVG = 'http://www.w3.org/2000/svg';
  const RANK = {error: 3, warning: 2, info: 1};
  let have = null;     // {from, to, version, more, list} as asked for; list oldest first
  let loading = false, timer = 0, frame = 0;
  let hidden = new Set();
  const dirty = new Set();
  const overlays = new WeakMap();
  const pointer = {chart: null, x: 0};

  try { hidden = new Set(JSON.parse(localStorage.getItem(KEPT) || '[]')); } catch (error) { /* private mode */ }

  const parts = () => document.querySelector('#react-entry-point #shell-marks-parts');
  const quiet = () => !parts() || vigie.page && vigie.page.embed || document.body.dataset.embed !== undefined ||
    document.documentElement.dataset.embed !== undefined;
  const timed = chart => Boolean(chart && chart.meta && chart.meta.timed !== false && chart.kind !== 'bars' && chart.gd &&
    chart.gd.isConnected && chart.gd._fullLayout && chart.gd._fullLayout.xaxis && chart.gd._fullLayout.xaxis.type === 'date');

  // ---- asking

  function covered(from, to) {
    if (!have || have.from > from || vigie.charts.view.from !== null && have.to < to) return false;
    return !have.more || (to - from) * 4 > have.to - have.from;
  }

  async function load(anew) {
    if (loading || quiet() || !vigie.charts.all().size) return;
    const [from, to] = vigie.charts.span(), span = to - from;
    const known = !anew && covered(from, to) ? have.version : undefined;
    const ask = known ? {from: have.from, to: Math.max(have.to, to + 60000)} :
      {from: Math.round(from - span / 2), to: Math.round(to + Math.max(span / 2, 60000))};
    loading = true;
    let answer = null;
    try {
      answer = await vigie.api('GET', '/api/v1/marks' + vigie.query(Object.assign({known}, {from: Math.round(ask.from), to: Math.round(ask.to)})));
    } catch (error) { /* signed out, or a store is away: the marks stay as they are */ }
    loading = false;
    if (!answer) return;
    have = {from: ask.from, to: ask.to, version: answer.version, more: answer.more, list: answer.data.reverse()};
    have.list.forEach(mark => { if (mark.open) mark.end = Infinity; });
    all();
  }

  function soon(wait) {
    clearTimeout(timer);
    timer = setTimeout(() => {
      const [from, to] = vigie.charts.span();
      if (!covered(from, to)) load();
    }, wait);
  }

  setInterval(() => {
    const state = vigie.live && vigie.live.state;
    if (document.hidden || state !== 'live' && state !== 'polling' || !vigie.charts || !vigie.charts.all().size) return;
    load();
  }, ASK);

  // ---- placing

  const visible = () => (have ? have.list.filter(mark => !hidden.has(mark.kind)) : []);

  function place(chart, marks) {
    const body = chart.section.querySelector('.chart-body');
    let over = overlays.get(chart.section);
    if (!timed(chart)) { if (over) { over.box.remove(); overlays.delete(chart.section); } return; }
    if (!over && !marks.length) return;
    if (!over || over.box.parentElement !== body) over = make(chart, body);
    const x = chart.gd._fullLayout.xaxis, y = chart.gd._fullLayout.yaxis, width = x._length, height = y._length;
    const size = [x._offset, y._offset, width, height].join(' ');
    if (size !== over.size) {
      over.size = size;
      Object.assign(over.box.style, {left: x._offset + 'px', top: y._offset + 'px', width: width + 'px', height: height + 'px'});
    }
    const paths = {note: '', error: '', warning: '', info: ''}, bands = {band: '', 'band-info': '', 'band-warning': '', 'band-error': ''}, flags = [];
    const now = vigie.charts.now();
    for (const mark of marks) {
      const px = at(x, mark.at), until = mark.end > mark.at ? at(x, Math.min(mark.end, now)) : px;
      if (until < -0.5 || px > width + 0.5) continue;
      // An alert shades the charts of what it watches; elsewhere its time is a strip on top.
      if (until > px) bands[mark.kind === 'alert' ? 'band-' + mark.severity : 'band'] += band(Math.max(px, 0), Math.min(until, width),
        mark.kind !== 'alert' || chart.meta.series.includes(mark.series) ? height : STRIP);
      if (until > px && until <= width + 0.5 && mark.end < now) paths[mark.kind === 'alert' ? mark.severity : 'note'] += line(until, height);
      const left = Math.max(px, 0), flag = flags[flags.length - 1];
      if (flag && left - flag.px < FLAG) { flag.marks.push(mark); flag.lines.push(px); } else flags.push({px: left, marks: [mark], lines: [px]});
    }
    // A heap gets one line: a curtain of them would hide the chart.
    flags.forEach(flag => {
      const lines = flag.marks.length > HEAP ? [0] : flag.marks.keys(), worst = rank(flag.marks);
      for (const i of lines) if (flag.lines[i] >= -0.5) paths[flag.marks.length > HEAP ? worst : rank([flag.marks[i]])] += line(flag.lines[i], height);
    });
    const drawn = JSON.stringify([paths, bands, height]);
    if (drawn !== over.drawn) {
      over.drawn = drawn;
      Object.keys(paths).forEach(name => over.paths[name].setAttribute('d', paths[name]));
      Object.keys(bands).forEach(name => over.paths[name].setAttribute('d', bands[name]));
    }
    hoist(over, flags);
  }

  const at = (axis, ms) => axis.l2p(axis.d2l(vigie.time.shift(ms)));
  const band = (a, b, height) => `M${a.toFixed(1)} 0H${b.toFixed(1)}V${height}H${a.toFixed(1)}Z`;
  const line = (px, height) => `M${(Math.round(px * 2) / 2).toFixed(1)} 0V${height}`;

  function make(chart, body) {
    const box = document.createElement('div');
    box.className = 'marks';
    box.setAttribute('role', 'group');
    box.setAttribute('aria-label', parts().dataset.here);
    const svg = document.createElementNS(SVG, 'svg'), paths = {};
    svg.setAttribute('class', 'marks-lines');
    svg.setAttribute('aria-hidden', 'true');
    for (const name of ['band', 'band-info', 'band-warning', 'band-error', 'info', 'note', 'warning', 'error']) {
      paths[name] = document.createElementNS(SVG, 'path');
      paths[name].setAttribute('class', 'mark-' + name);
      svg.append(paths[name]);
    }
    box.append(svg);
    body.append(box);
    const over = {box, paths, flags: [], size: '', drawn: ''};
    overlays.set(chart.section, over);
    return over;
  }

  // How marks that fly together look: as the worst of them; a note before what merely happened.
  function rank(marks) {
    const worst = marks.reduce((a, b) => (RANK[b.severity] > RANK[a.severity] ? b : a)).severity;
    return worst !== 'info' ? worst : marks.some(mark => mark.kind === 'note') ? 'note' : 'info';
  }

  // One flag for each heap of marks; buttons are kept as long as they fly for the same marks.
  function hoist(over, flags) {
    while (over.flags.length > flags.length) over.flags.pop().button.remove();
    flags.forEach((flag, i) => {
      const key = flag.marks.map(mark => mark.id + mark.text).join();
      let kept = over.flags[i];
      if (!kept) {
        kept = over.flags[i] = {button: document.createElement('button')};
        kept.button.type = 'button';
        kept.button.tabIndex = i ? -1 : 0;
        over.box.append(kept.button);
      }
      kept.marks = flag.marks;
      kept.button.flag = kept;
      if (kept.key !== key) { kept.key = key; paint(kept.button, flag.marks); }
      const left = flag.px.toFixed(1) + 'px';
      if (kept.button.style.left !== left) kept.button.style.left = left;
    });
  }

  function paint(button, marks) {
    const words = parts().dataset;
    button.className = 'mark-flag mark-is-' + rank(marks);
    button.dataset.kinds = Array.from(new Set(marks.map(mark => mark.kind))).join(' ');
    const label = marks.length > 1 ? words.many.replace('{count}', marks.length) : marks[0].text;
    button.setAttribute('aria-label', label);
    if (marks.length > 1) { button.textContent = marks.length > 99 ? '99' : marks.length; return; }
    const icon = parts().querySelector(`[data-mark-icon="${marks[0].kind}"] svg`);
    button.replaceChildren(icon ? icon.cloneNode(true) : '·');
  }

  function paintAll() {
    frame = 0;
    if (quiet()) { dirty.clear(); return; }
    const marks = visible();
    dirty.forEach(chart => place(chart, marks));
    dirty.clear();
    count(marks);
  }
  function touch(chart) { dirty.add(chart); frame = frame || requestAnimationFrame(paintAll); }
  function all() { vigie.charts.all().forEach(touch); frame = frame || requestAnimationFrame(paintAll); }

  // ---- the filter

  function count(marks) {
    const menu = document.querySelector('#react-entry-point .marks-menu');
    if (!menu) return;
    const [from, to] = vigie.charts.span();
    const shown = marks.filter(mark => mark.end >= from && mark.at <= to).length;
    const at = menu.querySelector('.marks-count'), text = shown ? String(shown) : '';
    if (at.textContent !== text) at.textContent = text;
    menu.querySelectorAll('[data-marks]').forEach(box => { box.checked = !box.dataset.marks.split(' ').some(kind => hidden.has(kind)); });
    menu.classList.toggle('is-filtered', hidden.size > 0);
  }

  document.addEventListener('change', event => {
    const kinds = event.target.dataset && event.target.dataset.marks;
    if (!kinds) return;
    kinds.split(' ').forEach(kind => { if (event.target.checked) hidden.delete(kind); else hidden.add(kind); });
    try { localStorage.setItem(KEPT, JSON.stringify(Array.from(hidden))); } catch (error) { /* for this page only */ }
    all();
  });

  // ---- events

  document.addEventListener('vigie:drawn', event => {
    if (!have) soon(50);
    touch(event.detail.chart);
  });
  document.addEventListener('vigie:view', event => { soon(event.detail.how && event.detail.how.moving ? 400 : 60); });
  document.addEventListener('vigie:resume', () => soon(300));
  window.addEventListener('resize', () => { if (vigie.charts) all(); });

  // Arrows go from flag to flag; one of them is in the order of the page.
  document.addEventListener('keydown', event => {
    const step = {ArrowRight: 1, ArrowLeft: -1}[event.key];
    const button = event.target.closest && event.target.closest('.mark-flag');
    if (!button || !step) return;
    event.preventDefault();
    event.stopPropagation();
    const flags = Array.from(button.parentElement.querySelectorAll('.mark-flag'));
    flags[(flags.indexOf(button) + step + flags.length) % flags.length].focus();
  }, true);

  document.addEventListener('pointermove', event => {
    pointer.chart = event.target.closest ? event.target.closest('[data-chart]') : null;
    pointer.x = event.clientX;
  }, {passive: true});

  vigie.marks = {
    put: mark => {
      if (!have) have = {from: mark.at, to: mark.end, version: '', more: false, list: []};
      have.list = have.list.filter(one => one.id !== mark.id).concat([mark]).sort((a, b) => a.at - b.at);
      all();
    },
    drop: id => {
      if (have) have.list = have.list.filter(mark => mark.id !== id);
      all();
    },
    at: chart => {
      if (!timed(chart) || pointer.chart !== chart.section) return null;
      const x = chart.gd._fullLayout.xaxis, px = pointer.x - chart.gd.getBoundingClientRect().left - x._offset;
      return px >= 0 && px <= x._length ? vigie.time.moment(x.p2d(px)) : null;
    },
  };
})();
