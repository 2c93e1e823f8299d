// A channel as it stands in the form, saved or not: its test, which is answered by the other side, and what its templates
// make of an example.
(function () {
  'use strict';
  const vigie = window.vigie = window.vigie || {};
  const mine = () => vigie.configuration, form = () => vigie.configForm;
  const say = (name, values) => mine().say(name, values);

  function told(out, css, ...parts) {
    out.className = 'cf-entry-say ' + css;
    out.replaceChildren(...parts);
    if (out.getBoundingClientRect().bottom > innerHeight - 90) out.scrollIntoView({block: 'center'});  // the bar that saves lies over the end
  }

  const problem = error => (error.errors || []).map(one => [say('of-' + one.field), one.allowed].join(': ')).join('; ') || [error.title, error.detail].filter(Boolean).join(': ');

  async function test(called, channel, out) {
    told(out, '', say('testing'));
    try {
      const answer = await vigie.api('POST', '/api/v1/notifications/' + encodeURIComponent(called) + '/test', {channel});
      const said = [answer.error, answer.status, answer.answer].filter(Boolean).join(' · ') + ' (' + vigie.format.number(answer.seconds, 2) + ' s)';
      told(out, answer.ok ? 'is-good' : 'is-bad', [say(answer.ok ? 'test-ok' : 'test-bad', {answer: said}), ...answer.remarks].join(' '));
    } catch (error) {
      told(out, 'is-bad', say('test-bad', {answer: [error.title, error.detail].filter(Boolean).join(': ')}));
    }
  }

  async function preview(called, channel, out) {
    try {
      const made = await vigie.api('POST', '/api/v1/notifications/preview', {title: channel.titleTemplate, body: channel.bodyTemplate, timezone: channel.timezone});
      told(out, 'is-preview', vigie.configDiff.element('strong', '', made.title), vigie.configDiff.element('span', '', made.text));
    } catch (error) {
      if (!error.status) throw error;
      told(out, 'is-bad', problem(error));
    }
  }

  document.addEventListener('click', event => {
    const at = event.target.closest && event.target.closest('.configuration :is([data-cf=test], [data-cf=preview])');
    if (!at || !mine() || !mine().page()) return;
    const item = at.closest('[data-item]'), out = item.querySelector('.cf-entry-say'), name = item.querySelector('.cf-entry-name').value.trim();
    if (!name) { told(out, '', say('name')); return; }
    const channel = form().look(form().read(mine().page()), 'notifications.targets.' + name);
    if (channel.url.startsWith(form().KEPT)) channel.url = form().KEPT;
    at.disabled = true;
    (at.dataset.cf === 'test' ? test : preview)(item.dataset.was || name, channel, out).catch(vigie.problem).finally(() => { at.disabled = false; });
  });
})();
