// Sums about models follow the window of the charts; a comparison stands in the address.
(function () {
  'use strict';
  const vigie = window.vigie = window.vigie || {};
  const pages = vigie.pages = vigie.pages || {};
  const all = pages.models = pages.models || {}, one = pages.model = pages.model || {};
  const FIELDS = {with: 'models-with', against: 'models-against', since: 'models-since', until: 'models-until'};
  let at = 0;

  all.painted = shown => {
    clearTimeout(at);
    at = setTimeout(() => {
      vigie.props('models-energy-span', {data: {from: shown.from, to: shown.to, seconds: shown.seconds}});
    }, 300);
  };

  const field = name => document.querySelector('#react-entry-point #' + FIELDS[name]);

  // Only what is chosen: the first model of the list is that of the page.
  function chosen() {
    const found = {}, own = field('against') && field('against').value === 'own';
    Object.keys(FIELDS).forEach(name => {
      const node = field(name);
      if (!node || !node.value || node.value === 'none' || (name === 'with' && node.selectedIndex === 0)) return;
      if (own || (name !== 'since' && name !== 'until')) found[name] = node.value;
    });
    return found;
  }

  const params = one.params || (() => ({}));
  one.params = () => Object.assign(params(), chosen());

  document.addEventListener('change', event => {
    if (Object.values(FIELDS).includes(event.target.id)) setTimeout(() => vigie.timebar.remember(true), 0);
  });
})();
