// The time of a page with charts: windows, the live switch, the zoom, and all of it in the address bar.
//
//   vigie.pages[name] = {params(), restore(query), entered(view), painted(view)}, each optional: what a page adds to the
//                          address, and how it goes back to what an address says; `name` is its root's data-page
//   vigie.timebar.remember()                the page's address is to be brought up to what it shows: a step for back
//   vigie.timebar.here()                    the drawn page's root, or null
//   vigie.timebar.between(from, to)         a span of time in words
(function () {
  'use strict';
  const vigie = window.vigie = window.vigie || {};
  const clientside = window.dash_clientside = window.dash_clientside || {};
  clientside.vigie = clientside.vigie || {};
  const pages = vigie.pages = vigie.pages || {};
  let entered = null, quiet = false;
  let left = false;  // Dash fetches another page, though this one is still drawn

  const root = () => document.querySelector('#react-entry-point .timed');
  const here = () => (entered !== null && root() && root().dataset.page === entered.page ? root() : null);
  const own = () => pages[entered.page] || {};
  const number = text => (text && /^\d{12,14}$/.test(text) ? Number(text) : null);
  const span = name => ({window: name, seconds: entered.windows[name], from: null, to: null});

  function address() {
    const view = vigie.charts.view, query = own().params ? own().params() : {};
    if (view.window !== entered.base) query.window = view.window;
    if (view.from !== null) { query.from = view.from; query.to = view.to; }
    if (new URLSearchParams(location.search).has('kiosk')) query.kiosk = '1';
    return location.pathname + vigie.query(query);
  }

  // Each choice is a step that the back button takes back; a gesture that goes on is one step.
  function remember(more) {
    if (quiet || !here() || elsewhere()) return;
    const next = address();
    if (next === location.pathname + location.search) return;
    if (more === true) history.replaceState(history.state, '', next); else history.pushState(null, '', next);
  }

  function paint() {
    const at = here(), view = vigie.charts.view;
    if (!at) return;
    at.querySelectorAll('[data-window]').forEach(button => {
      const on = button.dataset.window === view.window && view.from === null;
      button.setAttribute('aria-checked', String(on));
      button.tabIndex = button.dataset.window === view.window ? 0 : -1;
    });
    const live = at.querySelector('[data-live]');
    if (live) live.setAttribute('aria-pressed', String(view.live && view.from === null));
    at.classList.toggle('is-zoomed', view.from !== null);
    const chip = at.querySelector('.zoom-chip .num');
    if (chip && view.from !== null) chip.textContent = between(view.from, view.to);
    if (own().painted) own().painted(view);
  }

  function between(from, to) {
    const day = to - from > 43200000 || Date.now() - from > 43200000 ? {day: 'numeric', month: 'short'} : {};
    const format = new Intl.DateTimeFormat(vigie.page.lang, Object.assign(day, {hour: '2-digit', minute: '2-digit',
      hourCycle: 'h23', timeZone: vigie.timezone}, to - from < 3600000 ? {second: '2-digit'} : {}));
    return format.format(from) + ' – ' + format.format(to);
  }

  function click(event) {
    const button = event.target.closest && event.target.closest('.timed .toolbar button');
    if (!button || !here()) return;
    const data = button.dataset, view = vigie.charts.view;
    if (data.follow) vigie.charts.follow();
    else if (data.window) vigie.charts.look(Object.assign(span(data.window), {live: true}));
    else if (data.live) {
      if (view.from !== null) vigie.charts.follow();
      else if (view.live) vigie.charts.hold();
      else vigie.charts.follow();
    }
  }

  // Arrows move within tabs and within windows, as in every tab list and radio group.
  function key(event) {
    const step = {ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1}[event.key];
    const button = step && event.target.closest && event.target.closest('.timed [role=tab], .timed [role=radio]');
    if (!button) return;
    const all = Array.from(button.parentElement.children);
    const next = all[(all.indexOf(button) + step + all.length) % all.length];
    event.preventDefault();
    next.focus();
    next.click();
  }

  const elsewhere = () => location.pathname.replace(/\/$/, '') !== entered.path.replace(/\/$/, '');

  // A link of the menu. Leaving is noted at once: back may come before any timer.
  function link() {
    if (!here()) return;
    if (elsewhere()) left = true;
    else setTimeout(() => { if (here()) back(new Event('')); }, 0);
  }

  // Back and forward within the page: Dash must not hear of it, it would draw the whole page anew.
  function back(event) {
    if (!here()) return;
    if (elsewhere()) { left = true; return; }
    event.stopImmediatePropagation();
    // Back before the other page came: two answers are on their way and either may be drawn last. Begin anew.
    if (left) location.reload(); else restore();
  }

  function restore() {
    const query = new URLSearchParams(location.search);
    const name = query.get('window');
    quiet = true;
    if (own().restore) own().restore(query);
    const from = number(query.get('from')), to = number(query.get('to'));
    vigie.charts.look(Object.assign(span(entered.windows[name] ? name : entered.base), {live: true},
      from !== null && to !== null && from < to ? {from, to} : {}));
    quiet = false;
  }

  document.addEventListener('click', click);
  document.addEventListener('keydown', key);
  window.addEventListener('popstate', back, true);
  window.addEventListener('_dashprivate_pushstate', link);
  document.addEventListener('vigie:view', event => {
    const how = event.detail.how || {};
    if (!here()) return;
    paint();
    if (!how.moving) remember(how.more);
  });

  clientside.vigie.enter = function (view) {
    entered = view;
    left = false;
    Object.assign(vigie.charts.view, span(view.window), {from: view.from, to: view.to, live: true});
    if (own().entered) own().entered(view);
    paint();
    document.dispatchEvent(new CustomEvent('vigie:entered'));
    return clientside.no_update;
  };

  vigie.timebar = {remember, here, paint, between};
})();
