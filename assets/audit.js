// The audit page: its filter stands in its address, which can be kept and sent.
(function () {
  'use strict';
  const vigie = window.vigie = window.vigie || {};
  const clientside = window.dash_clientside = window.dash_clientside || {};
  clientside.vigie = clientside.vigie || {};

  clientside.vigie.audited = function (who, action, result, from, to, text) {
    if (location.pathname !== vigie.url('/audit')) return;
    const all = value => value === 'all' ? null : value;
    const query = vigie.query({who, action: all(action), result: all(result), from, to, text});
    if (query !== location.search) history.replaceState(history.state, '', location.pathname + query);
  };
})();
