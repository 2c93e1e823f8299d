// The pages about models: what can be done with one, the cell of a heatmap and the requests behind it.
(function () {
  'use strict';
  const vigie = window.vigie = window.vigie || {};
  const pages = vigie.pages = vigie.pages || {};
  let view = null, cell = null, awaited = null, at = 0;

  const here = () => {
    const root = vigie.timebar && vigie.timebar.here();
    return root && /^models?$/.test(root.dataset.page) ? root : null;
  };

  // Sums and the objective are of what the charts show; while these move along, of as long.
  function painted(shown) {
    clearTimeout(at);
    at = setTimeout(() => {
      if (here()) vigie.props('models-span', {data: {from: shown.from, to: shown.to, seconds: shown.seconds}});
    }, 300);
  }

  pages.models = {painted};
  pages.model = {
    params: () => (view ? Object.assign({server: view.server, model: view.model}, compared()) : {}),
    entered: given => { view = given; },
    painted,
  };

  // ---- a comparison stands in the address

  const FIELDS = {with: 'models-with', against: 'models-against', since: 'models-since', until: 'models-until'};
  const field = name => document.querySelector('#react-entry-point #' + FIELDS[name]);

  // Only what is chosen: the first model of the list is that of the page.
  function compared() {
    const found = {}, own = field('against') && field('against').value === 'own';
    Object.keys(FIELDS).forEach(name => {
      const node = field(name);
      if (!node || !node.value || node.value === 'none' || (name === 'with' && node.selectedIndex === 0)) return;
      if (own || (name !== 'since' && name !== 'until')) found[name] = node.value;
    });
    return found;
  }

  document.addEventListener('change', event => {
    if (Object.values(FIELDS).includes(event.target.id)) setTimeout(() => vigie.timebar.remember(true), 0);
  });

  // ---- start, stop, load, unload

  document.addEventListener('click', async event => {
    const button = event.target.closest && event.target.closest('[data-model-do]');
    if (!button || button.disabled) return;
    const row = button.closest('[data-model]'), action = button.getAttribute('data-model-do');
    event.preventDefault();
    button.disabled = true;
    try {
      const said = await vigie.api('POST', '/api/v1/models/' + action, {model: row.dataset.model, server: row.dataset.server});
      vigie.toast(said.message);
      // The hours unused are drawn anew seldom, and offer what was just done: soon the row tells its new state.
      setTimeout(() => document.querySelector('#react-entry-point .energy-table') && vigie.props('models-slow-tick', {n_intervals: Date.now()}), 3000);
    } catch (error) { vigie.problem(error); }
    button.disabled = false;
  });

  // ---- a cell of a latency heatmap

  function choose(given) {
    cell = given;
    if (awaited) awaited.disconnect();
    if (given && given.upTo === null) openSlowest(given.measure);
    vigie.props('models-cell', {data: given});
    if (given) document.getElementById('model-requests').scrollIntoView({behavior: 'smooth', block: 'start'});
  }
  document.addEventListener('vigie:bucket', event => {
    if (!here() || !document.querySelector('#react-entry-point #models-requests')) return;
    event.preventDefault();
    choose(event.detail);
  });
  document.addEventListener('click', event => {
    if (event.target.closest && event.target.closest('[data-cell-clear]') && cell) choose(null);
  });

  // A point of a line of percentiles asks why it was so slow then: the slowest request behind it opens by itself.
  function openSlowest(measure) {
    awaited = new MutationObserver(() => {
      awaited.disconnect();
      requestAnimationFrame(() => {
        const took = row => Number(row.getAttribute('data-' + measure.replace('_', '-')) || 0);
        const rows = Array.from(document.querySelectorAll('#react-entry-point #models-requests .model-request'));
        if (rows.length) rows.reduce((a, b) => (took(b) > took(a) ? b : a)).open = true;
      });
    });
    awaited.observe(document.querySelector('#react-entry-point #models-cell-said'), {childList: true, subtree: true, characterData: true});
  }

  // ---- why was it slow

  document.addEventListener('toggle', event => {
    const row = event.target, box = row.open && row.matches('.model-request') && row.querySelector('.model-autopsy');
    if (box && !box.firstChild) row.querySelector('[data-autopsy]').click();
  }, true);
  document.addEventListener('click', async event => {
    const button = event.target.closest && event.target.closest('[data-autopsy]');
    if (!button) return;
    const box = button.closest('.audit-more').querySelector('.model-autopsy');
    button.disabled = true;
    try {
      const told = await vigie.api('GET', '/api/v1/models/requests/' + button.getAttribute('data-autopsy') + '/autopsy');
      // What the headline says is not said again below it.
      const more = told.findings.filter(one => !told.headline.includes(one.sentence));
      const list = vigie.element('ul', '', ...more.map(one => vigie.element('li', '', one.sentence)));
      const moment = vigie.element('dl', 'model-moment', ...told.moment.map(one => vigie.element('div', '',
        vigie.element('dt', '', one.name), vigie.element('dd', 'num', one.now), vigie.element('dd', 'muted', one.usual))));
      box.replaceChildren(vigie.element('p', 'model-autopsy-head', told.headline), ...(more.length ? [list] : []),
        vigie.element('p', 'model-moment-head', told.moment_head), moment);
    } catch (error) { vigie.problem(error); }
    button.disabled = false;
  });

  // The log asks anew while nobody reads in it: no row is open, nothing older was fetched, no pointer is over it.
  setInterval(() => {
    const log = here() && document.querySelector('#react-entry-point .model-log');
    if (!log) return;
    const busy = document.hidden || log.querySelector('details[open]') || log.matches(':hover') || log.querySelectorAll('.model-request').length > 25 || cell;
    if (String(Boolean(busy)) === log.dataset.still) return;
    log.dataset.still = String(Boolean(busy));
    vigie.props('models-log-tick', {disabled: Boolean(busy)});
  }, 1000);
})();
