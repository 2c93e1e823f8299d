// The strip below the toolbar: the whole of time as a small line, and in it the part in view, to drag and to resize with
// the mouse, a finger or the keyboard. While live it only moves with the frames; while nothing changes it does nothing.
(function () {
  'use strict';
  const vigie = window.vigie = window.vigie || {};
  const HOUR = 3600000, DAY = 24 * HOUR, TIMES = 8, POINTS = 300, TICK = 74;  // px from one tick's words to the next
  const STEPS = [1, 2, 5, 10, 15, 30].map(s => s * 1000).concat([1, 2, 5, 10, 15, 30].map(m => m * 60000),
    [1, 2, 3, 6, 12].map(h => h * HOUR), [1, 2, 7, 14, 28, 91, 182, 365].map(d => d * DAY));
  let whole = null;  // {from, to, live}
  let line = {key: '', t: [], v: [], from: 0, to: 0, asked: 0};
  let oldest = null;  // epoch ms from which on something is kept; null: not known
  let drag = null, drawnAt = 0, width = 0;
  const watched = new WeakSet();

  const box = () => {
    const page = vigie.timebar && vigie.timebar.here(), at = page && page.querySelector('.brush');
    return at && at.offsetParent !== null ? at : null;
  };
  const part = (at, name) => at.querySelector('[data-handle="' + name + '"]');

  // ---- what the whole is

  function span(shown) {
    const held = oldest === null ? Infinity : vigie.charts.now() - oldest;
    return Math.max(Math.min(TIMES * shown, Math.max(held, HOUR)), 1.25 * shown, HOUR);
  }

  // Live: up to now. Zoomed: as it was, as long as the part lies in it.
  function choose() {
    const [from, to] = vigie.charts.span(), view = vigie.charts.view, now = vigie.charts.now();
    if (view.from === null) { whole = {from: now - span(to - from), to: now, live: true}; return; }
    if (drag && whole) return;
    const fits = whole && from >= whole.from - 1 && to <= whole.to + 1500 && to - from <= 0.9 * (whole.to - whole.from);
    if (fits) { whole.live = false; return; }
    const size = span(to - from), end = Math.min(now, (from + to) / 2 + size / 2);
    whole = {from: end - size, to: end, live: false};
  }

  // ---- drawing

  function place() {
    const at = box();
    if (!at || !vigie.charts) return;
    if (!watched.has(at)) { watched.add(at); resized.observe(at); }
    choose();
    const [from, to] = vigie.charts.span(), size = whole.to - whole.from;
    const left = Math.max(0, Math.min(100, 100 * (from - whole.from) / size)), right = Math.max(left, Math.min(100, 100 * (to - whole.from) / size));
    const body = part(at, 'part');
    body.style.left = 'min(' + left.toFixed(3) + '%, 100% - 6px)';
    body.style.width = (right - left).toFixed(3) + '%';
    part(at, 'from').style.left = 'min(' + left.toFixed(3) + '%, 100% - 6px)';
    part(at, 'to').style.left = 'max(' + right.toFixed(3) + '%, min(' + left.toFixed(3) + '% + 6px, 100%))';
    at.querySelector('[data-dim=before]').style.width = left.toFixed(3) + '%';
    at.querySelector('[data-dim=after]').style.width = (100 - right).toFixed(3) + '%';
    at.classList.add('is-set');
    speak(at, from, to, left, right);
    ask();
    sketch(at);
  }

  // What a screen reader says of the three; while live it is the same each second, or it would never be silent.
  function speak(at, from, to, left, right) {
    const live = vigie.charts.view.from === null;
    const words = live ? at.dataset.liveWords : vigie.timebar.between(from, to);
    const moment = ms => vigie.timebar.between(ms, ms).split(' – ')[0];
    const say = (name, now, text) => {
      const node = part(at, name);
      if (live && node.getAttribute('aria-valuetext') === text) return;
      node.setAttribute('aria-valuenow', String(Math.round(now)));
      node.setAttribute('aria-valuetext', text);
    };
    say('part', (left + right) / 2, words);
    say('from', left, live ? words : moment(from));
    say('to', right, live ? words : moment(to));
  }

  // Canvas and ticks: only when they would look different.
  let looked = '';
  function sketch(at) {
    width = at.clientWidth - 22;
    if (width < 20) return;
    const pixel = (whole.to - whole.from) / width;
    const look = [width, Math.round(whole.from / pixel), Math.round(whole.to - whole.from), line.key, line.t.length && line.t[line.t.length - 1] - line.t[0],
      document.documentElement.dataset.bsTheme, vigie.timezone, devicePixelRatio].join();
    if (look === looked && at.querySelector('.brush-tick')) return;
    looked = look;
    ticks(at);
    paint(at.querySelector('canvas'));
  }

  function ticks(at) {
    const size = whole.to - whole.from, step = STEPS.find(s => size / s <= width / TICK) || STEPS[STEPS.length - 1];
    const list = [];
    const wall = ms => ms + vigie.time.offset(ms);
    for (let t = Math.ceil(wall(whole.from) / step) * step; t < wall(whole.to); t += step) {
      const utc = t - vigie.time.offset(t - vigie.time.offset(t)), where = 100 * (utc - whole.from) / size;
      if (where < 0.4 || where > 100 - 100 * 34 / width) continue;
      list.push([where, words(t, step)]);
    }
    const holder = at.querySelector('.brush-ticks');
    while (holder.children.length > list.length) holder.lastChild.remove();
    while (holder.children.length < list.length) { const span = document.createElement('span'); span.className = 'brush-tick'; holder.append(span); }
    list.forEach(([where, text], i) => {
      holder.children[i].style.left = where.toFixed(2) + '%';
      if (holder.children[i].textContent !== text) holder.children[i].textContent = text;
    });
  }

  // `t` is wall time: the words are those of UTC.
  const formats = {};
  function words(t, step) {
    const kind = step >= DAY || t % DAY === 0 ? 'day' : step < 60000 ? 'second' : 'minute';
    const options = {day: {day: 'numeric', month: 'short'}, minute: {hour: '2-digit', minute: '2-digit', hourCycle: 'h23'},
      second: {hour: '2-digit', minute: '2-digit', second: '2-digit', hourCycle: 'h23'}}[kind];
    formats[kind] = formats[kind] || new Intl.DateTimeFormat(vigie.page.lang, Object.assign({timeZone: 'UTC'}, options));
    return formats[kind].format(t);
  }

  function paint(canvas) {
    const scale = devicePixelRatio || 1, w = width - 2, h = canvas.clientHeight;
    canvas.width = Math.round(w * scale);
    canvas.height = Math.round(h * scale);
    const pen = canvas.getContext('2d'), colour = getComputedStyle(document.documentElement).getPropertyValue('--v-accent').trim();
    pen.scale(scale, scale);
    const seen = line.v.filter(v => v !== null);
    if (!seen.length) return;
    const top = Math.max(...seen) * 1.08, low = Math.min(0, ...seen), floor = top > low ? low : low - 1;
    const x = t => (t - whole.from) / (whole.to - whole.from) * w, y = v => h - 1 - (h - 4) * (v - floor) / ((top - floor) || 1);
    let run = [];
    const close = () => {
      if (!run.length) return;
      const trace = () => { pen.beginPath(); run.forEach(([px, py], i) => (i ? pen.lineTo(px, py) : pen.moveTo(px, py))); };
      trace();
      pen.lineTo(run[run.length - 1][0], h);
      pen.lineTo(run[0][0], h);
      pen.globalAlpha = 0.24;
      pen.fillStyle = colour;
      pen.fill();
      trace();
      pen.globalAlpha = 0.9;
      pen.lineWidth = 1;
      pen.strokeStyle = colour;
      pen.stroke();
      run = [];
    };
    line.t.forEach((t, i) => {
      if (line.v[i] === null) close();
      else if (t >= whole.from - 60000) run.push([x(t), y(line.v[i])]);
    });
    close();
    drawnAt = performance.now();
  }

  // ---- its line: the first series of the first chart; what is made of several is no series

  const TOGETHER = /!(mean|sum|min|max|p95|rate)\b/;

  function key() {
    const page = vigie.timebar.here();
    for (const section of page ? page.querySelectorAll('[data-chart]') : []) {
      const chart = section.offsetParent !== null && vigie.charts.all().get(section.dataset.chart);
      if (!chart || !chart.meta || chart.meta.timed === false) continue;
      const found = chart.meta.series.find(Boolean) || (!TOGETHER.test(chart.id) && (chart.meta.keys || []).find(Boolean));
      if (found) return found;
    }
    return '';
  }

  async function ask() {
    if (document.hidden || (drag && line.key)) return;
    const wanted = key(), size = whole.to - whole.from;
    if (!wanted) return;
    const have = line.key === wanted && Math.abs(line.from - whole.from) < size * 0.5 && Math.abs((line.to - line.from) / size - 1) < 0.2 &&
      line.to >= Math.min(whole.to, vigie.charts.now() - Math.max(size / 60, 5000)) - 5000;
    const wait = line.key === wanted && line.want === Math.round(size / 1000) ? Math.max(size / 100, 4000) : 250;
    if (have || Date.now() - line.asked < wait) return;
    line.asked = Date.now();
    line.want = Math.round(size / 1000);
    const {from, to} = whole;
    try {
      if (oldest === null) await reach(wanted);
      const answer = await history(wanted, from, to, POINTS);
      const column = answer.data[0];
      line = Object.assign(line, {key: wanted, from, to, t: column ? answer.times[column.time] : [], v: column ? column.value : []});
      gaps(column ? column.step * 1000 : 1000, (to - from) / POINTS);
      vigie.live.want('brush', [wanted]);
      place();
    } catch (error) { line.key = wanted; line.t = line.v = []; }
  }

  const history = (metric, from, to, points) => vigie.api('GET', '/api/metrics/history' + vigie.query(
    {metric, from: Math.round(from), to: Math.round(to), points, extremes: 'false'}));

  // From when on something is kept: asked for once.
  async function reach(metric) {
    oldest = vigie.charts.now() - 2 * 366 * DAY;
    const answer = await history(metric, oldest, vigie.charts.now(), 50);
    const times = answer.data.length ? answer.times[answer.data[0].time] : [];
    if (times.length) oldest = times[0];
    place();
  }

  // Where points lie far apart the line breaks.
  function gaps(step, each) {
    const t = [], v = [];
    line.t.forEach((at, i) => {
      if (i && at - line.t[i - 1] > 3.5 * Math.max(step, each)) { t.push(line.t[i - 1] + 1); v.push(null); }
      t.push(at);
      v.push(line.v[i]);
    });
    line.t = t;
    line.v = v;
  }

  function frame(event) {
    if (!whole || !whole.live || document.hidden) return;
    const at = event.detail.keys.indexOf(line.key), value = at < 0 ? null : event.detail.v[at], t = event.detail.t;
    const pixel = (whole.to - whole.from) / Math.max(width, 100), last = line.t.length ? line.t[line.t.length - 1] : 0;
    if (value !== null && value !== undefined && line.t.length && t - last >= pixel) {
      line.t.push(t);
      line.v.push(value);
      while (line.t.length && line.t[0] < whole.from - pixel) { line.t.shift(); line.v.shift(); }
      line.from = line.t[0];
      line.to = t;
    }
    if (performance.now() - drawnAt > 900 && vigie.charts.now() - whole.to >= 2 * pixel) place();
  }

  // ---- the hand

  const at = event => {
    const track = box().querySelector('.brush-track').getBoundingClientRect();
    return whole.from + Math.max(0, Math.min(1, (event.clientX - track.left) / track.width)) * (whole.to - whole.from);
  };

  function down(event) {
    const strip = event.target.closest && event.target.closest('.brush');
    if (!strip || strip !== box() || event.button || !whole) return;
    const handle = event.target.closest('[data-handle]'), [from, to] = vigie.charts.span();
    drag = {id: event.pointerId, kind: handle ? handle.dataset.handle : 'new', from, to, begun: at(event), x: event.clientX, on: false};
    strip.setPointerCapture(event.pointerId);
    strip.classList.add('is-held');
    if (handle) handle.focus({preventScroll: true});
    event.preventDefault();
  }

  const least = () => Math.max(2000, 3 * (whole.to - whole.from) / Math.max(width, 1));

  function range(now) {
    const by = now - drag.begun;
    if (drag.kind === 'new') return [Math.min(drag.begun, now), Math.max(drag.begun, now)];
    if (drag.kind === 'from') return [Math.min(drag.from + by, drag.to - least()), drag.to];
    if (drag.kind === 'to') return [drag.from, Math.min(Math.max(drag.to + by, drag.from + least()), whole.to)];
    const held = Math.max(whole.from - drag.from, Math.min(by, whole.to - drag.to));
    return [drag.from + held, drag.to + held];
  }

  function move(event) {
    if (!drag || event.pointerId !== drag.id) return;
    if (!drag.on && Math.abs(event.clientX - drag.x) < 3) return;
    drag.on = true;
    whole.live = false;
    const [from, to] = range(at(event));
    if (to - from >= least() * 0.99) vigie.zoom.to(from, to, {moving: true, gesture: 'brush'});
  }

  function up(event) {
    if (!drag || event.pointerId !== drag.id) return;
    const held = drag, view = vigie.charts.view, strip = document.querySelector('.brush.is-held');
    drag = null;
    if (strip) strip.classList.remove('is-held');
    if (event.type === 'pointercancel' && !held.on) return;
    if (held.on) {
      if (view.from === null) return;
      // Dragged to the end with the length of the window: live again.
      const end = view.to >= whole.to - (whole.to - whole.from) / Math.max(width, 1) && whole.to > vigie.charts.now() - 60000;
      if (held.kind === 'part' && end && Math.abs(view.to - view.from - view.seconds * 1000) < 2000) vigie.charts.follow();
      else vigie.zoom.to(view.from, view.to, {gesture: 'brush'});
    } else if (held.kind === 'new') {
      const half = (held.to - held.from) / 2;
      vigie.zoom.to(held.begun - half, held.begun + half, {gesture: 'brush'});
    }
  }

  function key_(event) {
    const handle = event.target.closest && event.target.closest('.brush [data-handle]');
    if (!handle || !whole || event.ctrlKey || event.altKey || event.metaKey) return;
    const sign = {ArrowLeft: -1, ArrowDown: -1, ArrowRight: 1, ArrowUp: 1, PageDown: -4, PageUp: 4}[event.key] || 0;
    const [from, to] = vigie.charts.span(), kind = handle.dataset.handle, how = {gesture: 'brush-keys'};
    if (!sign && event.key !== 'Home' && event.key !== 'End') return;
    event.preventDefault();
    event.stopPropagation();
    if (kind === 'part') {
      if (event.key === 'End') vigie.charts.follow();
      else if (event.key === 'Home') vigie.zoom.to(whole.from, whole.from + to - from, how);
      else vigie.zoom.pan(sign * (event.shiftKey ? 1 : 0.25), how);
      return;
    }
    const by = sign * (to - from) * (event.shiftKey ? 0.5 : 0.1);
    if (kind === 'from') vigie.zoom.to(event.key === 'Home' ? whole.from : event.key === 'End' ? to - 2000 : Math.min(from + by, to - 2000), to, how);
    else vigie.zoom.to(from, event.key === 'End' ? whole.to : event.key === 'Home' ? from + 2000 : Math.max(to + by, from + 2000), how);
  }

  const resized = new ResizeObserver(() => place());
  new MutationObserver(() => { if (whole) place(); }).observe(document.documentElement, {attributes: true, attributeFilter: ['data-bs-theme']});
  document.addEventListener('vigie:view', place);
  document.addEventListener('vigie:entered', () => { whole = null; looked = ''; place(); });
  document.addEventListener('vigie:drawn', () => { if (!line.key || !whole) place(); });
  document.addEventListener('vigie:frame', frame);
  document.addEventListener('vigie:resume', () => { line.to = 0; place(); });
  document.addEventListener('pointerdown', down);
  document.addEventListener('pointermove', move);
  document.addEventListener('pointerup', up);
  document.addEventListener('pointercancel', up);
  document.addEventListener('keydown', key_);

  vigie.brush = {place, whole: () => whole, line: () => line};
})();
