// The React halves of components/svg.py (one element, drawn as told) and of components/still.py (a whole subtree).
(function () {
  'use strict';
  function Svg(props) {
    var attrs = Object.assign({}, props.attrs);
    if (props.id) attrs.id = typeof props.id === 'string' ? props.id : JSON.stringify(props.id);
    return window.React.createElement(props.tag || 'svg', attrs, props.children);
  }

  function build(node) {
    if (!Array.isArray(node)) return node;
    return window.React.createElement.apply(null, [node[0], node[1]].concat(node[2].map(build)));
  }
  function Still(props) { return build(props.tree); }

  window.vigie = window.vigie || {};
  window.vigie.Svg = Svg;
  window.vigie.Still = Still;
})();
