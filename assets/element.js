// One element of the page.
//
//   vigie.element(tag, css, ...inside)   of the class css, where it has one; inside are texts and elements
(function () {
  'use strict';
  const vigie = window.vigie = window.vigie || {};

  vigie.element = function (tag, css, ...inside) {
    const made = document.createElement(tag);
    if (css) made.className = css;
    made.append(...inside);
    return made;
  };
})();
