// Will it fit? and the definition of a model process (components/model_files.py, components/model_dialogs.py).
(function () {
  'use strict';
  const vigie = window.vigie = window.vigie || {};
  const get = id => document.getElementById(id);
  const filled = (words, values) => words.replace(/\{(\w+)\}/g, (all, name) => (name in values ? values[name] : all));
  const bytes = value => vigie.format.human(value, 'bytes');

  // ---- will it fit?

  const TAKEN = ['weights', 'cache', 'compute', 'process'];
  const STEPS = 4;  // of the slider, to each doubling
  let asked = null, wait = 0, flight = null;

  const fitForm = () => get('models-fit').querySelector('form');
  const words = name => get('models-fit').querySelector('.fit-answer').dataset['words' + name];
  const label = name => get('models-fit').querySelector(`[data-part=${name}]`).textContent;
  const toSlide = tokens => Math.round(Math.log2(Math.max(tokens, 512)) * STEPS);

  function fromSlide(at) {
    if (asked.trained && at === toSlide(asked.trained)) return asked.trained;
    const tokens = 2 ** (at / STEPS);
    return Math.max(512, Math.round(tokens / 256) * 256);
  }

  function openFit(of) {
    asked = of;
    const box = get('models-fit'), form = fitForm();
    box.querySelector('form').reset();
    form.context.value = '';
    form.slots.value = '1';
    form.slide.max = toSlide(Math.max(of.trained || 131072, 4096));
    box.querySelector('.dialog-aside').textContent = of.name;
    const run = box.querySelector('[data-fit-run]');
    if (run) run.hidden = !of.file;
    wipe(words('Asking'));
    vigie.dialog.open('models-fit');
    ask();
  }

  function wipe(said) {
    const box = get('models-fit').querySelector('.fit-answer');
    box.querySelector('.fit-sentence').textContent = said;
    box.querySelector('.fit-sentence').className = 'fit-sentence';
    ['.fit-places', '.fit-notes', '.fit-total', '.fit-source'].forEach(part => box.querySelector(part).replaceChildren());
    box.classList.add('is-empty');
  }

  async function ask() {
    const form = fitForm(), of = asked;
    if (!form.checkValidity()) return;
    if (flight) flight.abort();
    flight = new AbortController();
    const query = {
      file: of.file, model: of.model, context: form.context.value, slots: form.slots.value, cache_type: form.cache.value,
      gpus: form.gpus.value,
    };
    try {
      const told = await vigie.api('GET', '/api/v1/models/fit' + vigie.query(query), undefined, flight.signal);
      if (asked === of) show(told);
    } catch (error) {
      if (!error.aborted && asked === of) wipe(error.detail || error.title);
    }
  }

  function show(told) {
    const box = get('models-fit').querySelector('.fit-answer'), form = fitForm();
    if (!form.context.value) form.context.value = told.context;
    if (!asked.trained && told.trained) {
      asked.trained = told.trained;
      form.slide.max = toSlide(Math.max(told.trained, 4096));
    }
    form.slide.value = toSlide(told.context);
    box.classList.remove('is-empty');
    const said = box.querySelector('.fit-sentence');
    said.textContent = told.sentence;
    said.className = 'fit-sentence ' + (told.fits === 'yes' && !told.tight ? 'is-ok' : told.fits === 'no' ? 'is-critical' : 'is-warning');
    const needed = name => label(name) + ' ' + (told.need[name] === null ? words('Unknown') : bytes(told.need[name]));
    get('models-fit').querySelector('.fit-gpus').hidden = !told.gpus.length && !form.gpus.value;
    const places = told.fits === null ? [] : told.gpus.concat(told.host ? [told.host] : []);
    box.querySelector('.fit-places').replaceChildren(...places.map(place));
    box.querySelector('.fit-total').textContent = [filled(words('Total'), {total: bytes(told.need.total), parts: TAKEN.map(needed).join(', ')}), told.need.how_sure].join(' ');
    box.querySelector('.fit-notes').replaceChildren(...told.need.notes.map(note => vigie.element('li', '', note)));
    box.querySelector('.fit-source').textContent = told.need.source;
  }

  function place(one) {
    const takes = TAKEN.reduce((sum, name) => sum + one.takes[name], 0), whole = Math.max(one.total, one.others + takes);
    const parts = [['others', one.others], ...TAKEN.map(name => [name, one.takes[name]])];
    parts.push(['free', Math.max(0, one.total - one.others - takes)]);
    const at = vigie.element('div', 'fit-place'), head = vigie.element('p', 'fit-place-head'), bar = vigie.element('div', 'fit-bar');
    head.append(vigie.element('strong', '', one.gpu ? filled(words('Gpu'), {gpu: one.gpu}) + (one.name ? ' · ' + one.name : '') : words('Host')));
    const values = {takes: bytes(takes), free: bytes(one.free), total: bytes(one.total), own: bytes(one.own)};
    let about = filled(words(takes ? 'Place' : 'None'), values);
    if (one.own) about += '; ' + filled(words('Own'), values);
    head.append(vigie.element('span', 'num', about));
    bar.setAttribute('role', 'img');
    const said = [];
    parts.filter(([, size]) => size > 0).forEach(([name, size]) => {
      const part = vigie.element('span', 'fit-part fit-' + name);
      part.style.width = 100 * size / whole + '%';
      part.title = label(name) + ': ' + bytes(size);
      said.push(part.title);
      bar.append(part);
    });
    if (whole > one.total) {
      const edge = vigie.element('span', 'fit-edge');
      edge.style.left = 100 * one.total / whole + '%';
      bar.append(edge);
    }
    bar.setAttribute('aria-label', said.join(', '));
    at.append(head, bar);
    return at;
  }

  document.addEventListener('input', event => {
    if (!event.target.closest || !event.target.closest('#models-fit')) return;
    const form = fitForm();
    if (event.target === form.slide) form.context.value = fromSlide(Number(form.slide.value));
    if (event.target === form.context && form.context.value) form.slide.value = toSlide(Number(form.context.value));
    clearTimeout(wait);
    wait = setTimeout(ask, 200);
  });

  // ---- a model process, new or changed

  const FIELDS = ['name', 'file', 'contextSize', 'port', 'gpus', 'idleMinutes', 'command'];
  const NUMBERS = ['contextSize', 'port', 'idleMinutes'], CHECKS = ['onDemand', 'autostart'];
  const FRESH = {name: '', file: '', contextSize: '', port: 0, gpus: '', idleMinutes: 0, command: '', onDemand: true, autostart: false};
  let edited = null;

  const defineBox = () => get('models-define');
  const definitions = () => vigie.api('GET', '/api/v1/models/definitions');

  function fill(values) {
    const form = defineBox().querySelector('form');
    FIELDS.forEach(name => { form.elements[name].value = values[name] === null || values[name] === undefined ? '' : values[name]; });
    CHECKS.forEach(name => { form.elements[name].checked = Boolean(values[name]); });
    form.querySelector('details').open = Boolean(values.command);
    wrong([]);
  }

  // Each field says what is wrong with it; the others are told below. True when all could be.
  function wrong(errors) {
    const left = [];
    defineBox().querySelectorAll('[data-error]').forEach(at => {
      const own = errors.find(one => one.field === at.dataset.error);
      at.hidden = !own;
      at.textContent = own ? own.allowed : '';
      if (own) at.closest('details') && (at.closest('details').open = true);
    });
    errors.forEach(one => { if (!defineBox().querySelector(`[data-error="${CSS.escape(one.field)}"]`)) left.push(one.field + ': ' + one.allowed); });
    vigie.dialog.say('models-define', left.join(' '), true);
  }

  async function openNew(given) {
    try {
      const told = await definitions(), names = told.data.map(one => one.name);
      let name = given.name || '';
      for (let n = 2; name && names.includes(name); n += 1) name = given.name + '-' + n;
      edited = {name: null, version: told.version, definition: {}};
      vigie.dialog.close('models-fit');
      open('New', '');
      fill(Object.assign({}, FRESH, {name, file: given.file || '', contextSize: given.context || '', gpus: given.gpus || ''}));
    } catch (error) { vigie.problem(error); }
  }

  async function openEdit(name, again) {
    try {
      const told = await definitions(), found = told.data.find(one => one.name === name);
      if (!found) return;
      edited = {name, version: told.version, definition: found.definition};
      if (!again) open('Edit', name);
      fill(found.definition);
    } catch (error) { vigie.problem(error); }
  }

  function open(kind, name) {
    const box = defineBox();
    box.querySelector('.dialog-title').textContent = filled(box.querySelector('form').dataset['words' + kind], {name});
    vigie.dialog.open('models-define');
  }

  async function save(button) {
    const form = defineBox().querySelector('form'), definition = Object.assign({}, edited.definition);
    if (!form.reportValidity()) return;
    FIELDS.forEach(name => {
      const value = form.elements[name].value.trim();
      definition[name] = NUMBERS.includes(name) ? (value === '' ? (name === 'contextSize' ? null : 0) : Number(value)) : value;
    });
    CHECKS.forEach(name => { definition[name] = form.elements[name].checked; });
    button.disabled = true;
    wrong([]);
    try {
      const path = '/api/v1/models/definitions/' + (edited.name || definition.name).split('/').map(encodeURIComponent).join('/');
      const told = await vigie.api('PUT', path, {version: edited.version, definition});
      vigie.dialog.close('models-define');
      vigie.toast(told.message);
      if (edited.name && edited.name !== told.name) leave();
    } catch (error) {
      if (error.status === 409 && edited.name && !error.errors) {
        await openEdit(edited.name, true);
        vigie.dialog.say('models-define', form.dataset.wordsAgain, true);
      } else if (error.errors) wrong(error.errors);
      else vigie.dialog.problem('models-define', error);
    }
    button.disabled = false;
  }

  const leave = () => { if (document.querySelector('.model-process')) location.assign(vigie.url('/models')); };

  async function remove(button) {
    button.disabled = true;
    try {
      const told = await vigie.api('DELETE', '/api/v1/models/definitions/' + edited.name.split('/').map(encodeURIComponent).join('/'));
      vigie.dialog.close('models-remove');
      vigie.toast(told.message);
      leave();
    } catch (error) { vigie.dialog.problem('models-remove', error); }
    button.disabled = false;
  }

  document.addEventListener('submit', event => {
    if (!event.target.closest('#models-fit, #models-define')) return;
    event.preventDefault();
    if (event.target.closest('#models-define')) save(defineBox().querySelector('[data-define-save]'));
  });

  document.addEventListener('click', event => {
    const button = event.target.closest && event.target.closest('button');
    if (!button) return;
    const of = button.dataset;
    if ('fit' in of) openFit({file: of.file, name: of.name, process: of.process, trained: Number(of.trained) || 0});
    else if ('fitModel' in of) openFit({model: of.fitModel, name: of.fitModel, trained: 0});
    else if ('fitRun' in of) openNew({name: asked.process, file: asked.file, context: fitForm().context.value, gpus: fitForm().gpus.value});
    else if ('define' in of) openNew({name: of.process, file: of.file});
    else if ('defineEdit' in of) openEdit(of.defineEdit);
    else if ('defineSave' in of) save(button);
    else if ('defineRemove' in of) {
      edited = {name: of.defineRemove};
      get('models-remove').querySelector('.define-which').textContent = of.defineRemove;
      vigie.dialog.open('models-remove');
    } else if ('defineRemoveNow' in of) remove(button);
  });
})();
