// What fires now, a card each. A card keeps its place while others come and go, and stays, marked as over, until it is
// cleared or the page is left: nothing jumps under the hand. Its chart is Dash's (callbacks/alerts.py).
(function () {
  'use strict';
  const vigie = window.vigie = window.vigie || {};
  const A = vigie.alerts;
  const POLL = 10000, AROUND = 600000, MOST_TAGS = 6;
  const cards = new Map();   // id -> {slot, alert, series}
  let alerts = [], rules = null, last = null, asked = 0, wanted = '', stories = new Map(), version = 0, polled = 0;

  const panel = () => A.page() && A.page().querySelector('.al-panel-firing');
  const places = () => Array.from(panel().querySelectorAll('.al-card'));
  const place = slot => panel().querySelector(`.al-card[data-slot="${slot}"]`);
  const shownNow = () => A.page() && A.tab() === 'firing';

  // ---- asking

  async function load() {
    if (!A.page()) return;
    const mine = version += 1;
    polled = Date.now();
    try {
      const [active, book] = await Promise.all([
        vigie.api('GET', '/api/v1/alerts?pending=true'), !rules ? vigie.api('GET', '/api/v1/alerts/rules') : null,
      ]);
      if (mine !== version || !A.page()) return;
      if (book) rules = book.data;
      alerts = active.data;
      const firing = alerts.filter(one => one.state === 'firing');
      if (!firing.length && !last) last = (await vigie.api('GET', '/api/v1/alerts/history?limit=1')).data[0] || null;
      if (!A.page()) return;
      paint();
    } catch (error) {
      if (mine === version && A.page()) state('is-critical', A.say('away'), [A.errors(error)]);
    }
  }

  // ---- the sentence on top

  function state(css, words, more, extra) {
    const at = panel().querySelector('.al-state');
    const text = JSON.stringify([css, words, more, extra ? extra.textContent : '']);
    if (at.dataset.shown === text) return;
    at.dataset.shown = text;
    at.className = 'al-state panel ' + css;
    at.replaceChildren(A.el('p', 'al-state-words', words), ...more.filter(Boolean).map(line => (line instanceof Node ? line : A.el('p', 'muted', line))));
    if (extra) at.append(extra);
  }

  function head(firing) {
    A.count('firing', firing.length);
    const over = Array.from(cards.values()).filter(card => card.alert.state === 'resolved').length;
    const clear = over ? A.button(A.say('clear', {count: over}), '', {alClear: '1'}) : null;
    if (firing.length) {
      const worst = firing[0].severity, told = firing.filter(one => one.muted).length, free = firing.filter(one => !one.acknowledged).length;
      state(A.severity(worst), A.say('firing', {count: firing.length}), [
        told ? A.say(firing.length === told ? 'all_muted' : 'muted_count', {count: told}) : '',
        A.say(free === firing.length ? 'none_acknowledged' : free ? 'unacknowledged' : 'all_acknowledged', {count: free || firing.length}),
      ], clear);
      return;
    }
    const on = (rules || []).filter(rule => rule.enabled), series = on.reduce((sum, rule) => sum + (rule.series || 0), 0);
    const lines = [last ? A.say('last', {time: A.when(last.fired), name: last.name}) : A.say('never'),
      A.say('watching', {rules: on.filter(rule => !rule.waiting).length, series: vigie.format.number(series, 0)})];
    const waiting = on.filter(rule => rule.waiting), wrong = on.filter(rule => rule.problem);
    if (waiting.length) lines.push(A.say('waiting', {count: waiting.length, names: waiting.slice(0, 4).map(rule => rule.words).join(', ') + (waiting.length > 4 ? ', …' : '')}));
    if (wrong.length) lines.push(A.el('p', 'al-bad', A.say('wrong_rules', {count: wrong.length, names: wrong.map(rule => rule.words).join(', ')})));
    state(wrong.length ? 'is-warning' : 'is-ok', A.say('quiet'), lines, clear);
  }

  // ---- cards

  function paint() {
    const firing = alerts.filter(one => one.state === 'firing');
    const known = new Map(firing.map(one => [one.id, one])), box = panel().querySelector('.al-cards');
    cards.forEach((card, id) => {
      const now = known.get(id);
      if (now) card.alert = now;
      else if (card.alert.state !== 'resolved') { card.alert = Object.assign({}, card.alert, {state: 'resolved', resolved: A.now()}); fetchOver(card); }
    });
    firing.forEach(one => { if (!cards.has(one.id)) seat(one); });
    arrange(box);
    charts();
    head(firing);
    rest(firing.filter(one => !cards.has(one.id)), alerts.filter(one => one.state === 'pending'));
    want();
    focusAsked();
  }

  async function fetchOver(card) {
    try {
      const now = await vigie.api('GET', '/api/v1/alerts/one/' + card.alert.id);
      if (cards.get(now.id) !== card || now.state !== 'resolved') return;
      card.alert = now;
      last = now;
      fill(card);
    } catch (error) { /* the card says that it is over, without more */ }
  }

  function free() {
    const taken = new Set(Array.from(cards.values()).map(card => card.slot));
    const at = places().find(one => !taken.has(Number(one.dataset.slot)));
    if (at) return Number(at.dataset.slot);
    const over = Array.from(cards).find(([, card]) => card.alert.state === 'resolved' && !place(card.slot).contains(document.activeElement));
    if (!over) return null;
    const slot = over[1].slot;
    clear(over[0]);
    return slot;
  }

  function seat(alert) {
    const slot = free();
    if (slot === null) return;
    cards.set(alert.id, {slot, alert, series: null});
    place(slot).hidden = false;
    place(slot).dataset.alert = alert.id;
  }

  function clear(id) {
    const card = cards.get(id), at = place(card.slot);
    cards.delete(id);
    stories.delete(id);
    at.hidden = true;
    delete at.dataset.alert;
    delete at.dataset.made;
    at.querySelector('.al-card-main').replaceChildren();
  }

  // The worst first, as the server orders them; those that are over keep where they are. Not while a hand types in one.
  function arrange(box) {
    const rank = new Map(alerts.map((one, i) => [one.id, i]));
    const order = Array.from(cards).map(([id, card], i) => ({id, card, at: rank.has(id) ? rank.get(id) : i + 0.5})).sort((a, b) => a.at - b.at);
    if (!A.busy(box)) {
      const wish = order.map(one => place(one.card.slot)), shown = Array.from(box.children).filter(node => !node.hidden);
      if (wish.some((node, i) => shown[i] !== node)) box.prepend(...wish);
    }
    order.forEach(one => fill(one.card));
  }

  // One chart for a series: the first card of it has the chart, with the limits of all.
  function charts() {
    const first = new Map(), ask = [];
    Array.from(panel().querySelectorAll('.al-card:not([hidden])')).forEach(at => {
      const card = cards.get(at.dataset.alert);
      if (!card) return;
      const key = card.alert.series, held = first.get(key);
      if (!held) first.set(key, card);
      at.querySelector('.al-same').textContent = held ? A.say('same_chart', {name: held.alert.name}) : '';
    });
    cards.forEach(card => {
      const mine = first.get(card.alert.series) === card ? card.alert.series : null;
      if (card.series !== mine) { card.series = mine; ask.push([card.slot, mine]); }
      const limits = Array.from(cards.values()).filter(one => mine && one.alert.series === mine && drawable(one.alert)).map(one => [one.alert.threshold, one.alert.severity]);
      const text = JSON.stringify(limits);
      if (place(card.slot).dataset.limits !== text) { place(card.slot).dataset.limits = text; document.dispatchEvent(new CustomEvent('vigie:limits')); }
      place(card.slot).classList.toggle('has-chart', Boolean(mine));
    });
    const taken = new Set(Array.from(cards.values()).map(card => card.slot));
    places().forEach(at => {
      const slot = Number(at.dataset.slot);
      if (!taken.has(slot) && at.querySelector('[data-chart]') && !ask.some(one => one[0] === slot)) ask.push([slot, null]);
    });
    if (ask.length) vigie.props('alerts-ask', {data: {n: asked += 1, list: ask}});
  }
  const ruleOf = alert => (rules || []).find(rule => rule.id === alert.rule);
  // A growth is of another scale than what is drawn.
  const drawable = alert => { const rule = ruleOf(alert); return !rule || rule.function !== 'increase'; };

  function make(at) {
    if (at.dataset.made) return;
    at.dataset.made = '1';
    at.querySelector('.al-card-main').replaceChildren(
      A.el('div', 'al-card-head', A.el('span', 'al-severity'), A.el('h2', 'al-name'), A.el('span', 'al-since num')),
      A.el('p', 'al-words'), A.el('div', 'al-chips'), A.el('dl', 'al-facts'), A.el('p', 'al-note'), A.el('div', 'al-actions'),
      A.el('p', 'al-same muted'), A.el('div', 'al-story'),
    );
  }

  // A rule without a message says its name: then the series tells more.
  const sentence = alert => (alert.message === alert.name ? alert.series : alert.message);
  const write = (at, text) => { if (at.textContent !== text) at.textContent = text; };

  // Only what differs is touched, so that the focus and what is open stay.
  function fill(card) {
    const alert = card.alert, at = place(card.slot), over = alert.state === 'resolved', find = what => at.querySelector(what);
    make(at);
    at.className = 'panel al-card ' + (over ? 'is-over is-plain' : A.severity(alert.severity)) + (at.classList.contains('has-chart') ? ' has-chart' : '');
    at.setAttribute('aria-label', alert.name);
    write(find('.al-severity'), A.say(alert.severity));
    write(find('.al-name'), alert.name);
    write(find('.al-words'), sentence(alert));
    tick(card);
    const chips = [], add = (words, css) => chips.push([words, css || '']);
    if (over) add(A.say('is_over', {time: A.when(alert.resolved)}), 'is-ok');
    if (alert.acknowledged) add(A.say('acknowledged', {name: alert.acknowledged_by}));
    if (alert.flapping) add(A.say('flapping'), 'is-warning');
    if (alert.muted) add(muted(alert.muted));
    keyed(find('.al-chips'), chips, () => chips.map(([words, css]) => A.chip(words, css)));
    const rule = ruleOf(alert), labels = Object.entries(alert.labels).filter(([name]) => name !== 'scope').slice(0, MOST_TAGS).map(([name, value]) => name + '=' + value).join(' ');
    const facts = [
      ['value', A.say('value'), vigie.format.human(alert.value, alert.unit) + ' (' + A.say('limit') + ' ' + A.sign(alert.comparison) + ' ' + vigie.format.human(alert.threshold, alert.unit) + ')'],
      ['peak', A.say('peak'), vigie.format.human(alert.peak, alert.unit)],
      ['at', A.say('began'), A.when(alert.fired || alert.started)],
      ['server', A.say('server'), A.server(alert.server)], ['labels', A.say('labels'), labels], ['owner', A.say('owner'), alert.owner || A.say('nobody')],
    ].filter(one => one[2]);
    const list = find('.al-facts');
    if (list.dataset.names !== facts.map(one => one[0]).join()) {
      list.dataset.names = facts.map(one => one[0]).join();
      list.replaceChildren(...facts.map(([name, words]) => { const dd = A.el('dd', 'num'); dd.dataset.fact = name; return A.el('div', '', A.el('dt', '', words), dd); }));
    }
    facts.forEach(([name, , text]) => write(list.querySelector(`[data-fact=${name}]`), text));
    write(find('.al-note'), alert.note ? '“' + alert.note + '”' : '');
    const may = A.may, id = {alAct: '', alert: alert.id}, buttons = [];
    const put = (act, words, css) => buttons.push([act, words, css || '']);
    if (!over && may.acknowledge) {
      put('acknowledge', A.say(alert.acknowledged ? 'acknowledge_again' : 'acknowledge'), alert.acknowledged ? '' : 'button-primary');
      put('own', A.say(alert.owner === A.user() ? 'give_back' : 'take'));
    }
    if (!over && may.silence) put('silence', A.say('silence'));
    put('explore', A.say('explore'));
    put('moment', A.say('moment'));
    if (rule) put('rule', A.say('rule'));
    put('story', A.say(stories.has(alert.id) ? 'story_close' : 'story'));
    keyed(find('.al-actions'), buttons, () => buttons.map(([act, words, css]) => {
      const node = A.button(words, css, Object.assign({}, id, {alAct: act}));
      if (act === 'story') node.setAttribute('aria-expanded', String(stories.has(alert.id)));
      return node;
    }));
    story(card);
  }

  function keyed(at, list, build) {
    const text = JSON.stringify(list);
    if (at.dataset.shown === text) return;
    at.dataset.shown = text;
    const focused = at.contains(document.activeElement) ? document.activeElement.dataset.alAct : null;
    at.replaceChildren(...build());
    if (focused) { const again = at.querySelector(`[data-al-act=${focused}]`) || at.querySelector('button'); if (again) again.focus(); }
  }

  function muted(code) {
    const [kind, which] = code.split(':');
    if (kind === 'inhibited') { const rule = (rules || []).find(one => one.id === which); return A.say('inhibited', {name: rule ? rule.words : which}); }
    return A.say('silenced');
  }

  function tick(card) {
    const alert = card.alert, at = place(card.slot).querySelector('.al-since');
    if (!at) return;
    const from = alert.fired || alert.started;
    write(at, alert.state === 'resolved' ? A.say('lasted', {time: vigie.format.duration(Math.max((alert.resolved - from) / 1000, 1))}) : A.say('since', {time: A.since(from)}));
  }

  function rest(more, pending) {
    const list = (box, title, alerts) => {
      const text = JSON.stringify(alerts.map(one => [one.id, one.message, one.state]));
      if (box.dataset.shown === text) return;
      box.dataset.shown = text;
      box.replaceChildren(...(alerts.length ? [A.el('h2', 'group-title', title), A.el('ul', 'rows panel', ...alerts.map(one => A.el('li', 'al-line ' + A.severity(one.severity),
        A.el('span', 'al-severity', A.say(one.severity)), A.el('span', '', A.el('strong', '', one.name), ' ', sentence(one)), A.time(one.fired || one.started))))] : []));
    };
    list(panel().querySelector('.al-more'), A.say('more', {count: more.length}), more);
    list(panel().querySelector('.al-pending'), A.say('pending', {count: pending.length}), pending);
  }

  // ---- what became of one

  async function story(card) {
    const box = place(card.slot).querySelector('.al-story'), steps = stories.get(card.alert.id);
    const text = JSON.stringify(steps || null);
    if (box.dataset.shown === text) return;
    box.dataset.shown = text;
    box.replaceChildren(...(steps ? [A.el('ul', 'rows', ...steps.map(A.step))] : []));
  }
  A.step = one => A.el('li', 'al-step', A.time(one.at), A.el('span', '', A.say('step_' + one.kind, {name: one.who}) + (one.muted ? ' · ' + muted(one.muted) : ''),
    one.note && one.kind !== 'assigned' ? ' “' + one.note + '”' : one.kind === 'assigned' && one.note ? ' → ' + one.note : ''));

  async function toggleStory(id) {
    if (stories.has(id)) stories.delete(id);
    else {
      try { stories.set(id, (await vigie.api('GET', '/api/v1/alerts/one/' + id)).story); } catch (error) { vigie.problem(error); return; }
    }
    if (cards.has(id)) fill(cards.get(id));
  }

  // ---- hands

  function moment(alert) {
    const from = alert.fired || alert.started, end = alert.resolved || A.now();
    const before = Math.max(AROUND, Math.min((end - from) / 4, 6 * AROUND));
    return [from - before, Math.min(end + before / 2, Math.max(from + 3 * before, from + AROUND), A.now())];
  }

  async function own(alert) {
    const mine = alert.owner === A.user();
    try {
      const now = await vigie.api('POST', `/api/v1/alerts/one/${alert.id}/assign`, {owner: mine ? '' : A.user()});
      changed(now);
      vigie.toast(A.say(mine ? 'given_back' : 'taken'));
    } catch (error) { vigie.problem(error); }
  }

  function changed(now) {
    const card = cards.get(now.id);
    alerts = alerts.map(one => (one.id === now.id ? now : one));
    if (card) { card.alert = now; fill(card); }
    if (stories.has(now.id)) { stories.delete(now.id); toggleStory(now.id); }
    if (panel()) head(alerts.filter(one => one.state === 'firing'));
  }

  document.addEventListener('click', event => {
    if (!event.target.closest || !A.page()) return;
    if (event.target.closest('[data-al-clear]')) {
      Array.from(cards).filter(([, card]) => card.alert.state === 'resolved').forEach(([id]) => clear(id));
      paint();
      return;
    }
    const at = event.target.closest('[data-al-act]'), card = at && cards.get(at.dataset.alert);
    if (!card) return;
    const alert = card.alert, act = at.dataset.alAct;
    if (act === 'acknowledge') vigie.alertActs.acknowledge(alert, changed);
    else if (act === 'own') own(alert);
    else if (act === 'silence') vigie.alertActs.silence({alert});
    else if (act === 'explore') { const [from, to] = moment(alert); vigie.go(vigie.url('/explore') + vigie.query({q: alert.series, from: Math.round(from), to: Math.round(to)})); }
    else if (act === 'moment') { const [from, to] = moment(alert); vigie.charts.look({from: Math.round(from), to: Math.round(to)}); }
    else if (act === 'rule') A.open('rules', {rule: alert.rule});
    else if (act === 'story') toggleStory(alert.id);
  });

  // The alert that the address names: in sight once, with its moment on the charts; one that is over is in the history.
  async function focusAsked() {
    const id = A.query.alert;
    if (!id || wanted === id || A.tab() !== 'firing') return;
    wanted = id;
    const card = cards.get(id);
    if (card) {
      const at = place(card.slot);
      at.classList.add('is-asked');
      at.scrollIntoView({block: 'start'});
      if (vigie.charts.view.from === null && A.now() - (card.alert.fired || card.alert.started) > vigie.charts.view.seconds * 1000) {
        const [from, to] = moment(card.alert);
        vigie.charts.look({from: Math.round(from), to: Math.round(to)}, {more: true});
      }
      if (A.query.do === 'silence' && A.may.silence) vigie.alertActs.silence({alert: card.alert});
    } else if (!alerts.some(one => one.id === id)) A.open('history', {alert: id});
  }

  // ---- live

  function want() {
    if (!vigie.live) return;
    const keys = shownNow() ? Array.from(cards.values()).filter(card => card.alert.state === 'firing').map(card => card.alert.series) : [];
    vigie.live.want('alerts', Array.from(new Set(keys)));
  }

  document.addEventListener('vigie:frame', event => {
    if (!shownNow()) { if (vigie.live) vigie.live.want('alerts', []); return; }
    const frame = event.detail, values = new Map((frame.keys || []).map((key, i) => [key, frame.v[i]]));
    cards.forEach(card => {
      const rule = ruleOf(card.alert), value = values.get(card.alert.series);
      if (card.alert.state === 'firing' && (!rule || rule.function === 'last') && typeof value === 'number') {
        card.alert = Object.assign({}, card.alert, {value});
        const at = place(card.slot).querySelector('[data-fact=value]');
        if (at) write(at, vigie.format.human(value, card.alert.unit) + ' (' + A.say('limit') + ' ' + A.sign(card.alert.comparison) + ' ' + vigie.format.human(card.alert.threshold, card.alert.unit) + ')');
      }
      tick(card);
    });
    if (Date.now() - polled > POLL) load();
  });
  document.addEventListener('vigie:rules', () => { rules = null; if (A.page()) load(); });

  A.part('firing', {
    entered: () => { cards.clear(); stories.clear(); alerts = []; rules = last = null; wanted = ''; load(); },
    shown: () => { if (wanted && wanted !== A.query.alert) wanted = ''; want(); load(); },
    news: load,
  });
  A.active = () => alerts;
  A.rules = () => rules || [];
})();
