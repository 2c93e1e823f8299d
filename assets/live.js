// The live feed: one plain WebSocket, only while the page is looked at; polling through Dash while it is down.
//
//   vigie.live.want(name, keys)   series that the part `name` of the page wants; an empty list takes it back
//   vigie.live.state              wait, live, polling, stale, offline or hidden; also <body data-live>
//   vigie.props(id, values)       dash_clientside.set_props, without effect on a component that has left the page
//   'vigie:live' on document      detail {state, since}: the state changed (since: epoch ms of the newest values)
//   'vigie:news' on document      something happened that is no value: see news.js
//   'vigie:resume' on document    values were missed: fetch your window again
//
// A frame goes into the dcc.Store `live-frame` as {q, t, keys, v}: t epoch ms, v one value or null for each key.
(function () {
  'use strict';
  const vigie = window.vigie = window.vigie || {};
  const TOPICS = ['config', 'alerts', 'notices'], PATIENCE = 2500, SLOWEST = 10000, SILENCE = 10000;
  const wants = new Map();
  const EARLY = 250, MOST_HELD = 60, held = [];
  let shown = 0;
  let socket = null, keys = [], sent = -1, q = null, tries = 0, timer = null, down = 0, polling = false, started = false;

  function config() {
    const block = document.getElementById('_dash-config');
    return block ? JSON.parse(block.textContent) : {};
  }

  function prefix() { return config().requests_pathname_prefix || '/'; }

  // A component that has just left the page is still in Dash's index of paths: there may be nothing at its path, for
  // which set_props throws, or another component, which would get the values.
  const props = vigie.props = function (id, values) {
    const api = window.dash_component_api;
    let there;
    try { there = api.getLayout(id); } catch (error) { return; }
    if (!there || !there.props || api.stringifyId(there.props.id) !== api.stringifyId(id)) return;
    window.dash_clientside.set_props(id, values);
  };

  function say(state) {
    if (live.state === state) return;
    live.state = state;
    document.body.dataset.live = state;
    document.dispatchEvent(new CustomEvent('vigie:live', {detail: {state: state, since: live.t}}));
  }

  // Keys only ever join the list while a socket lives, so that a frame made for a shorter list still fits its start.
  function gather() {
    const wanted = new Set();
    wants.forEach(list => list.forEach(key => wanted.add(key)));
    if (!socket) keys = [];
    const known = new Set(keys);
    wanted.forEach(key => { if (!known.has(key)) keys.push(key); });
    if (keys.length > 64 && keys.length > 3 * wanted.size && socket) { socket.close(4000); return; }
    if (polling) props('live-want', {data: Array.from(wanted)});
    if (socket && socket.readyState === 1 && sent !== keys.length) {
      sent = keys.length;
      socket.send(JSON.stringify(vigie.guest ? {subscribe: keys} : {subscribe: keys, topics: TOPICS}));
    }
  }

  let gathering = 0;
  function want(name, list) {
    if (list && list.length) wants.set(name, Array.from(list)); else wants.delete(name);
    if (!gathering) gathering = setTimeout(() => { gathering = 0; gather(); }, 30);
  }

  function poll(on) {
    if (polling === on) return;
    polling = on;
    if (on) gather();
    props('live-poll', on ? {disabled: false, interval: live.refresh} : {disabled: true});
  }

  function tell(frame) {
    const detail = Object.assign({}, frame, {topic: frame.news});
    document.dispatchEvent(new CustomEvent('vigie:news', {detail: detail}));
  }

  function arrived(frame) {
    live.t = frame.t;
    live.offset = frame.t - Date.now();
    live.seen = Date.now();
  }

  function message(event) {
    let frame;
    try { frame = JSON.parse(event.data); } catch (error) { return; }
    if (frame && frame.news) { tell(frame); return; }
    if (!frame || !Array.isArray(frame.v)) return;  // the flat rows before the first subscribe
    if (q !== null && frame.q > q + 1) document.dispatchEvent(new CustomEvent('vigie:resume'));
    q = frame.q;
    tries = 0;
    down = 0;
    poll(false);
    arrived(frame);
    say('live');
    // Between two refreshes values wait; the charts then get them all.
    const now = Date.now();
    if (now - shown < live.refresh - EARLY && held.length < MOST_HELD) { held.push([frame.t, frame.v]); return; }
    shown = now;
    const data = {q: frame.q, t: frame.t, keys: keys.slice(0, frame.v.length), v: frame.v};
    if (held.length) data.back = held.splice(0);
    props('live-frame', {data: data});
  }

  function connect() {
    timer = null;
    if (socket || document.hidden) return;
    const at = (location.protocol === 'https:' ? 'wss://' : 'ws://') + location.host + prefix() + 'ws/metrics';
    const mine = socket = new WebSocket(at);
    const missed = q !== null;
    sent = -1;
    mine.onopen = () => {
      q = null;
      held.length = 0;
      gather();
      if (missed || tries) document.dispatchEvent(new CustomEvent('vigie:resume'));
    };
    mine.onmessage = message;
    mine.onclose = event => {
      if (socket !== mine) return;
      socket = null;
      if (document.hidden) return;
      if (event.code === 4401) { signIn(); return; }
      if (!down) down = Date.now();
      again(event.code === 4000 ? 0 : undefined);
    };
  }

  function signIn() {
    if (vigie.guest) { location.reload(); return; }  // what says why the link is no good
    location.assign(prefix() + 'login?next=' + encodeURIComponent(location.pathname + location.search));
  }

  // Asks over HTTP why the socket fails: signed out, server away, or only sockets refused.
  function probe() {
    if (vigie.guest) {
      return fetch(prefix(), {method: 'HEAD', credentials: 'omit', cache: 'no-store'}).then(answer => {
        if ([403, 404, 410].includes(answer.status)) location.reload();
        return answer.status < 500;
      }, () => false);
    }
    return fetch(prefix() + 'api/metrics/latest', {credentials: 'same-origin', cache: 'no-store'}).then(
      answer => {
        if (answer.status === 401) signIn();
        return answer.status < 500;
      }, () => false);
  }

  function again(delay) {
    if (timer || document.hidden) return;
    const wait = delay !== undefined ? delay : Math.min(SLOWEST, 500 * 2 ** tries) * (0.8 + 0.4 * Math.random());
    tries += 1;
    timer = setTimeout(() => {
      if (delay !== undefined) { connect(); return; }
      probe().then(there => {
        if (socket || document.hidden) { timer = null; return; }
        if (!there) say('offline');
        else if (Date.now() - down > PATIENCE) { poll(true); say('polling'); }
        connect();
      });
    }, wait);
  }

  function watch() {
    if (document.hidden || !live.seen) return;
    if (Date.now() - live.seen > SILENCE && (live.state === 'live' || live.state === 'polling')) say('stale');
  }

  document.addEventListener('visibilitychange', () => {
    if (document.hidden) {
      if (socket) { const old = socket; socket = null; old.close(1000); }
      poll(false);
      say('hidden');
    } else {
      clearTimeout(timer);
      timer = null;
      tries = 0;
      down = 0;
      q = -1;  // something was missed, whatever comes
      say('wait');
      connect();
    }
  });
  window.addEventListener('online', () => { clearTimeout(timer); timer = null; connect(); });

  const live = vigie.live = {
    want: want,
    state: 'wait',
    t: 0,        // epoch ms of the newest values
    offset: 0,   // server clock minus this one, ms
    seen: 0,
    refresh: 1000,  // ms between two refreshes of the page, as configured
    // Called by the page once Dash has drawn it.
    start: function () {
      if (started) return;
      started = true;
      document.body.dataset.live = live.state;
      live.refresh = Number(vigie.page && vigie.page.refresh) || live.refresh;
      connect();
      setInterval(watch, 2000);
    },
    // Called for every frame in the Store, also for those that polling brought.
    frame: function (frame) {
      if (!frame || !frame.t) return;
      if (frame.q === undefined || frame.q === null) { arrived(frame); if (polling) say('polling'); }
      document.dispatchEvent(new CustomEvent('vigie:frame', {detail: frame}));
    },
  };

  const clientside = window.dash_clientside = window.dash_clientside || {};
  clientside.vigie = clientside.vigie || {};
  clientside.vigie.frame = function (frame) {
    live.start();
    live.frame(frame);
    return clientside.no_update;
  };
})();
