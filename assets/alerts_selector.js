// Selectors as text: their name, and what they ask of labels where that is a choice of values.
//
//   vigie.selector.name(text)                   the metric
//   vigie.selector.chosen(text, label)          the values of a label that are chosen
//   vigie.selector.toggle(text, label, value)   with a value chosen as well, or no longer
//   vigie.selector.split(text)                  the selectors of a drawing, in full spelling
(function () {
  'use strict';
  const vigie = window.vigie = window.vigie || {};

  const name = text => (/^\s*([a-zA-Z_:][\w:]*)/.exec(text) || ['', ''])[1];
  const MATCHER = /([a-zA-Z_]\w*)\s*(=~|!=|!~|=)\s*"((?:[^"\\]|\\.)*)"/g;
  const literal = value => value.replace(/[\\.+*?()|[\]{}^$]/g, '\\$&');
  const escaped = value => value.replace(/[\\"]/g, '\\$&').replace(/\n/g, '\\n');
  const matchers = text => Array.from((/\{(.*)\}\s*$/.exec(text) || ['', ''])[1].matchAll(MATCHER)).map(one => [one[1], one[2], one[3].replace(/\\(.)/g, (all, c) => (c === 'n' ? '\n' : c))]);
  function chosen(text, label) {
    const one = matchers(text).find(at => at[0] === label);
    if (!one) return [];
    return one[1] === '=' ? [one[2]] : one[1] === '=~' ? one[2].split('|').map(value => value.replace(/\\(.)/g, '$1')) : [];
  }
  function toggle(text, label, value) {
    const now = chosen(text, label), next = now.includes(value) ? now.filter(one => one !== value) : now.concat([value]);
    const kept = matchers(text).filter(one => one[0] !== label || !['=', '=~'].includes(one[1]));
    if (next.length === 1) kept.push([label, '=', next[0]]);
    else if (next.length) kept.push([label, '=~', next.map(literal).join('|')]);
    const inner = kept.map(([name, op, given]) => `${name}${op}"${escaped(given)}"`).join(',');
    return name(text) + (inner ? '{' + inner + '}' : '');
  }

  function split(text) {
    const parts = [];
    let depth = 0, quoted = false, start = 0;
    for (let i = 0; i <= text.length; i += 1) {
      const c = text[i];
      if (c === '"' && text[i - 1] !== '\\') quoted = !quoted;
      if (!quoted && c === '{') depth += 1;
      if (!quoted && c === '}') depth -= 1;
      if (i === text.length || c === ',' && !quoted && !depth) { parts.push(text.slice(start, i)); start = i + 1; }
    }
    return parts.filter(Boolean).map(one => one.replace(/(=~|!~|!=|=)\s*([A-Za-z0-9_./:-]+)(?=\s*[,}])/g, '$1"$2"'));
  }

  vigie.selector = {name, chosen, toggle, split, escaped};
})();
