// The Monitoring page: its tabs, and the tables that ask anew while somebody looks.
(function () {
  'use strict';
  const vigie = window.vigie = window.vigie || {};
  const clientside = window.dash_clientside = window.dash_clientside || {};
  clientside.vigie = clientside.vigie || {};
  let tab = 'system';

  const here = () => {
    const at = vigie.timebar && vigie.timebar.here();
    return at && at.dataset.page === 'monitoring' ? at : null;
  };

  function paint() {
    const at = here();
    if (!at) return;
    at.querySelectorAll('[data-tab]').forEach(button => {
      const on = button.dataset.tab === tab;
      button.setAttribute('aria-selected', String(on));
      button.tabIndex = on ? 0 : -1;
      document.getElementById('panel-' + button.dataset.tab).hidden = !on;
    });
    at.dataset.shown = tab;
  }

  // Tables ask anew only while someone can see them.
  let polls = {};
  function poll() {
    const on = here() && !document.hidden && vigie.charts.view.live;
    [['process-poll', 'processes', 'process-grid'], ['gpu-poll', 'gpu', 'gpu-processes']].forEach(([id, name, table]) => {
      if (!document.getElementById(table)) { polls[id] = true; return; }  // it asks from when it is drawn
      const next = Boolean(on && tab === name);
      if (next !== polls[id]) vigie.props(id, {disabled: !next});
      polls[id] = next;
    });
  }

  function open(name) {
    tab = name;
    paint();
    fill();
  }

  // A tab is fetched when it is first opened, and again while all it holds is a word that there is nothing yet.
  let filled = 0;
  function fill() {
    const body = document.querySelector('#panel-' + tab + ' > div');
    const empty = body && !body.childElementCount;
    if (!empty && !(body && body.querySelector('.tab-state') && Date.now() - filled > 5000)) return;
    filled = Date.now();
    vigie.props({type: 'monitoring-open', tab: tab}, {data: filled});
  }

  (vigie.pages = vigie.pages || {}).monitoring = {
    params: () => ({tab: tab === 'system' ? null : tab}),
    restore: query => {
      const wanted = query.get('tab');
      open(document.getElementById('panel-' + wanted) ? wanted : 'system');
    },
    entered: view => {
      tab = view.tab;
      polls = {'process-poll': true, 'gpu-poll': true};
      paint();
      poll();
    },
    painted: poll,
  };

  document.addEventListener('click', event => {
    const button = event.target.closest && event.target.closest('.toolbar [data-tab]');
    if (!button || !here()) return;
    open(button.dataset.tab);
    vigie.timebar.remember();
    poll();
  });
  document.addEventListener('visibilitychange', poll);
  document.addEventListener('vigie:frame', () => { if (here()) fill(); });

  // ---- the process table

  clientside.vigie.search = function (text) {
    if (window.dash_ag_grid && window.dash_ag_grid.getApi) {
      const grid = window.dash_ag_grid.getApi('process-grid');
      if (grid) grid.setGridOption('quickFilterText', text || '');
    }
    return clientside.no_update;
  };

  const functions = window.dashAgGridFunctions = window.dashAgGridFunctions || {};
  functions.vigieRatio = value => (value === null || value === undefined ? '–' : vigie.format.number(value * 100, 1) + ' %');
  functions.vigieBytes = value => vigie.format.human(value, 'bytes');
  functions.vigieDuration = value => vigie.format.human(value, 'seconds');
  functions.vigieGridTheme = theme => theme.withParams({
    backgroundColor: 'var(--v-panel)', foregroundColor: 'var(--v-text)', headerBackgroundColor: 'var(--v-panel)',
    headerTextColor: 'var(--v-muted)', borderColor: 'var(--v-line)', accentColor: 'var(--v-accent)',
    rowHoverColor: 'var(--v-raised)', selectedRowBackgroundColor: 'color-mix(in srgb, var(--v-accent) 14%, transparent)',
    chromeBackgroundColor: 'var(--v-panel)', menuBackgroundColor: 'var(--v-raised)', inputBackgroundColor: 'var(--v-bg)',
    fontFamily: 'inherit', fontSize: 13, headerFontWeight: 500, wrapperBorder: false, wrapperBorderRadius: 0,
    oddRowBackgroundColor: 'transparent', columnBorder: false, rowBorder: {color: 'color-mix(in srgb, var(--v-line) 55%, transparent)'},
    spacing: 6, browserColorScheme: 'inherit',
  });
})();
