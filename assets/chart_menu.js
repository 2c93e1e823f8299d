// The menu of a chart. Sends `vigie:chart-action` on the document with {action, id, chart, title}: `chart` is the entry of
// vigie.charts.all(), or undefined where the chart was never in sight.
(function () {
  'use strict';
  const vigie = window.vigie = window.vigie || {};
  let button = null;

  const menu = () => document.getElementById('shell-chart-menu');
  const items = () => Array.from(menu().querySelectorAll('[role=menuitem]')).filter(item => !item.hidden);

  function open(at) {
    const box = menu();
    if (!box) return;
    close(false);
    button = at;
    const figure = at.closest('[data-chart]');
    box.querySelector('[data-action=explore]').hidden = figure.dataset.kind === 'bars' || figure.dataset.chart.startsWith('q:') &&
      document.querySelector('.timed[data-page=explore]') !== null;
    const rule = box.querySelector('[data-action=alert]');
    if (rule) rule.hidden = figure.dataset.kind === 'bars' || !figure.dataset.drawing && !figure.dataset.chart.startsWith('q:');
    box.hidden = false;
    place();
    at.setAttribute('aria-expanded', 'true');
    items()[0].focus();
  }

  function place() {
    const box = menu(), at = button.getBoundingClientRect(), width = box.offsetWidth, height = box.offsetHeight;
    box.style.left = Math.max(8, Math.min(at.right - width, innerWidth - width - 8)) + 'px';
    box.style.top = (at.bottom + height + 8 > innerHeight ? Math.max(8, at.top - height - 4) : at.bottom + 4) + 'px';
  }

  function close(refocus) {
    const box = menu();
    if (!box || !button) return;
    box.hidden = true;
    button.removeAttribute('aria-expanded');
    if (refocus && button.isConnected) button.focus();
    button = null;
  }

  document.addEventListener('click', event => {
    const at = event.target.closest && event.target.closest('[data-chart-menu]');
    if (at) { if (at === button) close(true); else open(at); return; }
    const item = event.target.closest && event.target.closest('#shell-chart-menu [data-action]');
    if (item && button) {
      const section = button.closest('[data-chart]'), id = section.dataset.chart;
      const detail = {action: item.dataset.action, id, chart: vigie.charts.all().get(id), title: section.getAttribute('aria-label')};
      close(true);
      document.dispatchEvent(new CustomEvent('vigie:chart-action', {detail}));
      return;
    }
    close(false);
  });

  document.addEventListener('keydown', event => {
    if (!button) return;
    const list = items(), at = list.indexOf(document.activeElement);
    const next = {ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: list.length - 1}[event.key];
    if (event.key === 'Escape' || event.key === 'Tab') { close(true); if (event.key === 'Escape') event.stopPropagation(); return; }
    if (next === undefined) return;
    event.preventDefault();
    list[(next + list.length) % list.length].focus();
  });
  // Charts drawn above it may push its chart down: it goes along as long as its button can be seen.
  window.addEventListener('scroll', () => {
    if (!button) return;
    const at = button.getBoundingClientRect();
    if (!button.isConnected || at.bottom < 0 || at.top > innerHeight) close(false); else place();
  }, {passive: true});
  window.addEventListener('resize', () => close(false));
})();
