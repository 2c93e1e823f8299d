// The Explore page: its charts and the controls over them. What an edit means is decided on the server
// (components/explore_edits.py); here it is asked for, and the page brought into order afterwards.
//
//   vigie.explore.ask(action)   an edit, one after the other; `slot` names a chart, see the server for the rest
//   vigie.explore.list()        the charts in order: [[slot, text]...]
//   vigie.explore.into(slot, edit)  what is searched next goes into that chart ('join') or is compared with it ('versus')
(function () {
  'use strict';
  const vigie = window.vigie = window.vigie || {};
  const clientside = window.dash_clientside = window.dash_clientside || {};
  clientside.vigie = clientside.vigie || {};
  const WAIT = 20000;  // ms for an answer
  const BASE = '1h';
  const REDRAWS = new Set(['kind', 'aggregate', 'by', 'rate', 'compare', 'filter', 'unfilter', 'drop', 'join', 'versus']);
  let list = [], queue = [], busy = null, counter = 0;
  const open = new Set();  // slots whose controls are unfolded on a phone
  let filtering = null;  // the slot whose filter is open

  const root = () => {
    const at = vigie.timebar && vigie.timebar.here();
    return at && at.dataset.page === 'explore' ? at : null;
  };
  const slotOf = node => { const at = node.closest('[data-slot]'); return at ? Number(at.dataset.slot) : null; };
  const place = slot => document.querySelector('#react-entry-point [data-slot="' + slot + '"]');
  const block = slot => { const at = place(slot); return at && at.querySelector('.explore-block'); };
  const search = () => vigie.exploreSearch;

  // ---- asking

  function ask(action) {
    queue.push(action);
    pump();
  }

  function pump() {
    while (!busy && queue.length) {
      const action = Object.assign({}, queue.shift());
      if (action.slot !== undefined) {
        action.at = list.findIndex(([slot]) => slot === action.slot);
        if (action.at < 0) continue;
      }
      const slot = action.at === undefined || !list.length ? null : list[(action.at + list.length) % list.length][0];
      busy = {n: counter += 1, action, slot, focus: focused(), timer: setTimeout(lost, WAIT)};
      if (slot !== null && REDRAWS.has(action.do)) keep(slot);
      vigie.props('explore-ask', {data: {n: busy.n, list, action}});
    }
  }

  function lost() {
    busy = null;
    document.querySelectorAll('.explore-ghost').forEach(node => node.remove());
    vigie.toast(vigie.words('down', 'No connection'), 'error');
    pump();
  }

  clientside.vigie.explored = function (state) {
    if (!state || !busy || state.n !== busy.n) return clientside.no_update;
    const done = busy;
    clearTimeout(done.timer);
    busy = null;
    if (state.error) {
      vigie.toast(state.error, 'error');
      drop(done.slot);
      const select = done.slot !== null && block(done.slot).querySelector('select[data-edit=' + done.action.do + ']');
      if (select) Array.from(select.options).forEach(option => { if (option.defaultSelected) option.selected = true; });
    } else {
      const before = new Set(list.map(([slot]) => slot));
      list = state.list;
      const added = list.filter(([slot]) => !before.has(slot)).map(([slot]) => slot);
      settle(() => finished(done, added), 0);
      if (done.action.do !== 'show') vigie.timebar.remember();
    }
    setTimeout(pump, 0);
    return clientside.no_update;
  };

  // React draws in its own time: what is done to the new parts waits for them.
  function settle(then, tries) {
    const ready = list.every(([slot, text]) => block(slot) && block(slot).dataset.text === text);
    if (!ready && tries < 120) { requestAnimationFrame(() => settle(then, tries + 1)); return; }
    arrange();
    then();
  }

  function arrange() {
    const at = root();
    if (!at) return;
    const box = at.querySelector('.explore-charts');
    const wanted = list.map(([slot]) => place(slot)).filter(Boolean);
    const now = Array.from(box.children).filter(node => wanted.includes(node));
    if (wanted.some((node, i) => now[i] !== node)) box.prepend(...wanted);
    at.classList.toggle('has-charts', list.length > 0);
    wanted.forEach((node, i) => {
      const up = node.querySelector('[data-edit=up]'), down = node.querySelector('[data-edit=down]');
      if (up) { up.disabled = i === 0; down.disabled = i === wanted.length - 1; }
      const unfolded = open.has(Number(node.dataset.slot));
      node.classList.toggle('is-open', unfolded);
      const pencil = node.querySelector('[data-pencil]');
      if (pencil) pencil.setAttribute('aria-expanded', String(unfolded));
    });
  }

  function finished(done, added) {
    if (filtering !== null && block(filtering)) {
      const details = block(filtering).querySelector('.explore-filter');
      if (details) {
        details.open = true;
        vigie.exploreFilter.fill(details, block(filtering).dataset);
      } else filtering = null;
    } else filtering = null;
    refocus(done);
    if (added.length && done.action.do !== 'show') {
      place(added[added.length - 1]).scrollIntoView({block: 'nearest'});
    }
    if (done.slot !== null && !list.some(([slot]) => slot === done.slot)) drop(done.slot);
  }

  // ---- the hand stays where it was, though the control is a new one

  function focused() {
    const at = document.activeElement;
    if (!at || !at.dataset || !at.dataset.edit || slotOf(at) === null) return null;
    return {slot: slotOf(at), edit: at.dataset.edit, value: at.dataset.value, label: at.dataset.label};
  }

  function refocus(done) {
    const was = done.focus, at = document.activeElement;
    if (!was || (at && at !== document.body && at.isConnected && !at.matches('main'))) return;
    const box = place(was.slot);
    const same = box && Array.from(box.querySelectorAll('[data-edit="' + was.edit + '"]')).find(node =>
      was.edit === 'kind' ? node.getAttribute('aria-checked') === 'true' : node.dataset.value === was.value && node.dataset.label === was.label);
    const next = same && !same.disabled ? same : box && box.querySelector('.explore-kind[aria-checked=true]');
    if (next) next.focus({preventScroll: true});
    else if (list.length && was.edit === 'remove') {
      const near = block(list[Math.min(done.action.at, list.length - 1)][0]);
      near.querySelector('[data-edit=remove]').focus();
    } else if (root()) root().querySelector('[data-search]').focus();
  }

  // ---- a chart that is drawn anew shows what it showed until then

  function keep(slot) {
    const at = place(slot), plot = at && at.querySelector('.chart-plot'), body = at && at.querySelector('.chart-body');
    if (!plot || !plot.firstElementChild) return;
    drop(slot);
    const ghost = document.createElement('div'), box = body.getBoundingClientRect(), own = at.getBoundingClientRect();
    ghost.className = 'explore-ghost';
    ghost.setAttribute('aria-hidden', 'true');
    ghost.style.cssText = 'right:' + (own.right - box.right) + 'px;bottom:' + (own.bottom - box.bottom) +
      'px;width:' + box.width + 'px;height:' + box.height + 'px';
    ghost.append(plot.cloneNode(true));
    ghost.querySelectorAll('.modebar, .hoverlayer').forEach(node => node.remove());
    at.append(ghost);
    setTimeout(() => ghost.remove(), 6000);
  }

  function drop(slot) {
    const at = slot === null ? null : place(slot);
    if (at) at.querySelectorAll(':scope > .explore-ghost').forEach(node => node.remove());
  }

  function drawn() {
    document.querySelectorAll('#react-entry-point .explore-ghost').forEach(ghost => {
      const chart = ghost.parentElement.querySelector('[data-chart]');
      const fresh = chart && (!busy || slotOf(chart) !== busy.slot);
      if (!chart || fresh && (chart.dataset.drawn || chart.dataset.state !== 'loading')) ghost.remove();
    });
  }

  // ---- controls

  function click(event) {
    const at = event.target.closest ? event.target : null;
    if (!at || !root()) return;
    const start = at.closest('[data-start]');
    if (start) { ask({do: 'add', texts: start.dataset.start.split(';')}); return; }
    if (at.closest('[data-save-view]')) {
      const ids = list.map(([, text]) => 'q:' + text);
      document.dispatchEvent(new CustomEvent('vigie:chart-action', {detail: {action: 'view', ids, id: ids[0], title: ''}}));
      return;
    }
    const pencil = at.closest('[data-pencil]');
    if (pencil) {
      const slot = slotOf(pencil);
      if (!open.delete(slot)) open.add(slot);
      arrange();
      return;
    }
    const button = at.closest('.explore-row button[data-edit]');
    if (!button) {
      if (filtering !== null && !at.closest('.explore-filter')) close();
      return;
    }
    const data = button.dataset, slot = slotOf(button);
    if (data.edit === 'metric') { into(slot, 'join'); return; }
    if (data.edit === 'kind' && button.getAttribute('aria-checked') === 'true') return;
    if (data.edit === 'remove') { open.delete(slot); if (filtering === slot) filtering = null; }
    const action = {do: data.edit, slot};
    if (data.value !== undefined) action.value = data.value;
    if (data.label !== undefined) action.label = data.label;
    ask(action);
  }

  function change(event) {
    const select = event.target.closest && event.target.closest('.explore-row select[data-edit]');
    if (!select || !root()) return;
    const slot = slotOf(select), value = select.value;
    if (value === 'other') {
      Array.from(select.options).forEach(option => { if (option.defaultSelected) option.selected = true; });
      into(slot, 'versus');
    } else if (value !== 'versus') ask({do: select.dataset.edit, slot, value});
  }

  function into(slot, edit) {
    const at = block(slot);
    if (at && search()) search().into({slot, edit, title: at.dataset.title});
  }

  function close() {
    if (filtering === null) return;
    const details = block(filtering) && block(filtering).querySelector('.explore-filter');
    filtering = null;
    if (details) details.open = false;
  }

  document.addEventListener('toggle', event => {
    const details = event.target;
    if (!details.matches || !details.matches('.explore-filter') || !root()) return;
    const slot = slotOf(details);
    if (!details.open) { if (filtering === slot) filtering = null; return; }
    if (filtering !== null && filtering !== slot) close();
    filtering = slot;
    vigie.exploreFilter.fill(details, block(slot).dataset);
  }, true);

  document.addEventListener('keydown', event => {
    if (event.key !== 'Escape' || filtering === null || !root()) return;
    const summary = block(filtering).querySelector('.explore-filter > summary');
    close();
    summary.focus();
    event.stopPropagation();
  }, true);

  document.addEventListener('click', click);
  document.addEventListener('change', change);
  document.addEventListener('vigie:drawn', drawn);
  document.addEventListener('vigie:frame', drawn);

  // ---- the page, and the way to it

  (vigie.pages = vigie.pages || {}).explore = {
    params: () => ({q: list.map(([, text]) => text).join(';')}),
    restore: query => {
      const q = query.get('q') || '';
      if (q !== list.map(([, text]) => text).join(';') || busy || queue.length) { queue = []; ask({do: 'show', q}); }
    },
    entered: view => {
      if (busy) clearTimeout(busy.timer);
      list = view.list;
      queue = [];
      busy = null;
      filtering = null;
      open.clear();
      settle(() => {
        if (search()) search().entered();
        if (!list.length && matchMedia('(hover: hover)').matches && document.activeElement === document.body) {
          const input = root() && root().querySelector('[data-search]');
          if (input) input.focus({preventScroll: true});
        }
      }, 0);
    },
  };

  // "Open in Explore" of a chart's menu, on any page.
  document.addEventListener('vigie:chart-action', event => {
    const {action, id} = event.detail;
    if (action !== 'explore') return;
    const section = document.querySelector('#react-entry-point [data-chart="' + CSS.escape(id) + '"]');
    const text = id.startsWith('q:') ? id.slice(2) : section && section.dataset.drawing;
    if (!text) return;
    const view = vigie.charts.view;
    history.pushState(null, '', vigie.url('/explore') + vigie.query({
      q: text, window: view.window === BASE ? null : view.window, from: view.from, to: view.to,
    }));
    window.dispatchEvent(new CustomEvent('_dashprivate_pushstate'));  // as dcc.Link does
    window.scrollTo(0, 0);
  });

  vigie.explore = {ask, into, list: () => list};
})();
