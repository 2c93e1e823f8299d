// Alerts for who looks: the bell and its panel, toasts as they happen, and the browser's own notifications.
//
// What is new comes over the page's socket (news of the topic 'notices'). While that is down or the page is hidden, the
// bell is asked for: every ten seconds, and only where somebody looks or wants the browser to tell.
(function () {
  'use strict';
  const vigie = window.vigie = window.vigie || {};
  const MOST = 3, STAYS = 9000, POLL = 10000, HIDDEN_POLL = 20000, KEPT = 20;
  const STAYING = new Set(['error', 'critical']);
  let state = null, newest = 0, known = new Set(), timer = null, folded = 0, asking = false, texts = null;

  const bell = () => document.querySelector('#react-entry-point #shell-bell');
  const corner = () => document.querySelector('#react-entry-point #shell-alerts');

  function said(name, values) {
    const at = bell();
    if (!texts && at) texts = JSON.parse(at.dataset.words);
    let text = (texts && texts[name]) || '';
    Object.keys(values || {}).forEach(key => { text = text.replace('%(' + key + ')s', values[key]); });
    return text;
  }

  function element(tag, className, text) {
    const made = document.createElement(tag);
    if (className) made.className = className;
    if (text !== undefined) made.textContent = text;
    return made;
  }

  function moment(at) {
    const format = vigie.format, today = new Date(at).toDateString() === new Date().toDateString();
    if (today && format && format.clock) return format.clock(at);
    return new Date(at).toLocaleString(vigie.page && vigie.page.lang || undefined, {dateStyle: 'medium', timeStyle: 'short'});
  }

  // The panel.

  function row(item) {
    const line = element('li', 'bell-item is-' + item.kind + (item.unread ? ' is-unread' : ''));
    const link = element('a', 'bell-link'), head = element('span', 'bell-title', item.title);
    link.href = item.href;
    const when = element('time', 'bell-time', moment(item.at));
    when.dateTime = new Date(item.at).toISOString();
    link.append(head, when, element('span', 'bell-text', item.text));
    line.append(link);
    return line;
  }

  function paint() {
    const at = bell();
    if (!at || !state) return;
    const count = at.querySelector('.bell-count'), summary = at.querySelector('summary');
    const label = state.unread ? said('unread', {count: state.unread > 99 ? '99+' : state.unread}) : said('none');
    count.hidden = !state.unread;
    count.textContent = state.unread > 99 ? '99+' : String(state.unread);
    if (summary.getAttribute('aria-label') !== label) summary.setAttribute('aria-label', label);
    at.querySelector('[data-bell-read]').disabled = !state.unread;
    const list = at.querySelector('.bell-list'), shown = JSON.stringify(state.data);
    if (list.dataset.shown === shown) return;
    list.dataset.shown = shown;
    const lines = state.data.map(row);
    list.replaceChildren(...(lines.length ? lines : [element('li', 'bell-empty', said('empty'))]));
  }

  // Toasts: three at most, the rest is one line that leads to all.

  function leave(note) {
    note.remove();
    if (!corner().querySelector('.alert-toast:not(.alert-more)')) { folded = 0; more(); }
  }

  function stay(note, milliseconds) {
    let left = setTimeout(() => leave(note), milliseconds);
    ['pointerenter', 'focusin'].forEach(kind => note.addEventListener(kind, () => clearTimeout(left)));
    ['pointerleave', 'focusout'].forEach(kind => note.addEventListener(kind, () => {
      clearTimeout(left);
      left = setTimeout(() => leave(note), milliseconds / 2);
    }));
  }

  function more() {
    const at = corner();
    let note = at.querySelector('.alert-more');
    if (!folded) { if (note) note.remove(); return; }
    if (!note) {
      note = element('a', 'alert-toast alert-more');
      note.href = vigie.url('/alerts');
      at.append(note);
    }
    note.textContent = said('more', {count: folded});
  }

  function toast(item) {
    const at = corner();
    if (!at) return;
    if (at.querySelectorAll('.alert-toast:not(.alert-more)').length >= MOST) { folded += 1; more(); return; }
    const note = element('div', 'alert-toast is-' + item.kind), link = element('a', 'alert-toast-link');
    const close = element('button', 'alert-toast-close', '×');
    note.dataset.alert = item.alert;
    link.href = item.href;
    link.append(element('strong', '', item.title), element('span', 'alert-toast-severity', item.severity), element('span', 'alert-toast-text', item.text));
    close.type = 'button';
    close.setAttribute('aria-label', said('close'));
    close.addEventListener('click', () => leave(note));
    note.append(link, close);
    at.insertBefore(note, at.querySelector('.alert-more'));
    if (!STAYING.has(item.kind)) stay(note, STAYS);
  }

  // The browser's own.

  const may = () => 'Notification' in window && window.isSecureContext ? Notification.permission : 'none';

  function tell(item) {
    if (!document.hidden || !state || !state.choices.browser || may() !== 'granted') return;
    try {
      const note = new Notification(item.title, {body: item.text, tag: 'vigie-' + item.alert, icon: vigie.url('/assets/favicon.svg')});
      note.onclick = () => { window.focus(); location.assign(item.href); note.close(); };
    } catch (error) { /* phones allow them to service workers only */ }
  }

  function arrived(item) {
    if (known.has(item.id)) return;
    known.add(item.id);
    newest = Math.max(newest, item.id);
    const at = corner();
    if (item.state === 'resolved') {
      const shown = at && at.querySelector('.alert-toast[data-alert="' + item.alert + '"]');
      if (shown) leave(shown);
      return;
    }
    if (state.choices.toasts.includes(item.kind) && !document.hidden) toast(item);
    tell(item);
  }

  // Asking.

  async function ask() {
    clearTimeout(timer);
    if (asking || !bell()) { plan(); return; }
    asking = true;
    try {
      const answer = await vigie.api('GET', '/api/v1/notifications/bell');
      const first = state === null;
      state = answer;
      if (first) { answer.data.forEach(item => known.add(item.id)); newest = answer.newest; }
      else answer.data.filter(item => item.id > newest && !known.has(item.id)).reverse().forEach(arrived);
      paint();
      choices();
    } catch (error) {
      if (error.status === 403 || error.status === 401) { asking = false; return; }
    }
    asking = false;
    plan();
  }

  function plan() {
    clearTimeout(timer);
    const live = vigie.live && vigie.live.state;
    if (document.hidden) {
      if (state && state.choices.browser && may() === 'granted') timer = setTimeout(ask, HIDDEN_POLL);
    } else if (live !== 'live' || !state) {
      timer = setTimeout(ask, state ? POLL : 2000);
    }
  }

  document.addEventListener('vigie:news', event => {
    const news = event.detail;
    if (news.topic !== 'notices' || !state) return;
    const told = news.data;
    if (known.has(told.id)) return;
    const item = {
      id: told.id, unread: told.state === 'firing', state: told.state, kind: news.kind, title: news.title || '',
      text: news.text || '', severity: news.severity || '', at: told.at, alert: told.alert, href: news.href,
    };
    arrived(item);
    state.data = [item].concat(state.data).slice(0, KEPT);
    state.newest = Math.max(state.newest, item.id);
    if (item.unread) state.unread += 1;
    paint();
  });
  document.addEventListener('vigie:resume', () => { if (state) ask(); });
  document.addEventListener('vigie:live', plan);
  document.addEventListener('visibilitychange', () => { if (document.hidden) plan(); else if (state) ask(); });

  async function read() {
    if (!state) return;
    try {
      await vigie.api('POST', '/api/v1/notifications/read', {upto: state.newest});
      state.unread = 0;
      state.data.forEach(item => { item.unread = false; });
      paint();
      bell().querySelector('summary').focus();
    } catch (error) { vigie.problem(error); }
  }

  // The card in Settings.

  function choices() {
    const button = document.querySelector('#react-entry-point [data-browser]');
    if (!button || !state) return;
    const allowed = may(), on = state.choices.browser && allowed === 'granted';
    button.setAttribute('aria-pressed', String(on));
    button.classList.toggle('button-primary', on);
    button.disabled = allowed === 'none' || allowed === 'denied';
    const name = allowed === 'none' ? 'none' : allowed === 'denied' ? 'denied' : on ? 'on' : allowed === 'default' ? 'ask' : 'off';
    document.querySelector('#react-entry-point [data-browser-state]').textContent = said('browser_' + name);
  }

  async function keep(change) {
    const before = state.choices;
    state.choices = Object.assign({}, before, change);
    try {
      await vigie.api('PUT', '/api/v1/notifications/choices', state.choices);
      vigie.toast(said('saved'));
    } catch (error) {
      state.choices = before;
      vigie.problem(error);
    }
    choices();
    plan();
  }

  document.addEventListener('change', event => {
    if (!event.target.dataset || !event.target.dataset.toasts || !state) return;
    const boxes = document.querySelectorAll('#react-entry-point [data-toasts]');
    keep({toasts: Array.from(boxes).filter(box => box.checked).map(box => box.dataset.toasts)});
  });

  document.addEventListener('click', async event => {
    const at = event.target.closest ? event.target : null;
    if (!at) return;
    if (at.closest('[data-bell-read]')) { event.stopPropagation(); read(); return; }
    if (at.closest('[data-browser]') && state) {
      if (may() === 'default') await Notification.requestPermission();  // asked for by this click alone
      keep({browser: may() === 'granted' && !(state.choices.browser && at.closest('[data-browser]').getAttribute('aria-pressed') === 'true')});
    }
  }, true);

  // What stands in the open panel needs no place over it.
  document.addEventListener('toggle', event => {
    if (event.target.id !== 'shell-bell' || !event.target.open || !corner()) return;
    folded = 0;
    corner().replaceChildren();
  }, true);

  // The page draws itself once Dash is there; each page of Settings draws its card anew.
  document.addEventListener('DOMContentLoaded', () => {
    if (vigie.guest) return;
    const watch = new MutationObserver(() => {
      if (!bell()) return;
      if (!state && !asking && !timer) ask();
      const button = document.querySelector('#react-entry-point [data-browser]');
      if (button && state && !button.dataset.drawn) { button.dataset.drawn = '1'; choices(); }
      if (state && !bell().dataset.painted) { bell().dataset.painted = '1'; paint(); }
    });
    watch.observe(document.getElementById('react-entry-point') || document.body, {childList: true, subtree: true});
  });
})();
