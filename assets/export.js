// The dialog that exports a chart: as a picture, drawn here, or as data, made by the server.
//
//   vigie.exports.open({id, title, chart})   for a chart; `chart` is its entry in vigie.charts.all(), when it is drawn
//   vigie.exports.said(name, values)         the dialog's words
(function () {
  'use strict';
  const vigie = window.vigie = window.vigie || {};
  const BOX = 'shell-export', LARGE = 200000;
  const MADE = /!(rate|mean|sum|min|max|p95)\b/;  // a drawing whose lines are no stored series
  let now = null, timer = null, asked = 0, texts = null;

  const box = () => document.getElementById(BOX);
  const one = what => box().querySelector(what);
  const chosen = name => one('input[name="' + name + '"]:checked').value;
  const pad = number => String(number).padStart(2, '0');

  function said(name, values) {
    texts = texts || JSON.parse(box().dataset.words);
    return texts[name].replace(/%\((\w+)\)s/g, (_, key) => values[key]).replace(/%%/g, '%');
  }

  const count = number => new Intl.NumberFormat(vigie.page.lang).format(number);

  function moments(from, to) {
    const format = new Intl.DateTimeFormat(vigie.page.lang, {dateStyle: 'medium', timeStyle: 'medium', timeZone: vigie.timezone, hourCycle: 'h23'});
    const words = format.formatRange ? format.formatRange(from, to) : format.format(from) + ' – ' + format.format(to);
    return words + ' (' + (vigie.timezone || Intl.DateTimeFormat().resolvedOptions().timeZone) + ')';
  }

  // ---- opening

  function span(chart) {
    const view = vigie.charts.view;
    if (chart && chart.start && chart.end && chart.end > chart.start) return [Math.round(chart.start), Math.round(chart.end)];
    const end = view.to === null ? Math.round(vigie.charts.now ? vigie.charts.now() : Date.now()) : view.to;
    return [view.from === null ? end - view.seconds * 1000 : view.from, end];
  }

  const drawn = chart => Boolean(chart && chart.gd && chart.gd.isConnected && chart.gd._fullLayout);

  function open(detail) {
    if (!box()) return;
    const chart = detail.chart && drawn(detail.chart) ? detail.chart : null, [from, to] = span(detail.chart);
    now = {id: detail.id, title: detail.title || detail.id, chart, from, to, job: null, values: 0, series: null, off: new Set()};
    if (chart && chart.only && chart.items) chart.items.forEach(item => { if (!chart.only.has(item.key)) now.off.add(item.key); });
    one('#' + BOX + '-title').textContent = said('of', {chart: now.title});
    one('.dialog-aside').textContent = moments(from, to);
    const picture = one('input[name=export-what][value=picture]');
    picture.disabled = !chart;
    if (!chart) one('input[name=export-what][value=data]').checked = true;
    one('.export-series').replaceChildren();
    progress(null);
    parts();
    vigie.dialog.open(BOX);
    estimate();
  }

  function parts() {
    const what = chosen('export-what');
    box().querySelectorAll('.export-part').forEach(part => { part.hidden = part.dataset.part !== what; });
    buttons();
  }

  // ---- series

  // What the chart calls a series, and the colour it has there.
  function looks(key) {
    const chart = now.chart, keys = chart && chart.meta && (chart.meta.keys || chart.meta.series);
    const place = keys ? keys.indexOf(key) : -1;
    if (place < 0) return {};
    const trace = chart.gd.data[place];
    if (trace && trace.line) return {name: trace.name, colour: trace.line.color};
    const rows = chart.gd.data[0].y;
    return chart.gd.data[0].type === 'heatmap' && rows ? {name: rows[place]} : {};
  }

  function list(series) {
    now.series = series.map(found => found.series);
    one('.export-series').replaceChildren(...series.map(found => {
      const line = document.createElement('label'), tick = document.createElement('input');
      const look = looks(found.series);
      tick.type = 'checkbox';
      tick.value = found.series;
      tick.checked = !now.off.has(found.series);
      line.title = found.help ? found.series + ' – ' + found.help : found.series;
      line.append(tick);
      if (look.colour) {
        const swatch = document.createElement('span');
        swatch.className = 'legend-swatch';
        swatch.style.backgroundColor = look.colour;
        line.append(swatch);
      }
      const name = document.createElement('span');
      name.className = 'series-name';
      name.textContent = look.name || found.series;
      line.append(name);
      if (look.name && look.name !== found.series) {
        const key = document.createElement('span');
        key.className = 'series-key';
        key.textContent = '\u200e' + found.series;
        line.append(key);
      }
      return line;
    }));
    ticked();
  }

  function ticked() {
    const all = Array.from(box().querySelectorAll('.export-series input'));
    // Lines that were worked out of many series are exported as they are drawn, all of them.
    const whole = MADE.test(now.id) && chosen('export-raw') === '0';
    all.forEach(tick => { tick.disabled = whole; });
    const button = one('[data-export-all]');
    button.textContent = said(now.off.size ? 'all' : 'no_one');
    button.hidden = whole || all.length < 2;
    return whole;
  }

  // ---- what it would be

  function wanted() {
    const whole = ticked(), keys = (now.series || []).filter(key => !now.off.has(key));
    const some = !whole && now.series && keys.length < now.series.length;
    const width = now.chart ? now.chart.width : 800, raw = chosen('export-raw') === '1';
    return Object.assign(some ? {metric: keys, name: now.title} : {chart: [now.id]}, {
      from: now.from, to: now.to, raw, tz: vigie.timezone || Intl.DateTimeFormat().resolvedOptions().timeZone,
      format: chosen('export-format'), extremes: !one('[name=export-extremes]').closest('label').hidden && one('[name=export-extremes]').checked,
    }, raw ? {} : {points: Math.max(400, Math.min(2000, Math.round(width * 1.5)))}, now.id.startsWith('q:') ? {name: now.title} : {});
  }

  function query(want) {
    const parts = new URLSearchParams();
    Object.entries(want).forEach(([name, value]) => [].concat(value).forEach(item =>
      parts.append(name, typeof item === 'boolean' ? String(Number(item)) : item)));
    return '?' + parts.toString();
  }

  async function estimate() {
    clearTimeout(timer);
    const turn = asked += 1, mine = now, line = one('.export-estimate');
    if (now.series && now.off.size === now.series.length) { tell(said('none'), true); now.values = 0; buttons(); return; }
    if (!line.textContent) tell(said('estimating'));
    let found;
    try {
      // An address that is too long for a line of HTTP: the count is in proportion.
      const want = wanted(), address = query(want);
      const short = address.length < 3600 ? address : query(Object.assign({}, want, {metric: [], chart: [now.id]}));
      found = await vigie.api('GET', '/api/metrics/export/estimate' + short);
      if (address !== short) found.values = Math.round(found.values * want.metric.length / now.series.length);
    } catch (error) {
      if (turn === asked && mine === now) { tell(error.detail || error.title, true); now.values = 0; buttons(); }
      return;
    }
    if (turn !== asked || mine !== now) return;
    if (!now.series) list(found.series);
    now.values = found.values;
    const steps = one('[name=export-extremes]').closest('label');
    steps.hidden = found.source === 'samples';
    const step = said(found.source === 'samples' && found.step === 1 ? 'second' : found.source, {step: count(found.step)});
    tell(found.rows ? said('rows', {rows: count(found.rows), values: count(found.values)}) + ', ' + step + '.' : said('nothing'));
    buttons();
  }

  function tell(words, wrong) {
    const line = one('.export-estimate');
    line.textContent = words;
    line.classList.toggle('is-wrong', Boolean(wrong));
  }

  function later() {
    clearTimeout(timer);
    timer = setTimeout(estimate, 120);
  }

  function buttons() {
    const go = one('[data-export-go]'), data = chosen('export-what') === 'data', large = data && now.values > LARGE;
    go.disabled = Boolean(now.busy || now.job || (data && !now.values));
    go.querySelector('span').textContent = said(large ? 'make' : 'download');
    if (!now.job) vigie.dialog.say(BOX, large ? said('large') : '');
  }

  // ---- doing it

  async function save(address) {
    let answer;
    try {
      answer = await fetch(vigie.url('/api/metrics/export' + address));
    } catch (error) {
      throw {title: vigie.words('down', 'No connection'), detail: ''};
    }
    if (!answer.ok) throw Object.assign({title: answer.statusText, detail: ''}, await answer.json().catch(() => ({})));
    const name = /filename="([^"]+)"/.exec(answer.headers.get('Content-Disposition') || '');
    offer(await answer.blob(), name ? name[1] : 'vigie-export');
  }

  function offer(blob, name) {
    const url = URL.createObjectURL(blob);
    vigie.jobs.download(url, name);
    setTimeout(() => URL.revokeObjectURL(url), 60000);
  }

  async function data() {
    const want = wanted(), address = query(want);
    if (now.values <= LARGE && address.length < 3600) {
      await save(address);
      vigie.dialog.close(BOX);
      return;
    }
    const mine = now, job = await vigie.api('POST', '/api/v1/exports', want);
    mine.job = job.id;
    vigie.jobs.watch(job);
    if (mine !== now || !box().open) return;
    vigie.dialog.say(BOX, said('goes_on'));
    progress(job);
    vigie.jobs.heard(job.id, report => { if (mine === now && box().open) progress(report); });
  }

  function progress(job) {
    const at = one('.export-progress'), bar = one('.export-progress .bar');
    at.hidden = !job;
    if (!job) return;
    const share = Math.round(job.progress * 100);
    bar.firstElementChild.style.width = share + '%';
    bar.setAttribute('aria-valuenow', String(share));
    one('.export-words').textContent = job.state === 'running' ? said('running', {share: share + ' %'}) : job.state === 'failed' ? job.message : said(job.state);
    if (job.state === 'queued' || job.state === 'running') return;
    vigie.jobs.heard(job.id, null);
    now.job = null;
    if (job.state === 'done') vigie.dialog.close(BOX);
    else buttons();
  }

  async function picture() {
    const kind = chosen('export-picture'), paper = chosen('export-paper');
    if (!drawn(now.chart)) throw {title: said('no_picture'), detail: ''};
    vigie.dialog.say(BOX, said('drawing'));
    const host = (document.querySelector('.server-name') || {textContent: ''}).textContent;
    const [from, to] = span(now.chart);
    let made;
    try {
      made = await vigie.exportPicture.make(now.chart, {
        kind, paper, title: now.title, window: moments(from, to), source: [host, 'Vigie'].filter(Boolean).join(' · '),
        colours: JSON.parse(box().dataset.colours),
      });
    } catch (error) {
      throw {title: said('no_picture'), detail: String((error && error.message) || '')};
    }
    offer(made, name(host, from, kind));
    // The picture is made here: the server hears of it from us, and one that is away keeps nobody from it.
    vigie.api('POST', '/api/v1/exports/picture', {chart: now.chart, title: now.title.slice(0, 300), format: kind}).catch(() => {});
    vigie.dialog.say(BOX, '');
    vigie.dialog.close(BOX);
  }

  function name(host, from, kind) {
    const safe = text => text.toLowerCase().normalize('NFKD').replace(/[^a-z0-9._-]+/g, '-').replace(/^-+|-+$/g, '').slice(0, 48);
    const at = new Date(from);
    const stamp = at.getUTCFullYear() + pad(at.getUTCMonth() + 1) + pad(at.getUTCDate()) + 'T' + pad(at.getUTCHours()) + pad(at.getUTCMinutes()) + pad(at.getUTCSeconds()) + 'Z';
    return ['vigie', safe(host), safe(now.title) || 'chart', stamp].filter(Boolean).join('-') + '.' + kind;
  }

  async function go() {
    now.busy = true;
    buttons();
    try {
      await (chosen('export-what') === 'data' ? data() : picture());
    } catch (error) {
      vigie.dialog.problem(BOX, error);
      now.busy = false;
      one('[data-export-go]').disabled = false;
      return;
    }
    now.busy = false;
    buttons();
    if (now.job) vigie.dialog.say(BOX, said('goes_on'));
  }

  async function stop() {
    const job = now.job;
    if (!job) { vigie.dialog.close(BOX); return; }
    vigie.jobs.heard(job, null);
    now.job = null;
    await vigie.jobs.remove(job);
    progress(null);
    buttons();
  }

  document.addEventListener('change', event => {
    if (!event.target.closest || !event.target.closest('#' + BOX)) return;
    const input = event.target;
    if (input.name === 'export-what') parts();
    else if (input.closest('.export-series')) {
      if (input.checked) now.off.delete(input.value); else now.off.add(input.value);
      later();
    } else if (['export-format', 'export-raw', 'export-extremes'].includes(input.name)) {
      later();
    }
  });
  document.addEventListener('click', event => {
    const button = event.target.closest && event.target.closest('#' + BOX + ' button');
    if (!button) return;
    if (button.dataset.exportGo) go();
    else if (button.dataset.exportStop) stop();
    else if (button.dataset.exportAll) {
      now.off = new Set(now.off.size ? [] : now.series);
      box().querySelectorAll('.export-series input').forEach(tick => { tick.checked = !now.off.has(tick.value); });
      later();
    }
  });
  document.addEventListener('vigie:chart-action', event => { if (event.detail.action === 'export') open(event.detail); });

  vigie.exports = {open, said};
})();
