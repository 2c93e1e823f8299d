// The page of an embed link: what it shows stays within the link, and nothing leads out of it.
(function () {
  'use strict';
  const vigie = window.vigie = window.vigie || {};
  if (!('embed' in document.documentElement.dataset)) return;
  let span = null;  // a fixed one: {from, to}

  // The server gives nothing beyond: not to ask for it.
  function bounds() {
    if (span) return [span.from, span.to];
    const now = vigie.charts.now ? vigie.charts.now() : Date.now();
    return [now - vigie.charts.view.seconds * 1000, now];
  }

  (vigie.pages = vigie.pages || {}).embed = {
    entered: view => {
      if (vigie.zoom) vigie.zoom.bounds = bounds;
      if (!view.fixed) return;
      span = {from: view.from, to: view.to};
      vigie.charts.view.live = false;
      const at = document.querySelector('#react-entry-point .embed-span');
      if (at) at.textContent = vigie.timebar.between(view.from, view.to);
    },
  };

  // Back to now: for a fixed window, back to it. Heard before the charts ask anew.
  document.addEventListener('vigie:view', () => {
    const view = vigie.charts.view;
    if (span && (view.from === null || view.live)) Object.assign(view, {live: false}, view.from === null ? span : {});
  });

  document.addEventListener('click', event => {
    const link = event.target.closest && event.target.closest('a[href]');
    if (link) { event.preventDefault(); event.stopPropagation(); }
  }, true);

  // Drawn before the first values came: there is no chart yet.
  let tries = 0;
  document.addEventListener('vigie:frame', () => {
    if (!document.querySelector('#react-entry-point .tab-state .state-loading')) return;
    tries += 1;
    if (tries === 15) location.reload();
  });
})();
