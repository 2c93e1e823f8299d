// The dialog of a note: a new one at the window or moment that is looked at, or one that is there.
//
//   vigie.notes.add(from, to)   epoch ms; `to` is absent for a moment
//   vigie.notes.edit(mark)      a mark as /api/v1/marks gives it
(function () {
  'use strict';
  const vigie = window.vigie = window.vigie || {};
  const ID = 'shell-note';
  let note = null;          // the id of the one that is changed, null for a new one
  let given = {};           // what the time fields were filled with: {start: [text, ms], end: [text, ms]}
  let busy = false;

  const box = () => document.querySelector('#react-entry-point #' + ID);
  const form = () => box().querySelector('form');
  const words = () => box().querySelector('.note-words').dataset;
  const button = name => box().querySelector(`[data-note=${name}]`);
  const pad = (number, size) => String(number).padStart(size || 2, '0');

  // The wall clock of the viewer's zone, as the field wants it.
  function wall(ms) {
    const at = new Date(vigie.time.shift(ms));
    return `${pad(at.getFullYear(), 4)}-${pad(at.getMonth() + 1)}-${pad(at.getDate())}T${pad(at.getHours())}:${pad(at.getMinutes())}:${pad(at.getSeconds())}`;
  }

  function put(name, ms) {
    const field = form().elements[name];
    field.value = wall(ms);
    given[name] = [field.value, ms];
  }

  // A field that was left alone keeps its milliseconds.
  function time(name) {
    const value = form().elements[name].value;
    if (given[name] && given[name][0] === value) return given[name][1];
    const ms = value ? vigie.time.moment(value) : NaN;
    return Number.isFinite(ms) ? ms : null;
  }

  function reach() {
    const span = form().elements.reach.value === 'span';
    form().elements.end.closest('.field-row').hidden = !span;
    form().elements.start.closest('.field-row').querySelector('.field-label').textContent = span ? words().from : words().at;
    return span;
  }

  function open(id, from, to, text) {
    if (!box()) return;
    note = id;
    given = {};
    form().elements.text.value = text;
    form().elements.reach.value = to !== null ? 'span' : 'moment';
    put('start', from);
    put('end', to !== null ? to : from);
    reach();
    box().querySelector('.note-zone').textContent = words().zone.replace('{zone}', (vigie.timezone || 'UTC').replace(/_/g, ' '));
    box().querySelector('.dialog-title').textContent = id === null ? words().new : words().edit;
    button('delete').hidden = id === null;
    button('delete').textContent = words().delete;
    delete button('delete').dataset.sure;
    vigie.dialog.open(ID);
    form().elements.text.focus();
  }

  async function send(method, body) {
    if (busy) return;
    busy = true;
    button('save').disabled = button('delete').disabled = true;
    try {
      const mark = await vigie.api(method, '/api/v1/notes' + (note === null ? '' : '/' + note), body);
      if (mark) vigie.marks.put(mark); else vigie.marks.drop('note-' + note);
      vigie.dialog.close(ID);
      vigie.toast(mark ? words().saved : words().deleted);
    } catch (error) {
      vigie.dialog.problem(ID, error);
    } finally {
      busy = false;
      button('save').disabled = button('delete').disabled = false;
    }
  }

  function save() {
    const text = form().elements.text.value.trim(), start = time('start');
    if (!text) { vigie.dialog.say(ID, words().empty, true); form().elements.text.focus(); return; }
    const end = reach() ? time('end') : start;
    if (start === null || end === null) { vigie.dialog.say(ID, words().time, true); return; }
    send(note === null ? 'POST' : 'PUT', {start, end, text});
  }

  // Twice, because nothing brings it back.
  function remove(at) {
    if (at.dataset.sure) { send('DELETE'); return; }
    at.dataset.sure = '1';
    at.textContent = words().sure;
  }

  document.addEventListener('click', event => {
    const at = event.target.closest && event.target.closest(`#${ID} [data-note]`);
    if (!at) return;
    if (at.dataset.note === 'save') save(); else remove(at);
  });
  document.addEventListener('change', event => { if (event.target.name === 'reach' && event.target.closest('#' + ID)) reach(); });
  document.addEventListener('submit', event => { if (event.target.closest('#' + ID)) { event.preventDefault(); save(); } });
  document.addEventListener('keydown', event => {
    if (event.key === 'Enter' && (event.ctrlKey || event.metaKey) && event.target.closest && event.target.closest('#' + ID)) save();
  });

  // From a chart's menu or by a key: what is zoomed to as a span, else the moment under the pointer, else now.
  document.addEventListener('vigie:chart-action', event => {
    if (event.detail.action !== 'note') return;
    const view = vigie.charts.view, chart = event.detail.chart;
    if (view.from !== null) { open(null, view.from, view.to, ''); return; }
    const pointed = chart ? vigie.marks.at(chart) : null;
    open(null, pointed !== null ? pointed : chart && chart.lastT || vigie.charts.now(), null, '');
  });

  vigie.notes = {
    add: (from, to) => open(null, from, to === undefined ? null : to, ''),
    edit: mark => open(mark.note, mark.at, mark.end > mark.at ? mark.end : null, mark.text),
  };
})();
