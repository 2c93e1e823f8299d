// A view on its page while it is edited: its charts are moved in place, and put back when the changes are discarded.
(function () {
  'use strict';
  const vigie = window.vigie = window.vigie || {};

  let before = null;  // the order of the charts and the columns when editing began

  const root = () => document.querySelector('#react-entry-point .view-page[data-view]');
  const items = () => Array.from(root().querySelectorAll('.view-grid > .view-item'));
  const left = () => items().filter(item => !item.hidden);

  function columns(count) {
    const grid = root().querySelector('.view-grid');
    grid.className = grid.className.replace(/columns-\d/, 'columns-' + count);
    if (vigie.charts) vigie.charts.look({});
  }

  function begin() {
    const at = root(), form = at.querySelector('.view-editor');
    before = {items: items(), columns: form.elements.columns.value};
    form.elements.name.value = at.dataset.name;
    form.elements.window.checked = false;
    at.classList.add('is-editing');
    form.elements.name.focus();
  }

  function end() {
    before = null;
    root().classList.remove('is-editing');
    const button = root().querySelector('[data-edit=begin]');
    if (button) button.focus();
  }

  function discard() {
    if (!before) return;
    const grid = root().querySelector('.view-grid'), form = root().querySelector('.view-editor');
    before.items.forEach(item => { item.hidden = false; grid.append(item); });
    form.elements.columns.value = before.columns;
    columns(before.columns);
    end();
  }

  function move(item, how) {
    const all = left(), place = all.indexOf(item);
    if (how === 'remove') {
      if (all.length === 1) { vigie.toast(vigie.views.say('last'), 'error'); return; }
      item.hidden = true;
      const next = all[place + 1] || all[place - 1];
      next.querySelector('[data-item=remove]').focus();
      return;
    }
    const other = all[place + (how === 'on' ? 1 : -1)];
    if (!other) return;
    if (how === 'on') other.after(item); else other.before(item);
    item.querySelector('[data-item=' + how + ']').focus();
    item.scrollIntoView({block: 'nearest'});
  }

  async function keep(form) {
    const at = root(), view = vigie.charts.view;
    const button = form.querySelector('[type=submit]');
    button.disabled = true;
    try {
      const kept = await vigie.api('GET', '/api/v1/views/' + at.dataset.view);
      const known = new Set(before.items.map(item => item.dataset.itemChart));
      const body = Object.assign({}, kept.body, {
        charts: left().map(item => item.dataset.itemChart).concat(kept.body.charts.filter(chart => !known.has(chart))),
        columns: Number(form.elements.columns.value),
      });
      if (form.elements.window.checked) {
        Object.assign(body, {window: view.window, from: null, to: null});
        if (view.from !== null) Object.assign(body, {from: Math.round(view.from), to: Math.round(view.to)});
      }
      const saved = await vigie.api('PUT', '/api/v1/views/' + at.dataset.view,
        {name: form.elements.name.value, body, changed: Number(at.dataset.changed)});
      end();
      vigie.views.changed(saved);
      document.title = saved.name + ' – Vigie';
      vigie.toast(vigie.views.say('saved'));
      if (form.elements.window.checked || saved.body.charts.length !== left().length) vigie.go(vigie.views.address(saved.id));
    } catch (error) {
      vigie.problem(error);
    } finally {
      button.disabled = false;
    }
  }

  document.addEventListener('change', event => {
    const input = event.target;
    if (input.name === 'columns' && input.closest('.view-editor')) columns(input.value);
  });

  // Dragging: a chart is picked up by its grip and takes the place it is held over.
  let held = null;
  document.addEventListener('pointerdown', event => {
    const grip = event.target.closest && event.target.closest('.is-editing .item-grip');
    if (grip) grip.closest('.view-item').draggable = true;
  });
  document.addEventListener('pointerup', () => { if (before && root()) items().forEach(item => { item.draggable = false; }); });
  document.addEventListener('dragstart', event => {
    const item = event.target.closest && event.target.closest('.is-editing .view-item[draggable=true]');
    if (!item) return;
    held = item;
    item.classList.add('is-held');
    event.dataTransfer.effectAllowed = 'move';
    event.dataTransfer.setData('text/plain', item.dataset.itemChart);
  });
  document.addEventListener('dragover', event => {
    const over = held && event.target.closest && event.target.closest('.is-editing .view-item');
    if (!over) return;
    event.preventDefault();
    if (over === held) return;
    const all = left();
    if (all.indexOf(over) > all.indexOf(held)) over.after(held); else over.before(held);
  });
  document.addEventListener('dragend', () => {
    if (!held) return;
    held.classList.remove('is-held');
    held.draggable = false;
    held = null;
  });
  document.addEventListener('keydown', event => {
    if (event.key === 'Escape' && before && root() && !document.querySelector('dialog[open]')) discard();
  });

  (vigie.pages = vigie.pages || {}).view = {entered: () => { before = null; }};

  document.addEventListener('click', event => {
    const at = event.target.closest && event.target.closest('[data-edit], [data-item]');
    if (!at || !root()) return;
    if (at.dataset.item) move(at.closest('.view-item'), at.dataset.item);
    else if (at.dataset.edit === 'begin') begin();
    else discard();
  });
  document.addEventListener('submit', event => {
    if (!event.target.closest || !event.target.closest('.view-editor')) return;
    event.preventDefault();
    keep(event.target);
  });
})();
