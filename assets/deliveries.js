// The delivery log (components/deliveries.py).
(function () {
  'use strict';
  const vigie = window.vigie = window.vigie || {};
  const EVERY = 10000, ROWS = 25;
  const MARKS = {sent: 'ok', waiting: 'warning', sending: 'warning', failed: 'critical', muted: 'plain'};
  const rows = new WeakMap();

  const cards = () => Array.from(document.querySelectorAll('#react-entry-point [data-deliveries]'));

  function said(card, name, values) {
    let text = JSON.parse(card.dataset.words)[name] || '';
    Object.keys(values || {}).forEach(key => { text = text.replace('%(' + key + ')s', values[key]); });
    return text;
  }

  function element(tag, className, text) {
    const made = document.createElement(tag);
    if (className) made.className = className;
    if (text !== undefined) made.textContent = text;
    return made;
  }

  function moment(iso) {
    const at = new Date(iso), today = at.toDateString() === new Date().toDateString();
    if (today && vigie.format && vigie.format.clock) return vigie.format.clock(at.getTime());
    return at.toLocaleString(vigie.page && vigie.page.lang || undefined, {dateStyle: 'short', timeStyle: 'medium'});
  }

  function row(card, one) {
    const line = element('li', 'row-line is-' + MARKS[one.state]), body = element('div', 'deliveries-body');
    const names = element('div', 'row-names');
    names.append(element('span', 'row-name', one.title), element('span', 'tag', one.channel), element('span', 'deliveries-state', one.words));
    const more = [one.text, moment(one.created)];
    if (one.attempts > 1) more.push(said(card, 'attempts', {count: one.attempts}));
    if (one.status) more.push(said(card, 'status', {status: one.status}));
    if (one.again) more.push(said(card, 'next', {time: moment(one.again)}));
    body.append(names, element('p', 'row-more', more.filter(Boolean).join(' · ')));
    if (one.error || one.answer) body.append(element('p', 'row-more deliveries-answer', [one.error, one.answer].filter(Boolean).join(' ')));
    line.append(body);
    if (one.state === 'failed' && card.dataset.again) {
      const button = element('button', 'button button-small', said(card, 'again'));
      button.type = 'button';
      button.dataset.send = one.id;
      line.append(button);
    }
    return line;
  }

  function query(card, before) {
    const given = {limit: ROWS, before: before};
    if (card.dataset.deliveries) given.alert = card.dataset.deliveries;
    card.querySelectorAll('[data-filter]').forEach(choice => { given[choice.dataset.filter] = choice.value; });
    return vigie.query(given);
  }

  async function ask(card, older) {
    const kept = rows.get(card) || [];
    const depth = card.querySelector('.deliveries-depth');
    try {
      const before = older && kept.length ? kept[kept.length - 1].id : undefined;
      const answer = await vigie.api('GET', '/api/v1/notifications/deliveries' + query(card, before));
      const list = older ? kept.concat(answer.data) : answer.data;
      rows.set(card, list);
      const words = answer.waiting ? said(card, 'waiting', {count: answer.waiting, time: moment(answer.oldest)}) : said(card, 'idle');
      if (depth.textContent !== words) depth.textContent = words;
      card.querySelector('.deliveries-more').hidden = answer.next === null;
      const text = JSON.stringify(list);
      if (card.dataset.shown === text) return;
      card.dataset.shown = text;
      const filtered = Array.from(card.querySelectorAll('[data-filter]')).some(choice => choice.value);
      const lines = list.map(one => row(card, one));
      card.querySelector('.deliveries-list').replaceChildren(
        ...(lines.length ? lines : [element('li', 'deliveries-none muted', said(card, filtered ? 'none_such' : 'none'))]));
    } catch (error) {
      depth.textContent = error.detail || said(card, 'away');
    }
  }

  document.addEventListener('change', event => {
    const card = event.target.closest && event.target.dataset.filter && event.target.closest('[data-deliveries]');
    if (card) ask(card);
  });
  document.addEventListener('click', async event => {
    const card = event.target.closest && event.target.closest('[data-deliveries]');
    if (!card) return;
    if (event.target.closest('.deliveries-more')) { ask(card, true); return; }
    const send = event.target.closest('[data-send]');
    if (!send) return;
    send.disabled = true;
    try {
      await vigie.api('POST', '/api/v1/notifications/deliveries/' + send.dataset.send + '/again');
      vigie.toast(said(card, 'queued'));
    } catch (error) { vigie.problem(error); }
    ask(card);
  });
  document.addEventListener('vigie:news', event => {
    if (event.detail.topic === 'notices') setTimeout(() => cards().forEach(card => ask(card)), 1500);
  });

  // Only a page that holds a log looks for news of it; one that was read further back stays where it is.
  setInterval(() => {
    if (document.hidden) return;
    cards().filter(card => (rows.get(card) || []).length <= ROWS).forEach(card => ask(card));
  }, EVERY);
  document.addEventListener('DOMContentLoaded', () => {
    if (vigie.guest) return;
    new MutationObserver(() => {
      cards().filter(card => !card.dataset.begun).forEach(card => { card.dataset.begun = '1'; ask(card); });
    }).observe(document.getElementById('react-entry-point') || document.body, {childList: true, subtree: true});
  });
})();
