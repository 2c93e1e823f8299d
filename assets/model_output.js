// The output of a model process (components/model_dialogs.py): follows, until one scrolls up to read.
(function () {
  'use strict';
  const vigie = window.vigie = window.vigie || {};
  const EVERY = 2000, MOST = 2000, AT_ONCE = 500, NEAR = 12;
  let shown = null, asking = false;

  const here = () => document.querySelector('#react-entry-point [data-output]');
  const near = at => at.scrollHeight - at.scrollTop - at.clientHeight < NEAR;
  const say = words => { shown.at.parentElement.querySelector('.model-output-say').textContent = words; };
  const follow = on => {
    shown.follows = on;
    shown.at.parentElement.querySelector('[data-output-follow]').hidden = on;
  };

  function line(text, at) {
    if (!at) return vigie.element('div', 'model-output-line muted', text);
    const time = vigie.element('time', '', vigie.format.clock(Date.parse(at)));
    time.dateTime = at;
    return vigie.element('div', 'model-output-line', time, text);
  }

  function add(told) {
    const at = shown.at, lines = [];
    if (told.left_out && shown.after) lines.push(line(at.dataset.wordsLeft.replace('{count}', vigie.format.number(told.left_out, 0))));
    told.lines.forEach(one => { lines.push(line(one.text, one.at)); shown.after = one.seq; });
    if (lines.length) {
      const height = at.scrollHeight, top = at.scrollTop;
      at.append(...lines);
      while (at.childElementCount > MOST) at.firstElementChild.remove();
      if (shown.follows) at.scrollTop = at.scrollHeight;
      else if (at.childElementCount === MOST) at.scrollTop = Math.max(0, top - Math.max(0, height - at.scrollHeight));
    }
    say(at.childElementCount ? '' : at.dataset.wordsEmpty);
  }

  async function ask() {
    const at = here();
    if (!at || document.hidden || asking) return;
    if (!shown || shown.at !== at) shown = {at, after: 0, boot: '', follows: true};
    asking = true;
    const of = shown;
    try {
      const told = await vigie.api('GET', '/api/v1/models/logs' + vigie.query({model: at.dataset.output, after: of.after, limit: AT_ONCE}));
      if (of !== shown) return;
      if (of.boot && of.boot !== told.boot) {  // numbers begin anew: all of it is fetched again
        of.after = 0;
        of.boot = told.boot;
        at.replaceChildren(line(at.dataset.wordsAnew));
      } else {
        of.boot = told.boot;
        add(told);
      }
    } catch (error) {
      if (of === shown) say(error.detail || error.title);
    } finally { asking = false; }
  }

  document.addEventListener('scroll', event => {
    if (shown && event.target === shown.at) follow(near(shown.at));
  }, true);
  document.addEventListener('click', event => {
    if (!shown || !event.target.closest || !event.target.closest('[data-output-follow]')) return;
    shown.at.scrollTop = shown.at.scrollHeight;
    follow(true);
  });
  setInterval(ask, EVERY);
  document.addEventListener('vigie:entered', ask);
})();
