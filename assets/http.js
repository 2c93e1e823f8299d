// Addresses and requests of our own.
//
//   vigie.url(path)                 an address below where Vigie is served: '/api/x' -> '/vigie/api/x'
//   vigie.query({name: value})      a query string; leaves alone what a query may hold, so that addresses stay short
//   vigie.api(method, path, body, signal)   JSON there (or a file as it is) and back; rejects with {status, title, detail, errors} in words
//   vigie.guest                     true in the page of an embed link: nobody is signed in, only its own charts answer
(function () {
  'use strict';
  const vigie = window.vigie = window.vigie || {};

  function config() {
    const block = document.getElementById('_dash-config');
    return block ? JSON.parse(block.textContent) : {};
  }

  vigie.url = path => (config().requests_pathname_prefix || '/').replace(/\/$/, '') + path;

  const PLAIN = /%(?:7B|7D|3D|2C|21|3B|7E|7C|3A|2F|40|24)/gi;
  vigie.query = function (values) {
    const parts = Object.keys(values).filter(name => values[name] !== null && values[name] !== undefined && values[name] !== '')
      .map(name => name + '=' + encodeURIComponent(values[name]).replace(PLAIN, decodeURIComponent));
    return parts.length ? '?' + parts.join('&') : '';
  };

  function cookie(name) {
    const found = document.cookie.split('; ').find(part => part.startsWith(name + '='));
    return found ? decodeURIComponent(found.slice(name.length + 1)) : '';
  }

  vigie.guest = 'embed' in document.documentElement.dataset;

  vigie.api = async function (method, path, body, signal) {
    if (vigie.guest) throw {status: 403, title: '', detail: ''};  // an embed link gives its page and no API
    const headers = {Accept: 'application/json'};
    if (body !== undefined) headers['Content-Type'] = 'application/json';
    if (method !== 'GET' && vigie.page && vigie.page.csrf) headers['X-CSRFToken'] = cookie(vigie.page.csrf);
    let answer;
    try {
      answer = await fetch(vigie.url(path), {method, headers, signal, body: body === undefined || body instanceof Blob ? body : JSON.stringify(body)});
    } catch (error) {
      if (error.name === 'AbortError') throw {status: 0, title: '', detail: '', aborted: true};
      throw {status: 0, title: vigie.words('down', 'No connection'), detail: ''};
    }
    if (answer.status === 204) return null;
    const kind = answer.headers.get('Content-Type') || '';
    const said = kind.includes('json') ? await answer.json() : null;
    if (!answer.ok) throw Object.assign({status: answer.status, title: answer.statusText, detail: ''}, said);
    return said;
  };

  vigie.words = (name, fallback) => (vigie.page && vigie.page.words && vigie.page.words[name]) || fallback;

  // A short word in the corner, as the server's own toasts.
  vigie.toast = function (words, kind) {
    const box = document.getElementById('shell-toasts');
    if (!box) return;
    const note = document.createElement('div');
    note.className = 'toast-note toast-' + (kind || 'ok');
    note.setAttribute('role', kind === 'error' ? 'alert' : 'status');
    const text = document.createElement('span');
    text.textContent = words;
    note.append(text);
    box.append(note);
    setTimeout(() => note.remove(), kind === 'error' ? 12000 : 6000);
  };
  vigie.problem = error => vigie.toast([error.title, error.detail].filter(Boolean).join(': '), 'error');
})();
