// Leaving what is unsaved asks first, whichever way one leaves. What can be unsaved says so in vigie.guards with
//   pending()   true while something is
//   path()      the address to come back to
//   left()      whether the address is another one by now
//   ask(next)   asks, and calls next() when it may be left
//   here(url)   for a link to the page one is on (optional)
(function () {
  'use strict';
  const vigie = window.vigie = window.vigie || {};
  vigie.guards = vigie.guards || [];

  const held = () => vigie.guards.find(one => one.pending());

  // A link within Vigie.
  document.addEventListener('click', event => {
    const link = event.target.closest && event.target.closest('a[href]');
    if (!link || event.button || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey || link.target === '_blank' || link.hasAttribute('download')) return;
    const to = new URL(link.href, location.href);
    if (to.origin !== location.origin || link.getAttribute('href').startsWith('#')) return;
    const one = held();
    if (!one) return;
    event.preventDefault();
    event.stopPropagation();
    if (one.here && to.pathname === location.pathname) one.here(to);
    else one.ask(() => vigie.go(to.pathname + to.search));
  }, true);

  // Back and forward: the address is put back until it is decided.
  window.addEventListener('popstate', event => {
    const one = held();
    if (!one || !one.left()) return;
    event.stopImmediatePropagation();
    const to = location.pathname + location.search;
    history.pushState(null, '', one.path());
    one.ask(() => vigie.go(to));
  }, true);

  window.addEventListener('beforeunload', event => {
    if (!held()) return;
    event.preventDefault();
    event.returnValue = '';
  });
})();
