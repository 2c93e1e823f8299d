// What else moved?: the ways to its page from any chart, and the page's filters and ticks.
(function () {
  'use strict';
  const vigie = window.vigie = window.vigie || {};
  const FIFTH = 5;

  const page = () => document.querySelector('#react-entry-point [data-page=moved]');
  const now = () => Date.now() + (vigie.live && vigie.live.offset || 0);

  // The zoom; without one the newest fifth of what the charts show.
  function ask(id) {
    const view = vigie.charts.view, zoomed = view.from !== null, end = zoomed ? view.to : now();
    const from = zoomed ? view.from : end - view.seconds * 1000 / FIFTH;
    vigie.go(vigie.url('/moved') + vigie.query({
      from: Math.round(from), to: Math.round(end), chart: id || null, part: zoomed ? null : 'fifth',
    }));
  }

  document.addEventListener('vigie:chart-action', event => { if (event.detail.action === 'moved') ask(event.detail.id); });

  // ---- the page

  function filter(button) {
    const group = button.parentElement;
    group.querySelectorAll('button').forEach(one => one.setAttribute('aria-pressed', String(one === button)));
    const wanted = {};
    page().querySelectorAll('[data-filter][aria-pressed=true]').forEach(one => { wanted[one.dataset.filter] = one.dataset.value; });
    page().querySelectorAll('[data-series]').forEach(card => {
      card.hidden = ['source', 'way'].some(kind => wanted[kind] && wanted[kind] !== '*' && wanted[kind] !== card.dataset[kind]);
    });
    ticked();
  }

  function ticked() {
    const at = page(), link = at.querySelector('[data-moved-open]'), span = at.querySelector('[data-from]');
    if (!link) return;
    const ticks = Array.from(at.querySelectorAll('.move:not([hidden]) .move-tick:checked'));
    at.querySelectorAll('.move').forEach(card => card.classList.toggle('is-ticked', card.querySelector('.move-tick').checked));
    link.hidden = !ticks.length;
    at.querySelector('.moved-hint').hidden = ticks.length > 0;
    link.setAttribute('href', vigie.url('/explore') + vigie.query({
      q: ticks.map(tick => tick.dataset.q).join(';'), from: span.dataset.from, to: span.dataset.to,
    }));
  }

  document.addEventListener('click', event => {
    const target = event.target.closest ? event.target : null;
    if (!target) return;
    if (target.closest('[data-moved]')) { ask(null); return; }
    if (!page()) return;
    const choice = target.closest('[data-filter]'), all = target.closest('[data-moved-all]'), card = target.closest('.move');
    if (choice) filter(choice);
    else if (all) {
      all.disabled = true;
      vigie.props('moved-all', {data: Date.now()});
    } else if (card && event.shiftKey && target.closest('.move-link')) {
      event.preventDefault();  // instead of another window
      const tick = card.querySelector('.move-tick');
      tick.checked = !tick.checked;
      ticked();
    }
  });
  document.addEventListener('change', event => { if (event.target.matches && event.target.matches('.move-tick')) ticked(); });
})();
