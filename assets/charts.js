// Charts of a page: each is fetched when it comes into sight, then goes on by itself from live frames.
//
//   vigie.charts.view     {window, seconds, live, from, to}: what all charts of the page show; change it with look()
//   vigie.charts.look(v, how)  merges v into the view, moves every time axis at once, fetches again what is in sight;
//                         how.moving: a hand still moves it, so ask less often; how.more: the same step goes on
//   vigie.charts.span()   [from, to] as shown, epoch ms
//   vigie.charts.all()    the charts there are, by id
//
// After each drawing of a chart, first or patched or moved, `vigie:drawn` is dispatched with detail {chart}.
//
// The server answers a figure with times in UTC; here it is shifted to the viewer's zone and handed to dcc.Graph
// once as a whole, later as a Patch of data and layout. Live points go into the arrays Plotly already holds.
(function () {
  'use strict';
  const vigie = window.vigie = window.vigie || {};
  const QUICK = 16;  // ms
  const MOVING = 160;  // ms between questions while a hand moves the view
  const LEGENDS = new Set(['lines', 'stacked', 'columns', 'histogram', 'quantiles']);
  const charts = new Map();
  const queue = [];
  let working = false, counter = 0, observer = null;
  const view = {window: '5m', seconds: 300, live: true, from: null, to: null};

  const dash = () => window.dash_clientside;
  const tools = () => vigie.chartTools;
  const theme = () => document.documentElement.getAttribute('data-bs-theme') === 'light' ? 'light' : 'dark';
  const ident = (type, chart) => ({type: type, id: chart.id});
  const zoomed = () => view.from !== null;

  // One chart per task, a second only when the first was quick: a long task would make the page deaf to the hand.
  function later(work) {
    queue.push(work);
    if (working) return;
    working = true;
    const step = () => {
      const begun = performance.now();
      try {
        do queue.shift()(); while (queue.length && performance.now() - begun < QUICK);
      } finally {
        working = queue.length > 0;
        if (working) setTimeout(step, 0);
      }
    };
    setTimeout(step, 0);
  }

  // ---- which charts there are, and which are in sight

  function sight(entries) {
    entries.forEach(entry => {
      const chart = charts.get(entry.target.dataset.chart);
      if (!chart || chart.section !== entry.target) return;
      chart.visible = entry.isIntersecting;
      if (entry.boundingClientRect.width) chart.width = Math.max(entry.boundingClientRect.width - 98, 200);
      if (chart.visible && (!chart.asked || stale(chart))) fetchChart(chart);
      if (chart.visible && zoomed()) slide(chart);
    });
    wish();
  }

  function adopt(id) {
    const section = document.querySelector('#react-entry-point [data-chart="' + CSS.escape(id) + '"]');
    if (!section) return;
    const old = charts.get(id);
    // The same section with its graph gone: the page was drawn anew in place.
    if (old && old.section === section && (alive(old) || !old.data)) return;
    if (old) observer.unobserve(old.section);
    observer = observer || new IntersectionObserver(sight, {rootMargin: '160px 0px'});
    sizes.observe(section.querySelector('.chart-body'));
    const chart = {id, section, visible: false, asked: 0, n: 0, data: null, meta: null, only: null, pending: [],
      lastT: 0, drawn: 0, width: 600, kind: section.dataset.kind};
    charts.set(id, chart);
    observer.observe(section);
    vigie.zoom.watch(section);
  }

  // Heights as the browser tells them by itself: to ask for one makes it lay out the page, for each chart anew.
  const sizes = new ResizeObserver(entries => entries.forEach(entry => {
    const section = entry.target.closest('[data-chart]'), chart = section && charts.get(section.dataset.chart);
    if (chart && chart.section === section) chart.tall = Math.round(entry.contentRect.height);
  }));

  function sweep() {
    charts.forEach((chart, id) => {
      if (chart.section.isConnected) return;
      observer.unobserve(chart.section);
      sizes.unobserve(chart.section.querySelector('.chart-body'));
      charts.delete(id);
    });
  }

  // ---- fetching

  const now = () => Date.now() + (vigie.live ? vigie.live.offset : 0);

  // How often a chart follows: a point that moves the picture by less than a pixel is not worth a redraw.
  function pace(chart) {
    if (chart.meta && chart.meta.timed === false) return 10000;
    const pixel = view.seconds * 1000 / chart.width * 0.75;
    if (chart.kind === 'heatmap' || chart.kind === 'strip') return Math.max(pixel, chart.meta ? chart.meta.step * 1000 : 0, 2000);
    return Math.max(pixel, 900);
  }

  function stale(chart) {
    if (theme() !== chart.theme || chart.view !== signature()) return true;
    return !zoomed() && view.live && now() - (chart.lastT || 0) > Math.max(4000, 1.5 * pace(chart));
  }

  function signature() { return [view.window, view.from, view.to].join('|'); }

  function fetchChart(chart) {
    chart.again = false;
    chart.asked = Date.now();
    chart.n = counter += 1;
    chart.theme = theme();
    chart.view = signature();
    chart.loading = true;
    vigie.props(ident('chart-want', chart), {data: {
      chart: chart.id, n: chart.n, window: view.window, start: view.from, end: view.to, theme: chart.theme,
      points: Math.max(400, Math.min(2000, Math.round(chart.width * 1.5))), stats: vigie.stats.open(chart),
    }});
  }

  function refresh() {
    sweep();
    charts.forEach(chart => { if (chart.visible) fetchChart(chart); });
  }

  // While a hand moves the view: each chart has one question under way, and asks the next when that is answered.
  let asking = 0;
  function follow() {
    if (asking) return;
    asking = setTimeout(() => {
      asking = 0;
      charts.forEach(chart => {
        if (!chart.visible || chart.view === signature()) return;
        if (chart.loading && Date.now() - chart.asked < 3000) chart.again = true; else fetchChart(chart);
      });
    }, MOVING);
  }

  function wish() {
    const keys = new Set();
    charts.forEach(chart => {
      if (chart.visible && chart.meta && chart.section.isConnected) chart.meta.series.forEach(key => key && keys.add(key));
    });
    if (vigie.live) vigie.live.want('charts', view.live ? Array.from(keys) : []);
  }

  // ---- drawing

  function answered(answer) {
    const chart = answer && charts.get(answer.chart);
    if (!chart || answer.n !== chart.n) return dash().no_update;
    vigie.stats.answered(chart, answer);
    if (answer.only) return dash().no_update;
    const section = chart.section;
    section.dataset.state = answer.state;
    tools().write(section.querySelector('.chart-note'), answer.problem || '');
    section.querySelector('.chart-note').title = answer.problem || '';
    tools().write(section.querySelector('.chart-text'), answer.text || '');
    chart.loading = false;
    if (chart.again && chart.view !== signature()) fetchChart(chart);
    if (!answer.figure) {
      chart.lastT = answer.end;
      chart.meta = answer.keys && answer.keys.length ? {series: answer.keys, step: 1, waiting: true} : null;
      wish();
      return dash().no_update;
    }
    const timed = answer.figure.layout.meta.timed !== false;
    // The Store keeps the answer: Plotly gets arrays of its own.
    const data = answer.figure.data.map(trace => Object.assign({}, trace, {
      x: timed ? vigie.time.shiftAll(trace.x) : trace.x, y: trace.y && trace.y.slice(),
    }, Array.isArray(trace.hovertemplate) ? {hovertemplate: trace.hovertemplate.slice()} : {}));
    const layout = Object.assign({}, answer.figure.layout);
    layout.meta = Object.assign({}, layout.meta);
    layout.yaxis = Object.assign({}, layout.yaxis);
    layout.xaxis = Object.assign({}, layout.xaxis);
    if (chart.meta && chart.meta.scale === layout.meta.scale && alive(chart) && !layout.yaxis.range) {
      layout.yaxis.range = chart.gd.layout.yaxis.range;
      layout.yaxis.autorange = false;
    }
    chart.data = data;
    chart.meta = layout.meta;
    chart.start = answer.start;
    chart.end = answer.end;
    chart.lastT = chart.from = answer.last || answer.end;
    chart.seen = new Map();
    chart.put = new Map();
    if (LEGENDS.has(chart.kind)) {
      tools().legend(chart);
      tools().choose(chart);
      tools().newest(chart, null);
    }
    if (chart.kind === 'lines' || chart.kind === 'stacked') {
      tools().settle(data, layout, vigie.time.shift(answer.start));
      tools().mark(chart, data);
    }
    // What the hand has moved on to since this was asked stays in sight.
    if (timed) chart.range = layout.xaxis.range = (chart.loading ? goal() : [answer.start, answer.end]).map(vigie.time.shift);
    if (chart.kind !== 'bars') layout.height = chart.tall || layout.height;
    chart.drawn = performance.now();
    wish();
    if (alive(chart)) { patch(chart, data, layout); return dash().no_update; }
    // A second Graph would tear down the first while Plotly draws it: what comes meanwhile waits.
    if (chart.mounting) { chart.next = [data, layout]; return dash().no_update; }
    chart.mounting = true;
    attach(chart, 0);
    return {type: 'Graph', namespace: 'dash_core_components', props: {
      id: ident('chart-graph', chart), figure: {data: data, layout: layout}, config: settings(chart),
      responsive: true, className: 'chart-graph', style: {height: layout.height + 'px'},
    }};
  }

  const alive = chart => Boolean(chart.gd && chart.gd.isConnected && chart.gd._fullLayout && chart.gd.on);

  function patch(chart, data, layout) {
    const n = chart.n;
    later(() => {
      if (n === chart.n || chart.loading) vigie.props(ident('chart-graph', chart),
        {figure: new (dash().Patch)().assign(['data'], data).assign(['layout'], layout).build()});
    });
  }

  function settings(chart) {
    const lang = vigie.page ? vigie.page.lang : 'en';
    const names = (option, count, at) => Array.from({length: count}, (_, i) =>
      new Intl.DateTimeFormat(lang, Object.assign({timeZone: 'UTC'}, option)).format(at(i)));
    const month = i => Date.UTC(2026, i, 1), day = i => Date.UTC(2026, 1, 1 + i);  // 1 February 2026 is a Sunday
    return {
      displaylogo: false, showSendToCloud: false, doubleClick: false, doubleClickDelay: 500, scrollZoom: false, responsive: true,
      staticPlot: chart.kind === 'bars', modeBarButtons: [['toImage']], showTips: false,
      toImageButtonOptions: {filename: 'vigie-' + chart.id.replace(':', '-'), scale: 2},
      locale: 'page', locales: {page: {dictionary: {}, format: {
        days: names({weekday: 'long'}, 7, day), shortDays: names({weekday: 'short'}, 7, day),
        months: names({month: 'long'}, 12, month), shortMonths: names({month: 'short'}, 12, month),
        date: '%x', decimal: lang === 'fr' ? ',' : '.', thousands: lang === 'fr' ? ' ' : ',',
      }}},
    };
  }

  // Plotly is drawn by dcc.Graph in its own time. Its listeners are taken off: each zoom, hover and redraw would
  // go through Dash's store and draw the chart a second time with what that store remembers.
  function attach(chart, tries) {
    const gd = chart.section.querySelector('.js-plotly-plot');
    const ready = gd && gd._fullLayout && gd.removeAllListeners && !gd.classList.contains('dash-graph--pending');
    if (!ready || tries === 0) {
      if (tries < 400 && chart.section.isConnected) setTimeout(attach, 50, chart, tries + 1);
      else chart.mounting = false;
      return;
    }
    chart.gd = gd;
    gd.removeAllListeners();
    gd.on('plotly_relayout', change => moved(chart, change, false));
    gd.on('plotly_relayouting', change => moved(chart, change, true));
    gd.on('plotly_doubleclick', () => vigie.zoom.back());
    gd.on('plotly_click', event => vigie.zoom.cell(chart, event));
    gd.on('plotly_afterplot', () => told(chart));
    chart.section.dataset.drawn = '1';
    chart.mounting = false;
    told(chart);
    if (chart.next) { patch(chart, ...chart.next); chart.next = null; }
  }

  // Whatever lies over a chart (marks, a cursor) follows each drawing of it.
  function told(chart) { document.dispatchEvent(new CustomEvent('vigie:drawn', {detail: {chart: chart}})); }

  // The hand moved a chart's time axis; what we moved ourselves is no news.
  function moved(chart, change, moving) {
    const from = change['xaxis.range[0]'], to = change['xaxis.range[1]'];
    if (from === undefined || to === undefined || !chart.meta || chart.meta.timed === false) return;
    // A box that is being drawn over a chart moves nothing until it is let go; a chart that is dragged moves all.
    if (moving && chart.gd.querySelector('.zoomlayer .zoombox')) return;
    const start = vigie.time.moment(from), end = vigie.time.moment(to);
    chart.range = [start, end].map(vigie.time.shift);
    vigie.zoom.to(start, end, {gesture: 'drag', moving, repeat: false});
  }

  // ---- moving all axes at once, with the data they have

  const goal = () => (zoomed() ? [view.from, view.to] : [now() - view.seconds * 1000, now()]);

  // The data a chart holds reach into the range: else it waits for its answer, it would be blank.
  function reaches(chart, from, to) {
    return chart.start !== undefined && Math.min(to, chart.end) - Math.max(from, chart.start) > 0.02 * (to - from);
  }

  const sliding = new Set();
  let frame = 0;
  function slide(chart) {
    if (!alive(chart) || !chart.visible || chart.meta.timed === false) return;
    sliding.add(chart);
    if (!frame) frame = requestAnimationFrame(slip);
  }

  // As many charts in one frame as it has time for; a range that was passed by is never drawn.
  function slip() {
    frame = 0;
    const begun = performance.now(), [from, to] = goal(), range = [from, to].map(vigie.time.shift);
    for (const chart of sliding) {
      if (performance.now() - begun > QUICK) break;
      sliding.delete(chart);
      if (!alive(chart) || chart.gd._dragging || !reaches(chart, from, to)) continue;
      if (chart.range && Math.abs(chart.range[0] - range[0]) < 1 && Math.abs(chart.range[1] - range[1]) < 1) continue;
      chart.range = range;
      window.Plotly.relayout(chart.gd, {'xaxis.range': range.slice()});
    }
    if (sliding.size) frame = requestAnimationFrame(slip);
  }

  // Draws a chart from its arrays with one redraw; `force` also while zoomed or paused.
  function draw(chart, force) {
    const gd = chart.gd;
    if (!alive(chart) || chart.loading || chart.gd._dragging || (!chart.visible && !force)) return;
    if (!force && (zoomed() || !view.live)) return;
    const [from, to] = force && zoomed() ? chart.range : [chart.start, chart.end].map(vigie.time.shift);
    chart.data = gd.data;
    chart.meta = gd.layout.meta;
    if (chart.only) tools().choose(chart);
    chart.range = gd.layout.xaxis.range = [from, to];
    gd.layout.xaxis.autorange = false;
    if (chart.kind === 'lines' || chart.kind === 'stacked') tools().settle(gd.data, gd.layout, from);
    else if (gd.data[0].z) gd.data[0].z = gd.data[0].z.slice();
    chart.drawn = performance.now();
    window.Plotly.redraw(gd);
  }

  // ---- following

  // Asks once more when an answer was lost, when the source was not yet read, and now and then where there was nothing.
  function again(chart) {
    const wait = chart.loading ? 15000 : chart.section.dataset.state === 'loading' ? 4000 : 30000;
    if (chart.asked && Date.now() - chart.asked > wait) fetchChart(chart);
  }

  function tick(frame) {
    if (!view.live) return;
    sweep();
    const values = new Map(frame.keys.map((key, i) => [key, frame.v[i]]));
    charts.forEach(chart => {
      if (!chart.visible) return;
      if (!chart.meta || chart.loading) { vigie.chartFollow.miss(chart, frame); again(chart); return; }
      const age = frame.t - chart.lastT;
      if (chart.meta.waiting) {
        const came = chart.meta.series.some(key => values.get(key) != null);
        if (!zoomed() && came && Date.now() - chart.asked > 5000) fetchChart(chart);
        return;
      }
      vigie.chartFollow.quiet(chart, values, frame.t);
      if (zoomed()) return;  // the legend too says what is in sight
      if (chart.items) tools().newest(chart, values, frame.t);
      const raw = chart.meta.step < 30 || chart.kind === 'heatmap' && view.seconds <= 3600;
      // What cannot be extended by a point (a histogram, an average over series) is asked for anew.
      if (chart.meta.extend === false || !raw) {
        const least = chart.meta.timed === false ? 0 : chart.meta.extend === false ? 5000 : chart.meta.step * 1000;
        if (Date.now() - chart.asked > Math.max(pace(chart), least)) fetchChart(chart);
        return;
      }
      if (age <= 0) return;
      if (!alive(chart)) { vigie.chartFollow.miss(chart, frame); return; }
      const hole = age - (frame.back && frame.back.length ? frame.t - frame.back[0][0] : 0);
      if (hole > 8000 && hole > 3000 * chart.meta.step) { fetchChart(chart); return; }
      vigie.chartFollow.catchUp(chart, view, frame);
      vigie.chartFollow.append(chart, view, frame.t, values);
      chart.lastT = frame.t;
      chart.end = frame.t;
      chart.start = frame.t - view.seconds * 1000;
      if (performance.now() - chart.drawn >= pace(chart) - 60) later(() => draw(chart));
    });
  }

  function look(change, how) {
    Object.assign(view, change);
    document.dispatchEvent(new CustomEvent('vigie:view', {detail: Object.assign({how: how || {}}, view)}));
    charts.forEach(slide);
    if (how && how.moving) follow(); else refresh();
    wish();
  }

  document.addEventListener('vigie:frame', event => tick(event.detail));
  document.addEventListener('vigie:resume', () => { if (view.live && !zoomed()) refresh(); });
  new MutationObserver(() => {
    if (Array.from(charts.values()).some(chart => chart.visible && chart.theme !== theme())) refresh();
  }).observe(document.documentElement, {attributes: true, attributeFilter: ['data-bs-theme']});

  vigie.charts = {
    view, look, draw, now, span: goal,
    all: () => charts,
    follow: () => look({from: null, to: null, live: true}),
    hold: () => { view.live = false; document.dispatchEvent(new CustomEvent('vigie:view', {detail: view})); wish(); },
  };
  const clientside = window.dash_clientside = window.dash_clientside || {};
  clientside.vigie = clientside.vigie || {};
  clientside.vigie.adopt = function (id) { adopt(id.id); return clientside.no_update; };
  clientside.vigie.answered = answered;
})();
