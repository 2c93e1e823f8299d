// Saved views: the dialog that adds charts to one, and the list; `view_edit.js` edits one on its page.
//
//   vigie.go(address)   to another page of ours without loading it anew
//   [data-go] on a link goes there this way; [data-full] also fills the screen
//   [data-act] on a button acts on the view that the nearest [data-view] tells of
(function () {
  'use strict';
  const vigie = window.vigie = window.vigie || {};

  vigie.go = function (address) {
    history.pushState(null, '', address);
    window.dispatchEvent(new CustomEvent('_dashprivate_pushstate'));
    window.scrollTo(0, 0);
  };

  const fill = (words, values) => String(words || '').replace(/\{(\w+)\}/g, (all, name) => (name in values ? values[name] : all));
  const page = () => document.querySelector('#react-entry-point [data-words-copied]');
  const say = (name, values) => fill(page() && page().getAttribute('data-words-' + name), values || {});
  const address = view => vigie.url('/views/' + view);
  const detail = error => (error && error.errors || []).map(e => e.field + ': ' + e.allowed);

  // A toast with a way to where it happened.
  function toast(words, open, href) {
    vigie.toast(words);
    const note = document.querySelector('#shell-toasts > .toast-note:last-child');
    if (!note || !href) return;
    const link = document.createElement('a');
    link.href = href;
    link.dataset.go = '1';
    link.textContent = open;
    note.append(link);
  }

  document.addEventListener('click', event => {
    const link = event.target.closest && event.target.closest('a[data-go]');
    if (!link || event.defaultPrevented || event.button || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
    event.preventDefault();
    if (link.dataset.full && vigie.kiosk) vigie.kiosk.fill();
    vigie.go(link.getAttribute('href'));
  });

  // ---- adding charts to a view

  let adding = null;  // {ids, views}

  const dialog = () => document.getElementById('views-add');
  const words = name => dialog().querySelector('.view-add').getAttribute('data-words-' + name);

  async function add(detail) {
    const box = dialog();
    const ids = detail.ids || [detail.id];
    if (!box || !ids.length) return;
    adding = {ids, views: []};
    const form = box.querySelector('form'), select = form.elements.view;
    form.reset();
    while (select.options.length > 1) select.remove(1);
    form.elements.name.value = detail.name || '';
    box.querySelector('.dialog-title').textContent = words(detail.ids ? 'title-save' : 'title');
    box.querySelector('.dialog-aside').textContent = detail.ids && ids.length > 1 ? fill(words('many'), {count: ids.length}) : detail.title || '';
    form.querySelector('.view-span').hidden = !zoomed();
    settle();
    vigie.dialog.open('views-add');
    const mine = adding;
    try {
      const found = (await vigie.api('GET', '/api/v1/views')).data.filter(view => view.editable);
      if (mine !== adding) return;
      adding.views = found;
      found.forEach(view => select.add(new Option(view.mine ? view.name : view.name + ' (' + view.owner + ')', view.id)));
      // The view that was used last is most often the one wanted again.
      const last = sessionStorage.getItem('vigie-view');
      if (!detail.ids && found.some(view => String(view.id) === last)) { select.value = last; settle(); }
    } catch (error) {
      vigie.dialog.problem('views-add', error);
    }
  }

  const zoomed = () => vigie.charts && vigie.charts.view.from !== null;

  function settle() {
    const form = dialog().querySelector('form'), fresh = !form.elements.view.value;
    form.querySelector('.view-new').hidden = !fresh;
    if (fresh && dialog().open) form.elements.name.focus();
  }

  async function save() {
    const form = dialog().querySelector('form'), chosen = form.elements.view.value;
    const button = dialog().querySelector('[data-confirm=add]');
    const name = form.elements.name.value.trim();
    if (!chosen && !name) {
      vigie.dialog.say('views-add', words('name'), true);
      form.elements.name.focus();
      return;
    }
    button.disabled = true;
    try {
      const [view, there] = chosen ? await extend(chosen) : [await create(form, name), false];
      sessionStorage.setItem('vigie-view', String(view.id));
      vigie.dialog.close('views-add');
      toast(fill(words(there ? 'there' : chosen ? 'added' : 'saved'), {name: view.name}), words('open'), address(view.id));
      changed(view);
    } catch (error) {
      vigie.dialog.say('views-add', [error.title, error.detail].filter(Boolean).join(': '), true);
    } finally {
      button.disabled = false;
    }
  }

  function create(form, name) {
    const view = vigie.charts.view, body = {charts: adding.ids, window: view.window};
    if (zoomed() && form.elements.span.checked) Object.assign(body, {from: Math.round(view.from), to: Math.round(view.to)});
    return vigie.api('POST', '/api/v1/views', {
      name, body, shared: form.elements.shared.value === '1', pinned: form.elements.pinned.checked,
    });
  }

  // Adding clashes with no other change: read anew and put in once more when somebody was quicker.
  async function extend(id, again) {
    const view = await vigie.api('GET', '/api/v1/views/' + id);
    const charts = view.body.charts.concat(adding.ids.filter(chart => !view.body.charts.includes(chart)));
    if (charts.length === view.body.charts.length) return [view, true];
    try {
      const body = Object.assign({}, view.body, {charts});
      return [await vigie.api('PUT', '/api/v1/views/' + id, {body, changed: view.changed}), false];
    } catch (error) {
      if (error.status !== 409 || again) throw error;
      return extend(id, true);
    }
  }

  document.addEventListener('vigie:chart-action', event => { if (event.detail.action === 'view') add(event.detail); });
  document.addEventListener('change', event => { if (event.target.closest('#views-add select')) settle(); });
  document.addEventListener('submit', event => {
    const form = event.target;
    if (!form.closest || !form.closest('.view-form')) return;
    event.preventDefault();
    if (form.closest('#views-add')) save();
    else if (form.closest('#views-edit')) rename();
  });

  // ---- what one can do with a view

  let subject = null;  // the element that tells of the view a dialog is about

  // What shows views is drawn anew; a dialog or an edit that is under way is left as it is.
  function changed(view) {
    if (document.getElementById('views-list')) vigie.props('views-changed', {data: Date.now()});
    const at = document.querySelector('#react-entry-point .view-page[data-view]');
    if (!at || !view || String(view.id) !== at.dataset.view) return;
    Object.assign(at.dataset, {
      name: view.name, description: view.body.description, changed: view.changed, shared: view.shared, pinned: view.pinned,
    });
    vigie.props('views-head-changed', {data: {view: view.id, at: Date.now()}});
  }

  const ACTS = {
    pin: async (at, data) => {
      const view = await vigie.api('PUT', '/api/v1/views/' + data.view, {pinned: data.pinned !== 'true'});
      changed(view);
      vigie.toast(say(view.pinned ? 'pinned' : 'unpinned', view));
    },
    share: async (at, data) => {
      const view = await vigie.api('PUT', '/api/v1/views/' + data.view, {shared: data.shared !== 'true'});
      changed(view);
      vigie.toast(say(view.shared ? 'shared' : 'private', view));
    },
    link: async (at, data) => {
      const link = location.origin + address(data.view);
      try {
        await navigator.clipboard.writeText(link);
        vigie.toast(say('copied'));
      } catch (error) {
        window.prompt(say('link'), link);  // no clipboard without TLS
      }
    },
    copy: async (at, data) => {
      const view = await vigie.api('POST', '/api/v1/views/' + data.view + '/copy', {name: say('copy', data).slice(0, 120)});
      changed(view);
      toast(say('copy-made', view), say('open'), address(view.id));
    },
    rename: (at, data) => {
      const form = document.querySelector('#views-edit form');
      subject = Object.assign({}, data);
      form.elements.name.value = data.name;
      form.elements.description.value = data.description || '';
      vigie.dialog.open('views-edit');
    },
    delete: (at, data) => {
      subject = Object.assign({}, data);
      document.querySelector('#views-delete .dialog-aside').textContent = data.name;
      vigie.dialog.open('views-delete');
    },
    import: () => document.querySelector('#react-entry-point .view-file').click(),
  };

  async function rename() {
    const form = document.querySelector('#views-edit form');
    try {
      const view = await vigie.api('GET', '/api/v1/views/' + subject.view);
      const body = Object.assign({}, view.body, {description: form.elements.description.value});
      const now = await vigie.api('PUT', '/api/v1/views/' + subject.view,
        {name: form.elements.name.value, body, changed: Number(subject.changed)});
      vigie.dialog.close('views-edit');
      vigie.toast(say('saved'));
      changed(now);
      const about = document.querySelector('.view-page > .view-about');
      if (about) about.textContent = now.body.description;
      else if (now.body.description && document.querySelector('.view-page[data-view]')) vigie.go(location.href);
    } catch (error) {
      vigie.dialog.problem('views-edit', error);
    }
  }

  async function remove() {
    try {
      await vigie.api('DELETE', '/api/v1/views/' + subject.view);
      vigie.dialog.close('views-delete');
      vigie.toast(say('deleted', subject));
      if (document.querySelector('.view-page[data-view]')) vigie.go(vigie.url('/views')); else changed(null);
    } catch (error) {
      vigie.dialog.problem('views-delete', error);
    }
  }

  document.addEventListener('click', event => {
    const at = event.target.closest && event.target.closest('[data-act], [data-confirm]');
    if (!at) return;
    const {act, confirm} = at.dataset;
    if (act && ACTS[act]) {
      const menu = at.closest('details.menu');
      if (menu) menu.open = false;
      const view = at.closest('[data-view]');
      Promise.resolve(ACTS[act](at, view ? view.dataset : {})).catch(vigie.problem);
    } else if (confirm) {
      ({add: save, rename, delete: remove}[confirm] || (() => {}))();
    }
  });

  // ---- import

  const list = () => document.querySelector('#react-entry-point .views-page');

  function refused(title, lines) {
    const box = list() && list().querySelector('.views-problem');
    if (!box) return;
    box.hidden = !title;
    box.replaceChildren();
    if (!title) return;
    const head = document.createElement('p'), all = document.createElement('ul');
    head.className = 'state-title';
    head.textContent = title;
    lines.forEach(line => { const li = document.createElement('li'); li.textContent = line; all.append(li); });
    box.append(head, all);
  }

  async function bring(files) {
    refused('');
    for (const file of files) {
      let content;
      try {
        content = JSON.parse(await file.text());
      } catch (error) {
        refused(say('not-json', {file: file.name}), []);
        continue;
      }
      try {
        const view = await vigie.api('POST', '/api/v1/views', content);
        toast(say('imported', view), say('open'), address(view.id));
        changed(view);
      } catch (error) {
        if (error.status === 400) refused(say('wrong-file', {file: file.name}), detail(error).length ? detail(error) : [error.detail]);
        else vigie.problem(error);
      }
    }
  }

  document.addEventListener('change', event => {
    if (!event.target.classList || !event.target.classList.contains('view-file')) return;
    const files = Array.from(event.target.files);
    event.target.value = '';
    bring(files);
  });
  const carriesFiles = event => list() && event.dataTransfer && Array.from(event.dataTransfer.types).includes('Files');
  document.addEventListener('dragover', event => {
    if (!carriesFiles(event)) return;
    event.preventDefault();
    list().classList.add('is-dropping');
  });
  document.addEventListener('dragleave', event => { if (list() && !event.relatedTarget) list().classList.remove('is-dropping'); });
  document.addEventListener('drop', event => {
    if (!carriesFiles(event)) return;
    event.preventDefault();
    list().classList.remove('is-dropping');
    bring(Array.from(event.dataTransfer.files));
  });

  vigie.views = {say, changed, address};
})();
