// Load tests on a model's page: started, cancelled, named and deleted.
(function () {
  'use strict';
  const vigie = window.vigie = window.vigie || {};
  let asked = 0;
  const look = () => vigie.props('models-bench-ask', {data: asked += 1});
  const whole = text => Number(text.trim().replace(',', '.'));
  const several = text => text.split(/[\s,;]+/).filter(Boolean).map(Number);

  function plan(fields) {
    const made = {
      concurrency: several(fields.concurrency.value), prompt_tokens: several(fields.prompt_tokens.value),
      answer_tokens: whole(fields.answer_tokens.value), seconds: whole(fields.seconds.value), cached: fields.cached.checked,
    };
    if (fields.requests.value.trim()) made.requests = whole(fields.requests.value);
    return made;
  }

  const filled = (text, params) => text.replace(/\{(\w+)\}/g, (place, name) => name in params ? params[name] : place);
  const named = ['concurrency', 'prompt_tokens', 'answer_tokens', 'seconds', 'requests'];

  // What is wrong with a field, as a sentence; '' when nothing is. The server has the same bounds.
  function wrong(form, field) {
    const given = field.value.trim(), most = Number(field.dataset.most), count = Number(field.dataset.count);
    if (!given && field.name === 'requests') return '';
    const numbers = count > 1 ? several(given) : [whole(given)];
    const fits = n => n >= 1 && n <= most && (field.name === 'seconds' || Number.isInteger(n));
    const rising = numbers.every((n, place) => !place || n > numbers[place - 1]);
    if (given && numbers.length && numbers.length <= count && numbers.every(fits) && rising) return '';
    return said(form, field);
  }

  const said = (form, field) => filled(field.value.trim() ? form.dataset.wordsBad : form.dataset.wordsEmpty, {
    label: field.dataset.label, given: field.value.trim(), allowed: field.dataset.allowed,
  });

  function tooLong(form, made) {
    const steps = made.concurrency.length * made.prompt_tokens.length;
    const given = Number(form.dataset.warmUp) + steps * (made.seconds + Number(form.dataset.pause));
    return given <= Number(form.dataset.longest) ? '' : filled(form.dataset.wordsLong, {
      label: form.elements.seconds.dataset.label, steps, seconds: made.seconds, given, most: form.dataset.longest,
    });
  }

  // Which fields are meant, each once: by the last name in 'plan.concurrency.2'.
  const words = (form, error) => [...new Set((error.errors || []).map(one => {
    const name = one.field.split('.').filter(part => named.includes(part)).pop();
    return name ? said(form, form.elements[name]) : one.allowed;
  }))].join(' ') || [error.title, error.detail].filter(Boolean).join(': ');

  document.addEventListener('submit', async event => {
    const form = event.target.closest && event.target.closest('.bench-form');
    if (!form) return;
    event.preventDefault();
    const line = form.querySelector('.bench-said'), button = form.querySelector('[type=submit]');
    line.textContent = named.map(name => wrong(form, form.elements[name])).filter(Boolean).join(' ') ||
      tooLong(form, plan(form.elements));
    if (line.textContent) return;
    button.disabled = true;
    try {
      await vigie.api('POST', '/api/v1/models/bench', {
        model: form.dataset.benchModel, server: form.dataset.benchServer, plan: plan(form.elements),
      });
      look();
    } catch (error) { line.textContent = words(form, error); }
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
