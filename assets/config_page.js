// The Configuration page: what is edited and not saved yet, saving it, and what others save meanwhile.
//
//   vigie.configuration = {state, page(), edits(), settle(), ...}    config_others.js and config_more.js build on it
(function () {
  'use strict';
  const vigie = window.vigie = window.vigie || {};
  const clientside = window.dash_clientside = window.dash_clientside || {};
  const form = () => vigie.configForm, diff = () => vigie.configDiff, others = () => vigie.configOthers;
  const draft = () => ['vigie-config-draft', state.path, state.who].join(' ');  // each person's own, in each Vigie
  const state = {base: null, version: 0, clashes: new Map(), open: null, path: '', who: '', editable: false, tab: 'paths'};

  const page = () => document.querySelector('#react-entry-point .configuration');
  const here = () => (state.base !== null && page() ? page() : null);
  const say = (name, values) => diff().say(page(), name, values);
  const clone = value => JSON.parse(JSON.stringify(value));

  // ---- what is edited

  function deep(into, from) {
    Object.keys(from).forEach(key => {
      const there = into[key], now = from[key];
      const both = [there, now].every(one => one && typeof one === 'object' && !Array.isArray(one));
      if (both && key !== 'targets') deep(there, now); else into[key] = now;
    });
    return into;
  }
  const current = () => deep(clone(state.base), form().read(page()));
  const edits = () => (here() && state.editable ? diff().changes(state.base, current()) : []);

  let painting = 0;
  function later() { if (!painting) painting = setTimeout(() => { painting = 0; settle(); }, 60); }

  function settle() {
    const at = here();
    if (!at) return [];
    form().paint(at, state.base);
    const list = edits(), bar = at.querySelector('.cf-bar');
    if (bar) {
      bar.hidden = !list.length;
      const bad = at.querySelectorAll('.cf-root .is-wrong').length;
      bar.classList.toggle('is-wrong', bad > 0);
      bar.querySelector('.cf-count').textContent = bad ? (bad === 1 ? say('wrong-one') : say('wrong', {count: bad}))
        : list.length === 1 ? say('change') : say('changes', {count: list.length});
    }
    at.querySelectorAll('[data-cf-tab]').forEach(tab => {
      const panel = document.getElementById('cf-panel-' + tab.dataset.cfTab);
      tab.classList.toggle('is-edited', Boolean(panel.querySelector('.is-edited')));
      tab.classList.toggle('is-wrong', Boolean(panel.querySelector('.is-wrong')));
    });
    keep(list);
    return list;
  }

  // ---- an unfinished edit stays in the browser, without its secrets

  const secret = path => /(^|\.)(apiKey|url)$/.test(path);
  function strip(value, path) {
    if (!value || typeof value !== 'object') return;
    Object.keys(value).forEach(key => {
      if (!secret(path + '.' + key)) strip(value[key], path + '.' + key);
      else if (!value[key].startsWith(form().KEPT)) value[key] = '';
    });
  }
  function open(list) {
    const kept = clone(list.filter(one => !secret(one.path)));
    kept.forEach(one => strip(one.after, one.path));
    return kept;
  }

  function keep(list) {
    if (!state.editable) return;
    try {
      const kept = state.base.metadata && state.base.metadata.autoSave ? open(list) : [];
      if (kept.length) localStorage.setItem(draft(), JSON.stringify({at: Date.now(), version: state.version, changes: kept}));
      else localStorage.removeItem(draft());
    } catch (error) { /* private mode */ }
  }

  function bringBack() {
    let kept = null;
    try { kept = JSON.parse(localStorage.getItem(draft())); } catch (error) { return; }
    if (!kept || !Array.isArray(kept.changes) || !kept.changes.length || !state.editable) return;
    kept.changes.forEach(one => {
      const now = form().look(state.base, one.path);
      if (!form().same(now, one.before) && !form().same(now, one.after)) state.clashes.set(one.path, {theirs: now, by: ''});
      form().put(page(), one.path, one.after);
    });
    const time = new Intl.DateTimeFormat(vigie.page.lang, {day: 'numeric', month: 'short', hour: '2-digit', minute: '2-digit',
      hourCycle: 'h23', timeZone: vigie.timezone}).format(kept.at);
    notice('draft', say('draft', {time}), [[say('drop'), discard]]);
  }

  // ---- notices above the tabs

  function notice(kind, words, actions) {
    const box = page().querySelector('.cf-notices');
    box.querySelectorAll('[data-notice="' + kind + '"]').forEach(one => one.remove());
    if (!words) return;
    const made = diff().element('div', 'cf-notice', diff().element('span', '', words));
    made.dataset.notice = kind;
    (actions || []).forEach(([label, act]) => {
      const button = diff().element('button', 'button button-small', label);
      button.type = 'button';
      button.addEventListener('click', () => { made.remove(); act(); });
      made.append(button);
    });
    const close = diff().element('button', 'cf-notice-close', '×');
    close.type = 'button';
    close.setAttribute('aria-label', say('close'));
    close.addEventListener('click', () => made.remove());
    made.append(close);
    box.append(made);
  }

  function discard() {
    form().fill(page(), state.base);
    state.clashes.clear();
    wrong([]);
    page().querySelector('.cf-notices').replaceChildren();
    others().show();
    settle();
  }

  // ---- what is wrong, beside the field

  // What is wrong with a part as a whole stands beside the first field that it names, under the field's own name.
  function placed(row, error) {
    if (!row || row.dataset.kind !== 'group') return row;
    const named = form().all(row, '.cf-row').filter(one => new RegExp('\\b' + one.dataset.key + '\\b').test(error.allowed));
    named.forEach(one => { error.allowed = error.allowed.replace(new RegExp('\\b' + one.dataset.key + '\\b', 'g'), one.dataset.title); });
    return named.find(one => one.classList.contains('is-edited')) || named[0] || null;
  }

  function wrong(errors) {
    const at = page();
    at.querySelectorAll('.is-wrong').forEach(one => one.classList.remove('is-wrong'));
    at.querySelectorAll('.cf-root .cf-error').forEach(one => { one.textContent = ''; });
    at.querySelectorAll('.cf-root [aria-invalid]').forEach(one => one.removeAttribute('aria-invalid'));
    let first = null;
    const lost = [];
    errors.forEach(error => {
      const row = error.field && placed(form().row(at, error.field), error);
      if (!row) { lost.push((error.field && error.field !== 'file' ? error.field + ': ' : '') + error.allowed); return; }
      let text = row.querySelector(':scope > .cf-value .cf-error, :scope > .cf-error'), marked = row;
      const whole = form().path(row), rest = error.field.slice(whole.length + 1).split('.');
      if (whole !== error.field && row.dataset.kind === 'list' && row.querySelector('.cf-items').children[rest[0]]) {
        const inner = Array.from(row.querySelector('.cf-items').children[rest[0]].querySelectorAll('[data-kind]')).find(one => one.dataset.key === rest[1]);
        if (inner) { marked = inner; text = inner.querySelector('.cf-error'); }
      }
      marked.classList.add('is-wrong');
      if (text) text.textContent = error.allowed;
      const control = marked.querySelector('input:not([type=range]), select, textarea');
      if (control) control.setAttribute('aria-invalid', 'true');
      first = first || marked;
    });
    if (lost.length) notice('wrong', lost.join(' · '));
    if (first) {
      const panel = first.closest('.cf-panel');
      show(panel.id.replace('cf-panel-', ''));
      const control = first.querySelector('input:not([hidden]):not([type=range]), select, textarea, button');
      first.scrollIntoView({block: 'center'});
      if (control) control.focus({preventScroll: true});
    }
  }

  // ---- saving

  function effects(answer) {
    const box = document.querySelector('#configuration-diff .cf-effects'), lines = [];
    if (answer && answer.affects) lines.push(diff().element('p', '', say('services', {names: answer.affects})));
    if (answer && (answer.restart || []).length) {
      lines.push(diff().element('p', 'cf-restart', say('restart', {names: answer.restart.map(one => diff().name(page(), one)).join(', ')})));
    }
    box.replaceChildren(...lines);
  }

  // One dialog for everything that is shown before it happens: saving, a preset, a version, a file, a clash.
  function ask({title, aside, body, go, act, answer}) {
    const box = document.getElementById('configuration-diff');
    box.querySelector('.dialog-title').textContent = title;
    box.querySelector('.dialog-aside').textContent = aside || '';
    box.querySelector('.cf-diff').replaceChildren(body);
    effects(answer);
    const button = box.querySelector('[data-cf-confirm=go]');
    button.hidden = !go;
    button.disabled = false;
    button.textContent = go || '';
    box.querySelector('.dialog-actions [data-close]').textContent = say(go ? 'cancel' : 'close');
    state.open = act || null;
    vigie.dialog.open('configuration-diff');
    if (go) button.focus();
  }

  // Entries that have no name, or one that another has: the document could not hold them both.
  function unnamed() {
    const seen = new Map();
    form().all(page(), '.cf-root .cf-entry-name').forEach(input => {
      const name = input.value.trim(), at = input.closest('[data-item]').querySelector('.cf-error');
      const words = !name ? say('name') : seen.has(name) ? say('twice') : '';
      at.textContent = words;
      if (words) { input.setAttribute('aria-invalid', 'true'); seen.set('', seen.get('') || input); }
      if (name) seen.set(name, input);
    });
    const first = seen.get('');
    if (first) { show(first.closest('.cf-panel').id.replace('cf-panel-', '')); first.focus(); }
    return Boolean(first);
  }

  // Shows what saving would do, then does it.
  async function review() {
    const list = settle();
    if (!list.length) return;
    wrong([]);
    if (unnamed()) return;
    const config = current();
    const answer = await vigie.api('POST', '/api/v1/config/validate', {config});
    if (!answer.valid) {
      refuse({status: 400, errors: answer.problems});
      return;
    }
    ask({title: say('save-title'), body: diff().table(page(), list), go: say('save'), answer, act: () => save(config)});
  }

  function refuse(error) {
    if (error.status === 400 && (error.errors || []).length) {
      vigie.dialog.close('configuration-diff');
      wrong(error.errors);
      settle();
      return;
    }
    if (document.getElementById('configuration-diff').open) vigie.dialog.problem('configuration-diff', error);
    else vigie.problem(error);
  }

  async function save(config) {
    state.saving = true;
    try {
      const saved = await vigie.api('POST', '/api/v1/config', {config, version: state.version});
      const now = await vigie.api('GET', '/api/v1/config');
      vigie.dialog.close('configuration-diff');
      done(now, saved.version);
    } catch (error) {
      if (error.status === 409 && error.conflicts) await others().conflict(); else refuse(error);
    } finally {
      state.saving = false;
    }
  }

  function done(now, version) {
    state.clashes.clear();
    state.base = clone(now.config);
    state.version = now.version;
    form().fill(page(), state.base);
    page().querySelector('.cf-notices').replaceChildren();
    others().show();
    settle();
    vigie.toast(say('saved', {version}));
    vigie.props('configuration-changed', {data: Date.now()});
  }

  // ---- tabs

  function show(name) {
    const at = page();
    if (!document.getElementById('cf-panel-' + name)) name = 'paths';
    state.tab = name;
    at.querySelectorAll('[data-cf-tab]').forEach(tab => {
      const on = tab.dataset.cfTab === name;
      tab.setAttribute('aria-selected', String(on));
      tab.tabIndex = on ? 0 : -1;
      document.getElementById('cf-panel-' + tab.dataset.cfTab).hidden = !on;
      if (on) tab.scrollIntoView({block: 'nearest', inline: 'nearest'});
    });
    document.dispatchEvent(new CustomEvent('vigie:config-tab'));
    history.replaceState(history.state, '', location.pathname + vigie.query({tab: name === 'paths' ? null : name}));
  }

  document.addEventListener('keydown', event => {
    const tab = event.target.closest && event.target.closest('.cf-tabs [role=tab]');
    const step = tab && {ArrowRight: 1, ArrowLeft: -1}[event.key];
    if (!step) return;
    const list = Array.from(tab.parentElement.children), next = list[(list.indexOf(tab) + step + list.length) % list.length];
    event.preventDefault();
    next.focus();
    next.click();
  });

  const ACTS = {discard, review: () => { if (state.clashes.size) others().conflict(); else review(); }};
  document.addEventListener('click', event => {
    const at = event.target.closest && event.target.closest('.configuration [data-cf-tab], .configuration [data-cf], .configuration [data-cf-confirm=go]');
    if (!at || !here()) return;
    if (at.dataset.cfTab) show(at.dataset.cfTab);
    else if (at.dataset.cfConfirm) {
      if (!state.open) return;
      at.disabled = true;
      Promise.resolve(state.open()).catch(refuse).finally(() => { at.disabled = false; });
    } else if (ACTS[at.dataset.cf]) Promise.resolve(ACTS[at.dataset.cf](at)).catch(vigie.problem);
  });
  document.addEventListener('vigie:config-edited', later);
  document.addEventListener('input', event => {
    const row = event.target.closest && event.target.closest('.configuration .cf-row.is-wrong');
    if (!row) return;
    row.classList.remove('is-wrong');
    row.querySelector('.cf-error').textContent = '';
    row.querySelectorAll('[aria-invalid]').forEach(one => one.removeAttribute('aria-invalid'));
  });

  clientside.configuration = {
    enter: function (opened) {
      Object.assign(state, {base: clone(opened.config), version: opened.version, path: opened.path, who: opened.who, editable: opened.editable, open: null});
      state.clashes.clear();
      form().wire(page());
      show(opened.tab);
      bringBack();
      others().show();
      settle();
      document.dispatchEvent(new CustomEvent('vigie:config-entered'));
      return clientside.no_update;
    },
  };

  vigie.configuration = {state, page: here, edits, settle, ask, review, refuse, notice, say, current, discard};
})();
