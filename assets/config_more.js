// The Configuration page's presets, versions, files and folders.
(function () {
  'use strict';
  const vigie = window.vigie = window.vigie || {};
  const form = () => vigie.configForm, diff = () => vigie.configDiff, mine = () => vigie.configuration;
  const say = (name, values) => mine().say(name, values);
  const closeMenu = at => { const menu = at.closest('details.menu'); if (menu) menu.open = false; };

  // ---- presets: shown first, then taken over into the form; nothing is saved by it

  function overlay(into, from) {
    Object.keys(from).forEach(key => {
      const both = [into[key], from[key]].every(one => one && typeof one === 'object' && !Array.isArray(one));
      if (both) overlay(into[key], from[key]); else into[key] = from[key];
    });
    return into;
  }

  async function preset(at) {
    closeMenu(at);
    const page = mine().page(), {preset: name, kindOf: kind} = at.dataset;
    const found = (await vigie.api('GET', '/api/v1/config/presets')).data.find(one => one.name === name && one.kind === kind);
    const now = mine().current();
    const changes = diff().changes(now, overlay(JSON.parse(JSON.stringify(now)), found.patch));
    mine().ask({
      title: say('preset', {name: at.querySelector('strong').textContent}), body: diff().table(page, changes),
      go: changes.length ? say('take') : '',
      act: () => {
        changes.forEach(one => form().put(page, one.path, one.after));
        vigie.dialog.close('configuration-diff');
        mine().settle();
        vigie.toast(say('taken'));
      },
    });
  }

  // ---- versions

  const address = number => '/api/v1/config/versions/' + number;
  const difference = async (from, to) => (await vigie.api('GET', address(from) + '/diff?to=' + to)).changes;

  // What it changed from the one before it, and all it holds.
  async function see(at) {
    const number = Number(at.dataset.of), page = mine().page(), before = at.dataset.before;
    const [kept, changed] = await Promise.all([vigie.api('GET', address(number)), before ? difference(before, number) : []]);
    const whole = diff().element('details', 'cf-whole', diff().element('summary', '', say('whole')),
      diff().element('pre', 'mono', JSON.stringify(kept.config, null, 2)));
    whole.open = !changed.length;
    mine().ask({
      title: say('see', {version: number}), aside: at.closest('li').querySelector('.row-more').textContent,
      body: diff().element('div', '', ...(changed.length ? [diff().table(page, changed)] : []), whole), go: '',
    });
  }

  async function compare() {
    const page = mine().page(), picked = Array.from(page.querySelectorAll('.cf-pick:checked')).map(one => Number(one.value)).sort((a, b) => a - b);
    if (picked.length !== 2) { vigie.toast(say('pick'), 'error'); return; }
    const changes = await difference(picked[0], picked[1]);
    mine().ask({title: say('compare', {from: picked[0], to: picked[1]}), body: diff().table(page, changes), go: ''});
  }

  async function restore(at) {
    const number = Number(at.dataset.of), now = mine().state.version;
    const changes = await difference(now, number);
    mine().ask({
      title: say('restore', {version: number}), body: diff().table(mine().page(), changes), go: changes.length ? say('restore-go') : '',
      act: async () => {
        const saved = await vigie.api('POST', '/api/v1/config/restore', {number});
        vigie.dialog.close('configuration-diff');
        vigie.toast(say('saved', {version: saved.version}));
        await vigie.configOthers.reload();
      },
    });
  }

  // ---- files

  function refused(title, errors) {
    const box = mine().page().querySelector('.cf-import-problem');
    box.hidden = !title;
    box.replaceChildren();
    if (!title) return;
    box.append(diff().element('div', '', diff().element('p', 'state-title', title), diff().element('ul', 'cf-problems',
      ...errors.map(one => diff().element('li', '', (one.field && one.field !== 'file' ? one.field + ': ' : '') + one.allowed)))));
  }

  async function bring(file) {
    const page = mine().page();
    page.querySelector('[data-cf-tab=backup]').click();
    refused('');
    try {
      const answer = await vigie.api('POST', '/api/v1/config/import/validate', file);
      if (!answer.valid) throw {status: 400, errors: answer.problems};
      mine().ask({
        title: say('import', {file: file.name}), body: diff().table(page, answer.changes), answer,
        go: answer.changes.length ? say('import-go') : '',
        act: async () => {
          const saved = await vigie.api('POST', '/api/v1/config/import', file);
          vigie.dialog.close('configuration-diff');
          vigie.toast(say('saved', {version: saved.version}));
          if (saved.emptied.length) mine().notice('emptied', say('emptied', {names: saved.emptied.map(one => diff().name(page, one)).join(', ')}));
          await vigie.configOthers.reload();
        },
      });
    } catch (error) {
      if (error.status !== 400) throw error;
      refused(say('wrong-file', {file: file.name}), error.errors || [{allowed: error.detail}]);
    }
  }

  async function overwrite() {
    const now = await vigie.api('GET', '/api/v1/config');
    const saved = await vigie.api('POST', '/api/v1/config', {version: now.version, config: now.config});
    vigie.toast(say('overwritten') + (saved.set_aside ? ' ' + say('set-aside', {path: saved.set_aside}) : ''));
    await vigie.configOthers.reload();
    vigie.props('configuration-changed', {data: Date.now()});
  }

  document.addEventListener('change', event => {
    const at = event.target;
    if (!at.classList || !mine() || !mine().page()) return;
    if (at.classList.contains('cf-file') && at.files.length) {
      const file = at.files[0];
      at.value = '';
      bring(file).catch(vigie.problem);
    } else if (at.classList.contains('cf-pick')) {
      const picked = mine().page().querySelectorAll('.cf-pick:checked').length;
      mine().page().querySelector('[data-cf=compare]').disabled = picked !== 2;
    }
  });
  const carries = event => mine() && mine().page() && mine().state.editable && event.dataTransfer && Array.from(event.dataTransfer.types).includes('Files');
  document.addEventListener('dragover', event => { if (carries(event)) { event.preventDefault(); mine().page().classList.add('is-dropping'); } });
  document.addEventListener('dragleave', event => { if (carries(event) && !event.relatedTarget) mine().page().classList.remove('is-dropping'); });
  document.addEventListener('drop', event => {
    if (!carries(event)) return;
    event.preventDefault();
    mine().page().classList.remove('is-dropping');
    if (event.dataTransfer.files.length) bring(event.dataTransfer.files[0]).catch(vigie.problem);
  });

  // ---- folders

  let picking = null;  // {row, at}
  const box = () => document.getElementById('configuration-folders');
  const size = bytes => vigie.format.human(bytes, 'bytes');

  async function list(path) {
    const where = box().querySelector('.cf-folder-at input'), ul = box().querySelector('.cf-folder-list'), holds = box().querySelector('.cf-folder-holds');
    vigie.dialog.say('configuration-folders', '');
    let found;
    try {
      found = await vigie.api('GET', '/api/v1/config/folders' + vigie.query({path}));
    } catch (error) {
      vigie.dialog.problem('configuration-folders', error);
      return;
    }
    picking.at = found;
    where.value = found.path;
    box().querySelector('[data-cf-folder=up]').disabled = !found.path;
    box().querySelector('[data-cf-confirm=folder]').disabled = !found.path;
    ul.replaceChildren(...found.folders.map(one => {
      const button = diff().element('button', 'cf-folder-name', one);
      button.type = 'button';
      button.addEventListener('click', () => list(found.path ? found.path.replace(/\/$/, '') + '/' + one : one));
      return diff().element('li', '', button);
    }));
    if (!found.folders.length) ul.append(diff().element('li', 'field-hint', say('no-folders')));
    const count = found.count, shown = found.models.slice(0, 12);
    holds.replaceChildren(...(found.path ? [diff().element('p', 'cf-folder-sum', sum(found)),
      diff().element('ul', 'cf-models', ...shown.map(one => diff().element('li', '', diff().element('span', 'mono', one.name), diff().element('span', 'num', size(one.size))))),
      ...(count > shown.length ? [diff().element('p', 'field-hint', say('models-more', {count: count - shown.length}))] : []),
      ...(!found.complete ? [diff().element('p', 'field-hint', say('truncated'))] : [])] : []));
  }

  function browse(at) {
    picking = {row: at.closest('.cf-row'), at: null};
    vigie.dialog.open('configuration-folders');
    const asked = form().value(picking.row);
    list('').then(() => { if (asked) return list(asked); }).catch(vigie.problem);
  }

  function choose() {
    const page = mine().page();
    form().put(page, form().path(picking.row), picking.at.path);
    const input = picking.row.querySelector('input');
    input.value = picking.at.path;
    vigie.dialog.close('configuration-folders');
    input.focus();
    document.dispatchEvent(new CustomEvent('vigie:config-edited'));
    previews();
  }

  document.addEventListener('keydown', event => {
    if (event.key !== 'Enter' || !event.target.closest || !event.target.closest('.cf-folder-at input')) return;
    event.preventDefault();
    list(event.target.value).catch(vigie.problem);
  });

  // What lies in the folders of models, below their fields.
  const sum = found => (found.count === 0 ? say('models-none') : say(found.count === 1 ? 'models-one' : 'models', {count: found.count, size: size(found.size)}));
  async function preview(row) {
    const path = form().value(row), out = row.querySelector('.cf-amount');
    if (row.dataset.shown === path) return;
    row.dataset.shown = path;
    let words = '';
    try {
      if (path) words = sum(await vigie.api('GET', '/api/v1/config/folders' + vigie.query({path})));
    } catch (error) {
      words = error.detail;
    }
    if (row.dataset.shown !== path) return;
    out.textContent = words;
    out.hidden = !words;
  }
  const MODELS = '#cf-panel-paths:not([hidden]) .cf-root :is([data-key=modelsDirectory], [data-key=watchedDirectories] [data-key=path])';
  const previews = () => {
    if (mine().page() && mine().state.editable) form().all(mine().page(), MODELS).forEach(row => preview(row).catch(vigie.problem));
  };
  ['vigie:config-entered', 'vigie:config-tab'].forEach(name => document.addEventListener(name, () => setTimeout(previews, 0)));
  document.addEventListener('change', event => { if (event.target.closest && event.target.closest('.configuration .cf-as-path')) previews(); });

  const ACTS = {
    preset, see, compare, restore, overwrite, browse,
    import: () => mine().page().querySelector('.cf-file').click(),
  };
  document.addEventListener('click', event => {
    const at = event.target.closest && event.target.closest('.configuration [data-cf], .configuration [data-cf-folder], .configuration [data-cf-confirm=folder]');
    if (!at || !mine() || !mine().page()) return;
    if (at.dataset.cfFolder) list(picking.at && picking.at.parent || '').catch(vigie.problem);
    else if (at.dataset.cfConfirm) choose();
    else if (ACTS[at.dataset.cf]) Promise.resolve(ACTS[at.dataset.cf](at)).catch(vigie.problem);
  });
})();
