// What differs between two configurations: as changes, and as a table in words.
//
//   vigie.configDiff.changes(before, after)   [{path, before?, after?}], as the server tells them; a list is one value
//   vigie.configDiff.table(page, changes)     an element; labels and words are those of the form
//   vigie.configDiff.choose(page, clashes)    the same with a choice each; read it with chosen(element)
//   vigie.configDiff.name(page, path)         a setting in words
//   vigie.configDiff.words(page, path, value) a value in words
//   vigie.configDiff.say(page, name, values)  one of the page's own sentences
(function () {
  'use strict';
  const vigie = window.vigie = window.vigie || {};
  const form = () => vigie.configForm;
  const plain = value => value !== null && typeof value === 'object' && !Array.isArray(value);
  const OWN = ['metadata.lastModified', 'metadata.modifiedBy'];  // who saved last: no change of anybody's

  const say = (page, name, values) => String(page.getAttribute('data-words-' + name) || '')
    .replace(/\{(\w+)\}/g, (all, key) => (values && key in values ? values[key] : all));

  function changes(before, after, at) {
    const found = [], from = before || {}, to = after || {};
    new Set([...Object.keys(from), ...Object.keys(to)]).forEach(key => {
      const path = at ? at + '.' + key : key, old = from[key], now = to[key];
      if (OWN.includes(path)) return;
      if (plain(old) && plain(now)) found.push(...changes(old, now, path));
      else if (JSON.stringify(old) !== JSON.stringify(now)) {
        const one = {path};
        if (key in from) one.before = old;
        if (key in to) one.after = now;
        found.push(one);
      }
    });
    return found;
  }

  function element(tag, css, ...children) {
    const made = document.createElement(tag);
    if (css) made.className = css;
    made.append(...children.filter(one => one !== null && one !== undefined));
    return made;
  }

  // The field of a path; for one that is not in the form now, the one that a new entry would get.
  function field(page, path) {
    const there = form().row(page, path);
    if (!there || form().path(there) === path) return there;
    const rest = path.slice(form().path(there).length + 1).split('.').slice(1);
    let at = there.querySelector(':scope > template [data-kind=group]');
    if (!rest.length) return there;
    for (const key of rest) at = at && Array.from(at.children).find(one => one.dataset.key === key);
    return at || there;
  }

  function name(page, path) {
    const at = field(page, path);
    if (!at) return path;
    const parts = path.split('.'), card = at.closest('[data-card]');
    const head = card && card.querySelector('.card-title') ? card.querySelector('.card-title').textContent : '';
    const holder = at.closest('[data-kind=map], [data-kind=list]');
    const group = at.parentElement.closest('[data-kind=group]');
    const entry = holder && holder.dataset.kind === 'map' ? parts[2] : '';
    const part = !entry && group && group.querySelector(':scope > .cf-title') ? group.querySelector(':scope > .cf-title').textContent : '';
    const own = at === holder && entry ? '' : at.dataset.title;
    return [head, part, entry, own].filter((one, i, all) => one && one !== all[i - 1]).join(' › ');
  }

  function words(page, path, value) {
    const at = field(page, path), kind = at && at.dataset.kind;
    if (value === undefined) return '–';
    if (kind === 'secret') return value ? say(page, value.startsWith(form().KEPT) ? 'set' : 'new') : say(page, 'unset');
    if (typeof value === 'boolean') return say(page, value ? 'on' : 'off');
    if (Array.isArray(value)) return value.length ? value.map(one => (plain(one) ? one.path || JSON.stringify(one) : option(at, one))).join(', ') : say(page, 'none');
    if (plain(value)) return say(page, 'added');
    if (value === '' || value === null) return say(page, 'empty');
    if (kind === 'select') return option(at, value);
    const unit = at && at.querySelector('.cf-unit');
    return typeof value === 'number' && unit ? value + ' ' + unit.textContent : String(value);
  }

  function option(at, value) {
    const found = at && Array.from(at.querySelectorAll('option, .cf-chip input')).find(one => one.value === String(value));
    if (!found) return String(value);
    return found.tagName === 'OPTION' ? found.textContent : found.nextElementSibling.textContent;
  }

  // A whole entry that came or went is told as one.
  function sides(page, one) {
    if (plain(one.after) && !('before' in one)) return ['–', say(page, 'added')];
    if (plain(one.before) && !('after' in one)) return [say(page, 'set'), say(page, 'gone')];
    if (field(page, one.path) && field(page, one.path).dataset.kind === 'secret') {
      const after = one.after ? (one.before === one.after ? say(page, 'new') : words(page, one.path, one.after)) : say(page, 'unset');
      return [words(page, one.path, one.before), after];
    }
    return [words(page, one.path, one.before), words(page, one.path, one.after)];
  }

  function table(page, list) {
    if (!list.length) return element('p', 'field-hint', say(page, 'nothing'));
    const head = element('div', 'cf-change cf-change-head', element('span', '', say(page, 'field')),
      element('span', '', say(page, 'before')), element('span', ''), element('span', '', say(page, 'after')));
    head.setAttribute('aria-hidden', 'true');
    return element('div', 'cf-changes', head, ...list.map(one => {
      const [before, after] = sides(page, one);
      const made = element('div', 'cf-change', element('span', 'cf-change-name', name(page, one.path)),
        element('span', 'cf-before', before), element('span', 'cf-arrow', '→'), element('span', 'cf-after', after));
      made.dataset.path = one.path;
      made.querySelector('.cf-change-name').title = one.path;
      return made;
    }));
  }

  function choose(page, clashes) {
    return element('div', 'cf-changes cf-clashes', ...clashes.map((one, i) => {
      const pick = (which, value) => {
        const input = element('input');
        Object.assign(input, {type: 'radio', name: 'clash-' + i, value: which, checked: which === 'mine'});
        return element('label', 'cf-clash-side', input,
          element('span', '', element('small', '', say(page, which)), element('strong', '', words(page, one.path, value))));
      };
      const made = element('fieldset', 'cf-clash', element('legend', 'cf-change-name', name(page, one.path)),
        pick('mine', one.mine), pick('theirs', one.theirs));
      made.dataset.path = one.path;
      return made;
    }));
  }

  const chosen = at => new Map(Array.from(at.querySelectorAll('.cf-clash')).map(one => [one.dataset.path, one.querySelector('input:checked').value]));

  vigie.configDiff = {changes, table, choose, chosen, name, words, say, element};
})();
