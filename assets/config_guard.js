// Leaving the Configuration page with unsaved changes: asks first, whatever way one leaves.
(function () {
  'use strict';
  const vigie = window.vigie = window.vigie || {};
  let go = null;  // what to do once it is decided
  let sure = false;

  const pending = () => {
    const at = vigie.configuration && vigie.configuration.page();
    return at && !sure ? vigie.configuration.edits() : [];
  };

  function ask(list, next) {
    const say = vigie.configuration.say, box = document.getElementById('configuration-leave');
    const secret = list.some(one => /(^|\.)(apiKey|url)$/.test(one.path));
    const kept = vigie.configuration.state.base.metadata.autoSave;
    box.querySelector('.cf-leave-words').textContent = [
      list.length === 1 ? say('leave-one') : say('leave', {count: list.length}), kept ? say('kept') : '', kept && secret ? say('kept-secret') : '',
    ].filter(Boolean).join(' ');
    box.querySelector('[data-cf-confirm=leave]').hidden = !kept;
    go = next;
    vigie.dialog.open('configuration-leave');
  }

  // A link within Vigie.
  document.addEventListener('click', event => {
    const link = event.target.closest && event.target.closest('a[href]');
    if (!link || event.button || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey || link.target === '_blank' || link.hasAttribute('download')) return;
    const to = new URL(link.href, location.href);
    if (to.origin !== location.origin || link.getAttribute('href').startsWith('#')) return;
    const list = pending();
    if (!list.length) return;
    event.preventDefault();
    event.stopPropagation();
    if (to.pathname === location.pathname) {  // this page again: it would be drawn anew
      const tab = document.querySelector('#cf-tab-' + (to.searchParams.get('tab') || 'paths'));
      if (tab) tab.click();
      return;
    }
    ask(list, () => vigie.go(to.pathname + to.search));
  }, true);

  // Back and forward: the address is put back until it is decided.
  window.addEventListener('popstate', event => {
    const at = vigie.configuration && vigie.configuration.page(), path = at && vigie.configuration.state.path;
    if (!at || location.pathname.replace(/\/$/, '') === path.replace(/\/$/, '')) return;
    const list = pending();
    if (!list.length) return;
    event.stopImmediatePropagation();
    const to = location.pathname + location.search;
    history.pushState(null, '', path);
    ask(list, () => vigie.go(to));
  }, true);

  window.addEventListener('beforeunload', event => {
    if (!pending().length) return;
    event.preventDefault();
    event.returnValue = '';
  });

  document.addEventListener('click', event => {
    const at = event.target.closest && event.target.closest('#configuration-leave [data-cf-confirm]');
    if (!at || !go) return;
    if (at.dataset.cfConfirm === 'drop') vigie.configuration.discard();
    const next = go;
    go = null;
    vigie.dialog.close('configuration-leave');
    sure = true;
    next();
  });
  document.addEventListener('vigie:config-entered', () => { sure = false; });
})();
