// The form of the configuration: reads it as a document, writes a document into it, and marks what differs.
// Drawn by components/config_form.py; the tree of [data-kind] is the tree of the file.
//
//   vigie.configForm.read(page)               the document in the form, nested as the file
//   vigie.configForm.fill(page, doc, skip)    writes a document; skip(path) leaves a field alone
//   vigie.configForm.row(page, path)          the field of a dotted path, or the nearest part above it
//   vigie.configForm.path(row)                the dotted path of a field
//   vigie.configForm.put(page, path, value)   writes one value
//   vigie.configForm.value(row)               reads one value
//   vigie.configForm.paint(page, base)        marks each field: edited, differs from the default
//   vigie.configForm.wire(within)             gives labels their controls
//   'vigie:config-edited' on document         something in the form was changed by hand
(function () {
  'use strict';
  const vigie = window.vigie = window.vigie || {};
  const KEPT = '********';
  let count = 0;

  const all = (at, what) => Array.from(at.querySelectorAll(what)).filter(one => !one.closest('template'));
  const roots = page => all(page, '.cf-root');
  const parts = at => Array.from(at.children).flatMap(one => (one.dataset && one.dataset.kind ? [one] : parts(one)));
  const items = holder => Array.from(holder.querySelector('.cf-items').children);
  const inner = item => item.querySelector('[data-kind=group]');
  const nameOf = item => item.querySelector('.cf-entry-name').value.trim();
  const same = (a, b) => JSON.stringify(a) === JSON.stringify(b);
  const known = row => (row.dataset.default === undefined ? undefined : JSON.parse(row.dataset.default));

  // ---- one field

  const READ = {
    switch: row => row.querySelector('input').checked,
    select: row => {
      const text = row.querySelector('select').value;
      return typeof known(row) === 'number' ? Number(text) : text;
    },
    words: row => row.querySelector('input').value.split(/[\s,;]+/).filter(Boolean),
    choices: row => all(row, 'input:checked').map(one => one.value),
    names: row => JSON.parse(row.querySelector('.cf-chips').dataset.value),
    secret: row => {
      const box = row.querySelector('.cf-secret-box'), input = box.querySelector('input');
      if (!input.hidden) return input.value || (box.dataset.was ? KEPT : '');
      return box.dataset.was && !box.dataset.gone ? KEPT + elsewhere(row) : '';
    },
    slider: row => number(row.querySelector('input[type=number]')),
    whole: row => number(row.querySelector('input')),
    number: row => number(row.querySelector('input')),
  };
  // The secret of an entry that got another name lies where it was called by the old one.
  function elsewhere(row) {
    const item = row.closest('[data-item]'), was = item && item.dataset.was;
    if (!was || was === nameOf(item)) return '';
    const there = path(row).split('.');
    there[there.indexOf(nameOf(item))] = was;
    return there.join('.');
  }
  const text = row => row.querySelector('input, textarea').value;
  const number = input => (input.value === '' ? null : Number(input.value));
  const value = row => (READ[row.dataset.kind] || text)(row);

  const WRITE = {
    switch: (row, given) => { row.querySelector('input').checked = Boolean(given); },
    select: (row, given) => { row.querySelector('select').value = String(given); },
    words: (row, given) => { row.querySelector('input').value = (given || []).join(', '); },
    choices: (row, given) => all(row, 'input').forEach(one => { one.checked = (given || []).includes(one.value); }),
    names: (row, given) => { row.querySelector('.cf-chips').dataset.value = JSON.stringify(given || []); chips(row); },
    secret: (row, given) => {
      const box = row.querySelector('.cf-secret-box'), input = box.querySelector('input');
      if (given && !given.startsWith(KEPT)) { input.hidden = false; input.value = given; }
      else {
        const item = row.closest('[data-item]');
        if (given && given !== KEPT && item) item.dataset.was = given.split('.')[path(row).split('.').indexOf(nameOf(item))];
        box.dataset.was = given ? 'set' : ''; delete box.dataset.gone; input.hidden = true; input.value = '';
      }
      secret(box);
    },
    slider: (row, given) => all(row, 'input').forEach(one => { one.value = given === null ? '' : given; }),
  };
  function write(row, given) {
    if (WRITE[row.dataset.kind]) WRITE[row.dataset.kind](row, given);
    else row.querySelector('input, textarea').value = given === null || given === undefined ? '' : given;
    tell(row);
  }

  // What a secret is: set, not set, to be replaced, to be cleared. It is never shown.
  function secret(box) {
    const [replace, clear, keep] = box.querySelectorAll('button'), input = box.querySelector('input');
    const state = box.querySelector('.cf-secret-state'), typing = !input.hidden, gone = Boolean(box.dataset.gone);
    const now = typing ? 'new' : gone ? 'gone' : box.dataset.was ? 'set' : 'unset';
    state.textContent = state.dataset[now];
    box.dataset.state = now;
    replace.hidden = typing;
    replace.textContent = replace.getAttribute('data-words-' + (box.dataset.was ? 'set' : 'unset'));
    clear.hidden = !box.dataset.was || typing || gone;
    keep.hidden = !typing && !gone;
  }

  // The channels there are, to choose from.
  function chips(row) {
    const box = row.querySelector('.cf-chips'), page = row.closest('.configuration');
    if (!page) return;
    const chosen = JSON.parse(box.dataset.value);
    const holder = all(page, '[data-kind=map]').find(one => one.dataset.key === box.dataset.names.split('.').pop());
    const there = ['toast'].concat(holder ? items(holder).map(nameOf).filter(Boolean) : []);
    const names = there.concat(chosen.filter(name => !there.includes(name)));
    box.replaceChildren(...names.map(name => {
      const label = document.createElement('label'), input = document.createElement('input'), words = document.createElement('span');
      label.className = 'cf-chip' + (there.includes(name) ? '' : ' is-missing');
      if (!there.includes(name)) label.title = page.getAttribute('data-words-missing');
      if (name === 'toast') label.title = page.getAttribute('data-words-toast');
      input.type = 'checkbox';
      input.value = name;
      input.checked = chosen.includes(name);
      words.textContent = name;
      label.append(input, words);
      return label;
    }));
  }

  // A large number of a small unit, as one would say it.
  const SCALES = {
    ms: [[3600000, 'h'], [60000, 'min'], [1000, 's']], s: [[3600, 'h'], [60, 'min']], min: [[60, 'h']], MiB: [[1024, 'GiB']],
  };
  function tell(row) {
    const at = row.querySelector('.cf-amount'), scale = SCALES[row.dataset.unit];
    if (!at || !scale || row.dataset.kind === 'select') return;
    const given = value(row), fit = typeof given === 'number' && scale.find(one => given >= one[0]);
    const units = (vigie.page && vigie.page.units) || {};
    const unit = fit && (fit[1] === 'GiB' ? (units.bytes || [])[3] || 'GiB' : units[fit[1]] || fit[1]);
    at.hidden = !fit;
    if (fit) at.textContent = '= ' + vigie.format.number(given / fit[0], Number.isInteger(given / fit[0]) ? 0 : 1) + ' ' + unit;
  }

  // ---- the document

  function gather(part) {
    if (part.dataset.kind === 'group') {
      const made = {};
      parts(part).forEach(one => { made[one.dataset.key] = gather(one); });
      return made;
    }
    if (part.dataset.kind === 'list') return items(part).map(item => gather(inner(item)));
    if (part.dataset.kind === 'map') {
      const made = {};
      items(part).forEach(item => { made[nameOf(item)] = gather(inner(item)); });
      return made;
    }
    return value(part);
  }

  function deep(into, from) {
    Object.keys(from).forEach(key => {
      const there = into[key], here = from[key];
      if (there && here && typeof there === 'object' && typeof here === 'object' && !Array.isArray(here)) deep(there, here);
      else into[key] = here;
    });
    return into;
  }

  function read(page) {
    const made = {};
    roots(page).forEach(root => {
      let at = made;
      (root.dataset.at ? root.dataset.at.split('.') : []).forEach(key => { at = at[key] = at[key] || {}; });
      parts(root).forEach(part => deep(at, {[part.dataset.key]: gather(part)}));
    });
    return made;
  }

  function path(at) {
    const found = [];
    for (; at && !at.matches('.cf-root'); at = at.parentElement) {
      if (at.dataset.item) {
        const holder = at.closest('[data-kind=list], [data-kind=map]');
        found.unshift(holder.dataset.kind === 'map' ? nameOf(at) : String(items(holder).indexOf(at)));
      } else if (at.dataset.kind && at.dataset.key !== '*') found.unshift(at.dataset.key);
    }
    if (at && at.dataset.at) found.unshift(at.dataset.at);
    return found.join('.');
  }

  function row(page, wanted) {
    let best = null, length = -1;
    all(page, '.cf-root [data-kind]').forEach(one => {
      const at = path(one);
      if (at === wanted && one.dataset.key !== '*') { best = one; length = Infinity; }
      else if (length < at.length && (wanted.startsWith(at + '.') || at === wanted) && one.dataset.kind !== 'group') { best = one; length = at.length; }
    });
    return best;
  }

  // ---- lists and maps

  function fresh(holder, name) {
    const made = holder.querySelector(':scope > template > [data-item]').cloneNode(true);
    const label = made.querySelector('.cf-entry-name');
    if (label) label.value = name || '';
    if (name) Object.assign(made.dataset, {was: name, called: name});
    holder.querySelector('.cf-items').append(made);
    parts(inner(made)).forEach(one => { if (one.dataset.default !== undefined && one.dataset.kind !== 'secret') write(one, known(one)); });
    wire(made);
    return made;
  }

  function fillPart(part, given, skip, at) {
    const kind = part.dataset.kind;
    if (kind === 'group') {
      parts(part).forEach(one => fillPart(one, (given || {})[one.dataset.key], skip, at ? at + '.' + one.dataset.key : one.dataset.key));
    } else if (kind === 'list') {
      if (skip(at) || same(gather(part), given || [])) return;
      part.querySelector('.cf-items').replaceChildren();
      (given || []).forEach(one => fillPart(inner(fresh(part)), one, () => false, at));
    } else if (kind === 'map') {
      const names = Object.keys(given || {});
      items(part).forEach(item => {
        const name = nameOf(item);
        if (!names.includes(name) && !skip(at + '.' + name)) item.remove();
      });
      names.forEach(name => {
        const there = items(part).find(item => nameOf(item) === name);
        if (!there && skip(at + '.' + name)) return;
        if (there && !skip(at + '.' + name)) Object.assign(there.dataset, {was: name, called: name});
        fillPart(inner(there || fresh(part, name)), given[name], skip, at + '.' + name);
      });
    } else if (given !== undefined && !skip(at) && (kind === 'secret' || !same(value(part), given))) write(part, given);
  }

  function fill(page, doc, skip) {
    roots(page).forEach(root => {
      let at = doc;
      (root.dataset.at ? root.dataset.at.split('.') : []).forEach(key => { at = (at || {})[key]; });
      parts(root).forEach(part => fillPart(part, (at || {})[part.dataset.key], skip || (() => false), path(part)));
    });
    all(page, '.cf-as-names').forEach(chips);
  }

  function put(page, wanted, given) {
    const at = row(page, wanted);
    if (!at) return;
    const from = path(at);
    if (from === wanted) { fillPart(at, given, () => false, wanted); all(page, '.cf-as-names').forEach(chips); return; }
    const rest = wanted.slice(from.length + 1);
    if (at.dataset.kind === 'map' && !rest.includes('.')) {
      const there = items(at).find(item => nameOf(item) === rest);
      if (given === undefined) { if (there) there.remove(); }
      else fillPart(inner(there || fresh(at, rest)), given, () => false, wanted);
      all(page, '.cf-as-names').forEach(chips);
    }
  }

  // ---- marks

  const look = (doc, at) => at.split('.').reduce((found, key) => (found === null || found === undefined ? undefined : found[key]), doc);

  function paint(page, base) {
    all(page, '.cf-row').forEach(one => {
      const at = path(one), within = one.closest('[data-kind=list]');
      const given = value(one), was = within ? undefined : look(base, at);
      if (!within) one.classList.toggle('is-edited', !same(given, was));
      const usual = known(one), back = one.querySelector('.cf-reset');
      const differs = usual !== undefined && !same(given, usual) && !(typeof given === 'number' && given === usual);
      one.classList.toggle('is-other', Boolean(back) && differs);
      if (back) back.hidden = !differs;
    });
    all(page, '[data-kind=list]').forEach(one => one.classList.toggle('is-edited', !same(gather(one), look(base, path(one)) || [])));
    all(page, '[data-kind=map] [data-item]').forEach(one => {
      const at = path(one);
      one.classList.toggle('is-edited', look(base, at) === undefined);
    });
    all(page, '.cf-holder').forEach(one => {
      const full = one.dataset.most && items(one).length >= Number(one.dataset.most);
      one.querySelector('[data-cf=add]').disabled = Boolean(full);
    });
  }

  // A label leads to its control, and the control tells of its help and of what is wrong with it.
  function wire(within) {
    all(within, '.cf-row').forEach(one => {
      const control = one.querySelector('.cf-control input:not([type=range]):not([type=checkbox]), .cf-control select, .cf-control textarea, .cf-switch input');
      const label = one.querySelector('label.cf-name'), help = one.querySelector('.cf-help'), wrong = one.querySelector('.cf-error');
      const id = 'cf-' + (count += 1);
      if (control && label) { control.id = id; label.htmlFor = id; }
      if (help) help.id = id + '-help';
      if (wrong) wrong.id = id + '-wrong';
      const to = control || one.querySelector('[role=group]');
      if (to) to.setAttribute('aria-describedby', [help && help.id, wrong && wrong.id].filter(Boolean).join(' '));
      if (one.dataset.kind === 'names') chips(one);
      if (one.dataset.kind === 'secret') secret(one.querySelector('.cf-secret-box'));
      tell(one);
    });
  }

  // ---- by hand

  const edited = () => document.dispatchEvent(new CustomEvent('vigie:config-edited'));
  const within = event => (event.target.closest && event.target.closest('#react-entry-point .configuration .cf-root') ? event.target : null);

  document.addEventListener('input', event => {
    const at = within(event);
    if (!at) return;
    const here = at.closest('.cf-row');
    if (at.type === 'range') here.querySelector('input[type=number]').value = at.value;
    else if (here && here.dataset.kind === 'slider') here.querySelector('input[type=range]').value = at.value;
    if (here && here.dataset.kind === 'names') here.querySelector('.cf-chips').dataset.value = JSON.stringify(all(here, 'input:checked').map(one => one.value));
    if (here) tell(here);
    if (at.classList.contains('cf-entry-name')) all(at.closest('.configuration'), '.cf-as-names').forEach(chips);
    edited();
  });

  // Where alerts go follows the channel's new name.
  document.addEventListener('change', event => {
    const at = within(event);
    if (!at || !at.classList.contains('cf-entry-name')) return;
    const item = at.closest('[data-item]'), old = item.dataset.called, now = nameOf(item);
    item.dataset.called = now;
    if (!old || !now || old === now) return;
    all(at.closest('.configuration'), '.cf-as-names').forEach(row => {
      write(row, value(row).map(name => (name === old ? now : name)));
    });
    edited();
  });

  const ACTS = {
    reset: at => { const here = at.closest('.cf-row'); write(here, known(here)); (here.querySelector('input, select, textarea') || here).focus(); },
    add: at => {
      const made = fresh(at.closest('.cf-holder'));
      all(at.closest('.configuration'), '.cf-as-names').forEach(chips);
      made.querySelector('input').focus();
    },
    remove: at => {
      const item = at.closest('[data-item]'), holder = item.closest('.cf-holder'), page = at.closest('.configuration');
      const next = item.nextElementSibling || item.previousElementSibling;
      item.remove();
      all(page, '.cf-as-names').forEach(chips);
      (next ? next.querySelector('[data-cf=remove]') : holder.querySelector('[data-cf=add]')).focus();
    },
    secret: at => { const box = at.closest('.cf-secret-box'), input = box.querySelector('input'); delete box.dataset.gone; input.hidden = false; input.focus(); secret(box); },
    'secret-clear': at => { const box = at.closest('.cf-secret-box'); box.dataset.gone = '1'; secret(box); box.querySelector('[data-cf=secret-keep]').focus(); },
    'secret-keep': at => {
      const box = at.closest('.cf-secret-box'), input = box.querySelector('input');
      delete box.dataset.gone;
      input.hidden = true;
      input.value = '';
      secret(box);
      box.querySelector('[data-cf=secret]').focus();
    },
  };
  document.addEventListener('click', event => {
    const at = event.target.closest && event.target.closest('.configuration .cf-root [data-cf]');
    if (!at || !ACTS[at.dataset.cf]) return;
    ACTS[at.dataset.cf](at);
    edited();
  });

  vigie.configForm = {read, fill, row, path, put, value, paint, wire, look, same, all, KEPT};
})();
