// AG Grid's bundle is a third of all script bytes and most pages draw no grid. This stands in for it and loads the real
// one when the first grid is drawn.
(function () {
  'use strict';
  var page = window.vigie && window.vigie.page;
  if (!page || !page.grid || window.dash_ag_grid) return;
  var React = window.React, loading = null;

  function load() {
    loading = loading || new Promise(function (resolve, reject) {
      var script = document.createElement('script');
      script.src = page.grid;
      script.onload = function () {
        var real = window.dash_ag_grid;
        window.dash_ag_grid = Object.assign({}, real, {AgGrid: Grid});
        resolve(real.AgGrid);
      };
      script.onerror = function () { loading = null; reject(new Error('The table could not be loaded.')); };
      document.head.appendChild(script);
    });
    return loading;
  }

  function Grid(props) {
    var state = React.useState(null), real = state[0], keep = state[1];
    React.useEffect(function () {
      var here = true;
      load().then(function (found) { if (here) keep(function () { return found; }); });
      return function () { here = false; };
    }, []);
    if (real) return React.createElement(real, props);
    return React.createElement('div', {id: props.id, className: 'state state-loading', style: props.style || {height: 400}});
  }

  window.dash_ag_grid = {AgGrid: Grid};
})();
