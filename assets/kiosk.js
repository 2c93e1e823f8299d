// The wall screen: ?kiosk on any page leaves the page alone on the screen, and /views?kiosk shows views in turn.
//
//   vigie.kiosk.on()      whether the page is shown this way
//   vigie.kiosk.fill()    asks the browser for the whole screen; within a click
(function () {
  'use strict';
  const vigie = window.vigie = window.vigie || {};
  const clientside = window.dash_clientside = window.dash_clientside || {};
  const IDLE = 3000;        // ms until cursor and buttons go
  const BEAT = 250;         // ms between two looks at the clock
  const ANSWER = 15000;     // ms until a view is asked for once more
  const html = document.documentElement;
  let bar = null, idle = 0, lock = null, filled = false;

  const on = () => new URLSearchParams(location.search).has('kiosk');
  const query = selector => document.querySelector('#react-entry-point ' + selector);

  // ---- the frame of any page

  const SHAPES = {
    exit: 'M4 4 12 12M12 4 4 12', previous: 'M10 3 5 8 10 13', next: 'M6 3 11 8 6 13', pause: 'M5 3V13M11 3V13', go: 'M5 3 12 8 5 13Z',
  };

  function button(name, words, act) {
    const made = document.createElement('button');
    made.type = 'button';
    made.className = 'kiosk-button kiosk-' + name;
    made.innerHTML = '<svg viewBox="0 0 16 16" width="18" height="18" aria-hidden="true"><path d="' + SHAPES[name] + '"></path></svg>';
    label(made, words);
    made.addEventListener('click', act);
    return made;
  }

  function label(made, words) { made.title = words; made.setAttribute('aria-label', words); }

  function element(tag, css) {
    const made = document.createElement(tag);
    made.className = css;
    return made;
  }

  function build() {
    bar = element('div', 'kiosk-bar');
    const say = vigie.words;
    bar.title_ = element('span', 'kiosk-title');
    bar.count = element('span', 'kiosk-count num');
    bar.said = element('span', 'kiosk-said');
    bar.clock = element('time', 'kiosk-clock num');
    bar.dot = element('span', 'live-dot');
    bar.line = element('span', 'kiosk-line');
    bar.hold = button('pause', say('kiosk_pause', 'Stay on this view'), () => pause(!wall.paused));
    const tools = element('span', 'kiosk-tools');
    bar.turns = element('span', 'kiosk-turns');
    bar.turns.append(button('previous', say('kiosk_previous', 'Previous view'), () => ask(-1)), bar.hold,
      button('next', say('kiosk_next', 'Next view'), () => ask(1)));
    tools.append(bar.turns, button('exit', say('kiosk_exit', 'Leave the full screen'), exit));
    bar.append(bar.title_, bar.count, bar.said, tools, bar.clock, bar.dot, bar.line);
    document.body.append(bar);
  }

  function enter() {
    if (!bar) build();
    bar.hidden = false;
    html.classList.add('kiosk');
    named();
    live();
    awake();
    moved();
  }

  function leave() {
    html.classList.remove('kiosk', 'is-idle');
    if (bar) bar.hidden = true;
    clearTimeout(idle);
    if (lock) { lock.release().catch(() => {}); lock = null; }
  }

  // The address rules: whatever changes it, the frame follows.
  function follow() { if (on()) enter(); else if (html.classList.contains('kiosk')) leave(); }

  function named() {
    const head = query('#main h1');
    bar.title_.textContent = head ? head.textContent : document.title.replace(/ – Vigie$/, '');
  }

  function live() { if (bar) bar.classList.toggle('is-off', /offline|stale/.test(document.body.dataset.live || '')); }

  function exit() {
    const at = new URL(location.href);
    ['kiosk', 'every', 'views'].forEach(name => at.searchParams.delete(name));
    if (document.fullscreenElement) document.exitFullscreen().catch(() => {});
    location.assign(at.pathname + vigie.query(Object.fromEntries(at.searchParams)));
  }

  function moved() {
    if (!bar || bar.hidden) return;
    html.classList.remove('is-idle');
    clearTimeout(idle);
    idle = setTimeout(() => html.classList.add('is-idle'), IDLE);
  }

  // The screen stays on, where the browser can; it forgets when the tab was hidden.
  function awake() {
    if (!navigator.wakeLock || lock || document.hidden) return;
    navigator.wakeLock.request('screen').then(got => {
      lock = got;
      got.addEventListener('release', () => { lock = null; });
    }, () => {});
  }

  document.addEventListener('fullscreenchange', () => {
    if (document.fullscreenElement) { filled = true; return; }
    if (filled && on()) exit();
    filled = false;
  });
  document.addEventListener('visibilitychange', () => { if (on()) awake(); });
  ['mousemove', 'pointerdown', 'keydown', 'touchstart'].forEach(kind => document.addEventListener(kind, event => {
    // Chromium sends a move when what lies below the pointer changes: a chart that comes is no hand.
    if (kind === 'mousemove' && !event.movementX && !event.movementY) return;
    moved();
    if (kind !== 'keydown' && html.classList.contains('kiosk')) wall.touched = performance.now();
  }, {passive: true}));
  document.addEventListener('vigie:live', live);
  document.addEventListener('vigie:frame', event => {
    if (bar && !bar.hidden && vigie.format) bar.clock.textContent = vigie.format.clock(event.detail.t);
  });
  window.addEventListener('popstate', () => setTimeout(follow, 0));
  window.addEventListener('_dashprivate_pushstate', () => setTimeout(follow, 0));

  // Charts take the height they are given when they are drawn: a screen of another size draws them anew.
  let resized = 0;
  window.addEventListener('resize', () => {
    if (!on()) return;
    clearTimeout(resized);
    resized = setTimeout(() => { if (vigie.charts) vigie.charts.look({}); }, 250);
  });

  // ---- views in turn

  const wall = {n: 0, paused: false, touched: -1e9, begun: 0, asked: 0, shown: null, version: ''};
  const root = () => query('.wall');
  const now = () => performance.now();
  const offline = () => document.body.dataset.live === 'offline';

  function pause(stay) {
    wall.paused = stay;
    wall.begun = now();
    bar.hold.querySelector('path').setAttribute('d', SHAPES[stay ? 'go' : 'pause']);
    label(bar.hold, stay ? vigie.words('kiosk_go', 'Go on in turn') : vigie.words('kiosk_pause', 'Stay on this view'));
    bar.said.textContent = stay ? vigie.words('kiosk_paused', 'Stays on this view') : '';
    line(0);
  }

  function line(share) { bar.line.style.transform = 'scaleX(' + share.toFixed(3) + ')'; }

  function ask(by) {
    if (!root() || offline()) return;
    wall.asked = now();
    wall.n += 1;
    const shown = wall.shown || {};
    vigie.props('wall-step', {data: {
      n: wall.n, by, view: shown.view === undefined ? null : shown.view, index: shown.index || 0, stamp: shown.stamp || 0,
      flip: Boolean(shown.flip), views: root().dataset.views,
    }});
  }

  // A single look each quarter of a second; the hairline moves once a second, since what moves costs a redraw.
  let second = 0, last = 0;
  function beat() {
    const at = now(), passed = at - last;
    last = at;
    if (!root() || !bar || bar.hidden || !wall.shown) return;
    const every = Math.max(Number(root().dataset.wall) || 30, 1) * 1000;
    const single = wall.shown.count < 2;
    bar.turns.hidden = single;
    if (at - wall.touched < IDLE || wall.paused || document.hidden) { wall.begun += passed; return; }
    const share = (at - wall.begun) / every;
    if (Math.floor(at / 1000) !== second) { second = Math.floor(at / 1000); line(single ? 0 : Math.min(share, 1)); }
    if (share >= 1 && at - wall.asked > (wall.waiting ? ANSWER : 0) && !offline()) { wall.waiting = true; ask(1); }
  }
  setInterval(beat, BEAT);

  clientside.wall = {
    shown: function (told) {
      if (!told) return clientside.no_update;
      // An old answer that comes late is passed over.
      if (told.n !== 0 && told.n !== wall.n) return clientside.no_update;
      if (told.n === 0) { wall.n = 0; wall.paused = false; }
      if (wall.version && told.version !== wall.version) { location.reload(); return clientside.no_update; }
      wall.version = told.version;
      wall.shown = told;
      wall.waiting = false;
      wall.begun = now();
      follow();
      if (bar) {
        bar.title_.textContent = told.name || document.title.replace(/ – Vigie$/, '');
        bar.count.textContent = told.count > 1 ? (told.index + 1) + ' / ' + told.count : '';
        line(0);
      }
      return clientside.no_update;
    },
  };
  (vigie.pages = vigie.pages || {}).wall = {
    params: () => ({every: new URLSearchParams(location.search).get('every'), views: root() && root().dataset.views}),
  };

  // Before the keys of charts: on a wall screen the arrows turn pages.
  document.addEventListener('keydown', event => {
    if (!on() || event.ctrlKey || event.metaKey || event.altKey || document.querySelector('dialog[open]')) return;
    const act = event.key === 'Escape' ? exit : !root() ? null : event.key === 'ArrowRight' ? () => ask(1)
      : event.key === 'ArrowLeft' ? () => ask(-1) : event.key === ' ' ? () => pause(!wall.paused) : null;
    if (!act || (event.key === ' ' && event.target.closest('button'))) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    act();
  }, true);

  // Dash keeps every change that a script makes for an undo that we do not offer. A page that stays open for days would
  // carry all its frames: they are dropped now and then.
  function forget() {
    (window.dash_stores || []).forEach(store => {
      const kept = store.getState().history;
      if (kept && kept.past && kept.past.length > 100) kept.past.length = 0;
    });
  }
  setInterval(forget, 30000);

  vigie.kiosk = {
    on, forget,
    fill: () => { if (html.requestFullscreen) html.requestFullscreen().catch(() => {}); },
  };
  const start = () => { if (on()) enter(); };
  if (document.readyState === 'loading') document.addEventListener('DOMContentLoaded', start); else start();
  // The page's name is known once Dash has drawn it.
  new MutationObserver((_list, watch) => {
    if (!query('#main h1')) return;
    watch.disconnect();
    if (on()) named();
  }).observe(document.documentElement, {childList: true, subtree: true});
})();
