// Leaving the Configuration page with unsaved changes asks first; guard.js says when.
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

  const bare = path => path.replace(/\/$/, '');

  (vigie.guards = vigie.guards || []).push({
    pending: () => pending().length > 0,
    path: () => vigie.configuration.state.path,
    left: () => bare(location.pathname) !== bare(vigie.configuration.state.path),
    here: to => {  // it would be drawn anew
      const tab = document.querySelector('#cf-tab-' + (to.searchParams.get('tab') || 'paths'));
      if (tab) tab.click();
    },
    ask: next => ask(pending(), next),
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
