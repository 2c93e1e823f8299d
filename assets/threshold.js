// A threshold over the last day of what it watches: a line to be moved by mouse, finger or keys, and what would have come
// of it in words. The line follows the hand at once; the words come from /api/v1/alerts/backtest as fast as it answers.
//
//   const one = vigie.threshold.at(box, {moved(limit, done)})   box: components/threshold.py; `moved` when a hand moves it
//   one.show(params, limit, editable)   params: what the API's backtest takes, without the threshold
//   one.put(limit)                      moves the line, as typed elsewhere
//   vigie.threshold.scale(unit)         [display unit per base unit, its name]
(function () {
  'use strict';
  const vigie = window.vigie = window.vigie || {};
  const POINTS = 400, SHORTEST = 600000, STALE = 140, KNOWN = 15000, LEFT = 52, BOTTOM = 20, TOP = 10, RIGHT = 8;
  const known = new WeakMap();
  const fill = (text, values) => String(text || '').replace(/\{(\w+)\}/g, (all, name) => (values && name in values ? values[name] : all));
  const SCALES = {ratio: [100, '%'], bytes: [1 / 1048576, 'MiB'], bytes_per_second: [1 / 1048576, 'MiB/s'], seconds: [1, 's'],
    celsius: [1, '°C'], watts: [1, 'W'], hertz: [1e-6, 'MHz'], per_second: [1, '/s'], rpm: [1, 'rpm']};
  const scale = unit => SCALES[unit] || [1, ''];

  function nice(size) {
    const power = 10 ** Math.floor(Math.log10(size)), part = size / power;
    return (part < 1.5 ? 1 : part < 3.5 ? 2 : part < 7.5 ? 5 : 10) * power;
  }

  function make(box, hooks) {
    const words = JSON.parse(box.dataset.words), say = (name, values) => fill(words[name], values);
    const find = what => box.querySelector(what);
    const canvas = find('canvas'), line = find('.th-line'), label = find('.th-label'), plot = find('.th-plot'), suggestButton = find('[data-th-suggest]');
    let params = null, past = null, limit = null, editable = false, range = [0, 1], spans = [], tick = 0;
    let win = null, today = null, shown = '', loading = null, judging = null, again = false, touched = 0;

    // ---- asking

    const query = more => vigie.query(Object.assign({}, more)).replace(/^\?/, '');
    function address(path, more) {
      const parts = [];
      Object.entries(params).forEach(([name, value]) => [].concat(value).forEach(one => {
        if (one !== null && one !== undefined && one !== '') parts.push(query({[name]: one}));
      }));
      if (limit !== null && !params.threshold_from) parts.push(query({threshold: limit}));
      Object.entries(Object.assign({}, win, more)).forEach(([name, value]) => parts.push(query({[name]: value})));
      return '/api/v1/alerts/' + path + '?' + parts.join('&');
    }

    async function load() {
      if (loading) loading.abort();
      const mine = loading = new AbortController();
      today = win = null;
      if (!params || !params.rule && !(params.selectors || []).length) { past = null; empty(say('nothing')); return; }
      box.classList.add('is-loading');
      try {
        const bare = limit === null && !params.rule && !params.threshold_from;
        const ask = () => vigie.api('GET', address('past', Object.assign({points: POINTS}, bare ? {threshold: 0} : {})), undefined, mine.signal);
        let answer = await ask();
        if (mine !== loading) return;
        win = beginning(answer);
        if (win) answer = await ask();
        if (mine !== loading) return;
        past = answer;
        if (limit === null && bare) first(); else if (limit === null) limit = past.limit;
        const any = past.series.some(one => one.high.some(value => value !== null));
        empty(!past.count ? say('nothing') : any ? '' : say('empty'));
        reach();
        draw();
        more('');
        judge();
      } catch (error) {
        if (error.aborted || mine !== loading) return;
        past = null;
        empty(error.status === 400 ? say('wrong', {why: reason(error)}) : say('away'));
      }
      box.classList.remove('is-loading');
    }
    // Where there are values of the last part of the day alone, that part is drawn.
    function beginning(answer) {
      const known = answer.series.map(one => one.high.findIndex(value => value !== null)).filter(at => at >= 0), first = Math.min(...known);
      if (!known.length || first < POINTS * 0.4) return null;
      const to = answer.start + answer.every * POINTS, from = Math.min(answer.start + answer.every * (first - 1), to - SHORTEST);
      return {from: Math.round(from), to: Math.round(to)};
    }

    // A rule that has no threshold yet gets a line to begin with: at the worst value there was.
    function first() {
      let high = -Infinity;
      past.series.forEach(one => one.high.forEach(value => { if (value !== null && value > high) high = value; }));
      if (!Number.isFinite(high)) return;
      limit = Number(high.toPrecision(2));
      if (hooks.moved) hooks.moved(limit, true);
    }
    const reason = error => (error.errors || []).map(one => one.allowed).join('; ') || error.detail || error.title;

    // One question at a time, the newest value next; one that takes too long is given up for it.
    async function judge() {
      if (!params || !past || limit === null) return;
      if (judging) {
        again = true;
        if (performance.now() - judging.at > STALE) judging.control.abort();
        return;
      }
      const mine = judging = {at: performance.now(), control: new AbortController(), touched};
      again = false;
      try {
        const known = today && performance.now() - today.at < KNOWN;  // it is the same while a hand drags
        const answer = await vigie.api('GET', address('backtest', known ? {today: false} : {}), undefined, mine.control.signal);
        if (!known) today = {at: performance.now(), of: answer.today}; else answer.today = today.of;
        told(answer);
        if (mine.touched) box.dataset.took = (performance.now() - mine.touched).toFixed(1);
      } catch (error) {
        if (!error.aborted) put('.th-words', error.status === 400 ? say('wrong', {why: reason(error)}) : say('away'));
      }
      judging = null;
      if (again) judge();
    }

    // ---- saying

    const put = (what, text) => { const at = find(what); if (at.textContent !== text) at.textContent = text; };
    const counted = one => (one.alerts === 0 ? say('none') : fill(words[one.alerts === 1 ? 'one' : 'many'], {
      count: one.alerts, time: vigie.format.duration(one.seconds)}));

    function told(answer) {
      const parts = [counted(answer.candidate) + ' ' + say('over', {time: vigie.format.duration((Date.parse(answer.to) - Date.parse(answer.from)) / 1000)})], before = answer.today;
      if (before) {
        const same = before.alerts === answer.candidate.alerts && Math.round(before.seconds) === Math.round(answer.candidate.seconds);
        parts.push(same ? say('same') : say('today', {count: before.alerts === 0 ? '0' : before.alerts + ' (' + vigie.format.duration(before.seconds) + ')'}));
      }
      put('.th-words', parts.join('; '));
      find('.th-words').dataset.alerts = answer.candidate.alerts;
      spans = answer.candidate.spans.map(one => [one.start, one.end === null ? Infinity : one.end]);
      const bySeries = new Map();
      answer.candidate.spans.forEach(one => {
        const lasted = (one.end === null ? Date.parse(answer.to) : one.end) - one.start;
        bySeries.set(one.series, (bySeries.get(one.series) || 0) + lasted);
      });
      const worst = Array.from(bySeries).sort((a, b) => b[1] - a[1])[0];
      worstSeries = worst ? worst[0] : past.series.length ? past.series[0].series : '';
      if (!find('.th-more').dataset.kept) more('');
      draw();
    }
    let worstSeries = '';

    function more(text) {
      const parts = text ? [text] : [];
      if (past && past.count > 1 && worstSeries) parts.push(say('worst', {series: worstSeries}));
      if (past && past.count > past.series.length) parts.push(say('left', {shown: past.series.length, count: past.count}));
      else if (past && past.count > 1) parts.push(say('series', {count: past.count}));
      put('.th-more', parts.join(' · '));
      if (text) find('.th-more').dataset.kept = '1'; else delete find('.th-more').dataset.kept;
    }

    function empty(text) {
      put('.th-empty', text);
      box.classList.toggle('is-empty', Boolean(text));
      if (text) { put('.th-words', ''); put('.th-more', ''); spans = []; draw(); }
    }

    // ---- drawing

    function reach() {
      let low = Infinity, high = -Infinity;
      if (past) past.series.forEach(one => {
        one.low.forEach(value => { if (value !== null && value < low) low = value; });
        one.high.forEach(value => { if (value !== null && value > high) high = value; });
      });
      if (limit !== null) { low = Math.min(low, limit); high = Math.max(high, limit); }
      if (!Number.isFinite(low)) { low = 0; high = 1; }
      if (past && past.unit === 'ratio' && high <= 1) high = Math.max(high, 0.999999);
      if (low >= 0) low = 0;
      if (high <= low) high = low + 1;
      const gap = (high - low) * (past && past.unit === 'ratio' ? 0.02 : 0.12);
      range = [low < 0 ? low - gap : low, high + gap];
      tick = nice((range[1] - range[0]) / 200);
      if (past && past.unit === 'ratio' && range[1] - range[0] > 0.5) tick = 0.01;
    }

    const size = () => ({width: plot.clientWidth - LEFT - RIGHT, height: plot.clientHeight - TOP - BOTTOM});
    const y = value => TOP + size().height * (1 - (value - range[0]) / (range[1] - range[0]));
    const back = px => range[0] + (range[1] - range[0]) * (1 - (px - TOP) / size().height);
    const unit = () => (past && past.unit) || (params && params.unit) || '';
    const colour = name => getComputedStyle(box).getPropertyValue(name).trim();

    function draw() {
      const {width, height} = size(), ratio = window.devicePixelRatio || 1;
      if (width <= 0 || height <= 0) return;
      if (canvas.width !== Math.round(plot.clientWidth * ratio) || canvas.height !== Math.round(plot.clientHeight * ratio)) {
        canvas.width = Math.round(plot.clientWidth * ratio);
        canvas.height = Math.round(plot.clientHeight * ratio);
      }
      const c = canvas.getContext('2d');
      c.setTransform(ratio, 0, 0, ratio, 0, 0);
      c.clearRect(0, 0, plot.clientWidth, plot.clientHeight);
      if (!past) { place(); return; }
      const step = nice((range[1] - range[0]) / 4), muted = colour('--v-muted');
      c.font = '11px ' + (colour('--v-font') || 'sans-serif');
      c.textBaseline = 'middle';
      c.textAlign = 'right';
      c.lineWidth = 1;
      for (let v = Math.ceil(range[0] / step) * step; v <= range[1]; v += step) {
        c.strokeStyle = colour('--v-line');
        c.beginPath(); c.moveTo(LEFT, Math.round(y(v)) + 0.5); c.lineTo(LEFT + width, Math.round(y(v)) + 0.5); c.stroke();
        c.fillStyle = muted;
        c.fillText(vigie.format.human(v, unit()), LEFT - 6, y(v));
      }
      const span = past.every * POINTS, x = ms => LEFT + width * (ms - past.start) / span;
      c.textBaseline = 'alphabetic';
      c.textAlign = 'center';
      const clock = new Intl.DateTimeFormat(vigie.page.lang, {hour: '2-digit', minute: '2-digit', hourCycle: 'h23', timeZone: vigie.timezone});
      const minute = 60000, wish = span / (width > 520 ? 8 : 4), every = minute * ([1, 2, 5, 10, 15, 30, 60, 120, 180, 360].find(size => size * minute >= wish) || 360);
      for (let at = Math.ceil(past.start / every) * every; at < past.start + span; at += every) {
        if (x(at) > LEFT + 14 && x(at) < LEFT + width - 14) c.fillText(clock.format(at), x(at), TOP + height + 15);
      }
      c.save();
      c.beginPath(); c.rect(LEFT, TOP, width, height); c.clip();
      c.fillStyle = colour('--th-span');
      spans.forEach(([from, to]) => c.fillRect(x(from), TOP, Math.max(x(Math.min(to, past.start + span)) - x(from), 2), height));
      const last = past.series.findIndex(one => one.series === worstSeries);
      const order = past.series.map((_one, i) => i).filter(i => i !== last).reverse().concat(last >= 0 ? [last] : []);
      order.forEach(i => {
        const one = past.series[i], strong = i === last || past.series.length === 1;
        c.strokeStyle = strong ? colour('--v-accent') : muted;
        c.globalAlpha = strong ? 1 : 0.35;
        c.lineWidth = strong ? 1.4 : 1;
        c.beginPath();
        let pen = false;
        for (let p = 0; p < one.high.length; p += 1) {
          if (one.high[p] === null) { pen = false; continue; }
          const px = LEFT + width * (p + 0.5) / POINTS;
          if (pen) c.lineTo(px, y(one.low[p])); else c.moveTo(px, y(one.low[p]));
          if (one.high[p] !== one.low[p] || !pen) c.lineTo(px + (pen ? 0 : 0.5), y(one.high[p]));
          pen = true;
        }
        c.stroke();
      });
      c.restore();
      place();
    }

    function place() {
      const there = limit !== null && Number.isFinite(limit);
      line.hidden = !there || !past;
      if (line.hidden) return;
      const at = Math.max(TOP, Math.min(TOP + size().height, y(limit)));
      line.style.transform = `translateY(${at.toFixed(1)}px)`;
      const text = vigie.format.human(limit, unit());
      if (label.textContent !== text) label.textContent = text;
      line.classList.toggle('is-low', at < 26);
      line.setAttribute('aria-valuenow', String(limit));
      line.setAttribute('aria-valuetext', text);
      line.setAttribute('aria-valuemin', String(range[0]));
      line.setAttribute('aria-valuemax', String(range[1]));
    }

    // ---- hands

    function by(value, done) {
      if (!editable) return;
      const snapped = Number((Math.round(value / tick) * tick).toPrecision(10));
      if (snapped === limit && !done) return;
      limit = snapped;
      touched = performance.now();
      delete find('.th-more').dataset.kept;
      place();
      if (hooks.moved) hooks.moved(limit, done);
      judge();
    }

    let dragging = null;
    plot.addEventListener('pointerdown', event => {
      const onLine = line.contains(event.target);
      if (!editable || !past || event.button || event.pointerType === 'touch' && !onLine) return;
      event.preventDefault();
      dragging = event.pointerId;
      plot.setPointerCapture(event.pointerId);
      line.focus({preventScroll: true});
      box.classList.add('is-dragging');
      if (!onLine) by(back(event.clientY - plot.getBoundingClientRect().top), false);
    });
    plot.addEventListener('pointermove', event => {
      if (dragging !== event.pointerId) return;
      const value = back(event.clientY - plot.getBoundingClientRect().top);
      by(Math.max(range[0], Math.min(range[1], value)), false);
    });
    const drop = event => {
      if (dragging !== event.pointerId) return;
      dragging = null;
      box.classList.remove('is-dragging');
      if (hooks.moved) hooks.moved(limit, true);
    };
    plot.addEventListener('pointerup', drop);
    plot.addEventListener('pointercancel', drop);
    line.addEventListener('keydown', event => {
      const steps = {ArrowUp: 1, ArrowRight: 1, ArrowDown: -1, ArrowLeft: -1, PageUp: 10, PageDown: -10}[event.key];
      const edge = {Home: range[0], End: range[1]}[event.key];
      if (steps === undefined && edge === undefined || !editable || limit === null) return;
      event.preventDefault();
      event.stopPropagation();
      by(edge !== undefined ? edge : Math.max(range[0], Math.min(range[1], limit + steps * tick)), true);
    });

    async function suggest() {
      if (!params) return;
      suggestButton.disabled = true;
      try {
        const answer = await vigie.api('GET', address('suggest'));
        if (answer.threshold === null) more(say('unsuggested'));
        else {
          limit = answer.threshold;
          reach();
          draw();
          if (hooks.moved) hooks.moved(limit, true);
          more(say('suggested', {value: vigie.format.human(limit, unit()), time: vigie.format.duration(answer.days * 86400), alerts: answer.alerts, most: answer.most}));
          touched = performance.now();
          judge();
        }
      } catch (error) { vigie.problem(error); }
      suggestButton.disabled = !editable;
    }
    if (suggestButton) suggestButton.addEventListener('click', suggest);

    new ResizeObserver(() => { if (past) draw(); }).observe(plot);
    new MutationObserver(() => draw()).observe(document.documentElement, {attributes: true, attributeFilter: ['data-bs-theme']});

    return {
      show(given, value, may) {
        const key = JSON.stringify([given.rule, given.selectors, given.function, given.window_seconds]), changed = key !== shown;
        shown = key;
        params = given;
        if (value !== undefined) limit = value; else if (changed) limit = null;
        editable = may;
        box.classList.toggle('is-readonly', !may);
        line.tabIndex = may ? 0 : -1;
        if (suggestButton) suggestButton.disabled = !may;
        if (changed) load(); else { reach(); draw(); judge(); }
      },
      // What else is to be tried, the line as it is: asks nothing by itself.
      set(given) { params = given; },
      put(value) {
        limit = value;
        touched = performance.now();
        if (limit !== null && (limit < range[0] || limit > range[1])) { reach(); draw(); } else place();
        judge();
      },
      reload: load,
      unit,
      draw,
    };
  }

  vigie.threshold = {
    scale,
    at(box, hooks) {
      if (!known.has(box)) known.set(box, make(box, hooks || {}));
      return known.get(box);
    },
  };
})();
