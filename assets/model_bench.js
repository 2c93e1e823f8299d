// Load tests on a model's page: started, cancelled, named and deleted.
(function () {
  'use strict';
  const vigie = window.vigie = window.vigie || {};
  let asked = 0;
  const look = () => vigie.props('models-bench-ask', {data: asked += 1});
  const whole = text => Number(text.trim());
  const several = text => text.split(/[\s,;]+/).filter(Boolean).map(Number);

  function plan(fields) {
    const made = {
      concurrency: several(fields.concurrency.value), prompt_tokens: several(fields.prompt_tokens.value),
      answer_tokens: whole(fields.answer_tokens.value), seconds: whole(fields.seconds.value), cached: fields.cached.checked,
    };
    if (fields.requests.value.trim()) made.requests = whole(fields.requests.value);
    return made;
  }

  // Which field is meant: the last name in 'plan.concurrency.2'; a plan as a whole says it itself.
  const words = error => (error.errors || []).map(one => {
    const name = one.field.split('.').filter(part => part !== 'plan' && !/^\d+$/.test(part)).pop();
    return (name && name !== 'body' ? name + ': ' : '') + one.allowed;
  }).join('; ') || [error.title, error.detail].filter(Boolean).join(': ');

  document.addEventListener('submit', async event => {
    const form = event.target.closest && event.target.closest('.bench-form');
    if (!form) return;
    event.preventDefault();
    const said = form.querySelector('.bench-said'), button = form.querySelector('[type=submit]');
    said.textContent = '';
    button.disabled = true;
    try {
      await vigie.api('POST', '/api/v1/models/bench', {
        model: form.dataset.benchModel, server: form.dataset.benchServer, plan: plan(form.elements),
      });
      look();
    } catch (error) { said.textContent = words(error); }
    button.disabled = false;
  });

  document.addEventListener('click', async event => {
    const button = event.target.closest && event.target.closest('[data-bench-cancel], [data-bench-delete]');
    if (!button) return;
    const number = button.dataset.benchDelete;
    if (number && !button.classList.contains('is-sure')) {
      const label = button.querySelector('span'), before = label.textContent;
      label.textContent = button.dataset.words;
      button.classList.add('is-sure');
      setTimeout(() => { label.textContent = before; button.classList.remove('is-sure'); }, 4000);
      return;
    }
    button.disabled = true;
    try {
      if (number) await vigie.api('DELETE', '/api/v1/models/bench/' + number);
      else await vigie.api('POST', '/api/v1/models/bench/cancel', {});
      look();
    } catch (error) { vigie.problem(error); }
    button.disabled = false;
  });

  document.addEventListener('change', async event => {
    const field = event.target.closest && event.target.closest('[data-bench-note]');
    if (!field) return;
    try {
      await vigie.api('PUT', '/api/v1/models/bench/' + field.dataset.benchNote + '/note', {note: field.value.trim()});
      look();
    } catch (error) { vigie.problem(error); }
  });
})();
