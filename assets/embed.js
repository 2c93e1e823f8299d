// The dialog that makes an embed link (components/embed_dialog.py), and the list of links (components/embed_list.py).
(function () {
  'use strict';
  const vigie = window.vigie = window.vigie || {};
  const ID = 'shell-embed', KEPT = 'vigie-embed-site';
  let chart = null, span = null;

  const box = () => document.getElementById(ID);
  const part = selector => box().querySelector(selector);
  const words = name => part('.embed-body').dataset['words' + name];
  const field = name => part('form').elements[name];
  const value = name => { const at = field(name); return at.value !== undefined ? at.value : ''; };

  // What the page in hand is to an embed link; null when it cannot be embedded.
  function page() {
    const root = vigie.url('/'), path = location.pathname.startsWith(root) ? '/' + location.pathname.slice(root.length) : location.pathname;
    const query = new URLSearchParams(location.search), name = path.replace(/\/$/, '') || '/';
    const shown = document.querySelector('#react-entry-point .timed');
    if (name === '/') return {page: 'overview'};
    if (name === '/monitoring') return {page: 'monitoring', tab: shown && shown.dataset.shown === 'gpu' ? 'gpu' : 'system'};
    if (name === '/explore') return query.get('q') ? {page: 'explore', q: query.get('q')} : null;
    const view = /^\/views\/(\d+)$/.exec(name);
    return view ? {page: 'view', view: Number(view[1])} : null;
  }

  function open(which, title) {
    if (!box()) return;
    chart = which;
    const here = page();
    if (!chart && !here) { vigie.toast(words('Empty'), 'error'); return; }
    const timed = document.querySelector('#react-entry-point .timed');
    span = timed && vigie.charts.span ? vigie.charts.span() : null;
    part('form').reset();
    part('.dialog-aside').textContent = title || document.querySelector('#main h1, #react-entry-point h1').textContent;
    box().dataset.title = title || '';
    field('what').value = chart ? 'chart' : 'page';
    field('when').value = vigie.charts.view.from !== null && timed ? 'fixed' : 'live';
    if (timed) field('window').value = vigie.charts.view.window;
    try { field('site').value = localStorage.getItem(KEPT) || ''; } catch (error) { /* private mode */ }
    again();
    vigie.dialog.open(ID);
  }

  // Only what can be chosen is there.
  function paint() {
    const here = page(), overview = value('what') === 'page' && here && here.page === 'overview';
    part('.embed-what-row').hidden = !(chart && here);
    part('.embed-when-row').hidden = Boolean(overview);
    const choice = part('.embed-when-row .choice');
    choice.hidden = !span;
    const fixed = Boolean(span) && value('when') === 'fixed';
    part('.embed-when-row .field-row').hidden = fixed;
    part('.embed-span-words').textContent = fixed ? vigie.timebar.between(span[0], span[1]) : '';
    part('.embed-site').hidden = value('who') === 'any';
  }

  function again() {
    part('.embed-form').hidden = false;
    part('.embed-made').hidden = true;
    part('.embed-preview-slot').textContent = '';
    show(false);
    paint();
    vigie.dialog.say(ID, '');
  }

  function show(done) {
    part('[data-embed-make]').hidden = done;
    part('[data-embed-again]').hidden = !done;
    part('[data-embed-done]').hidden = !done;
  }

  function asked() {
    const what = value('what') === 'chart' && chart ? {chart} : page();
    const body = Object.assign({theme: value('theme'), days: Number(value('days')), site: '*'}, what);
    if (what.page !== 'overview') {
      if (span && value('when') === 'fixed') Object.assign(body, {from: Math.round(span[0]), to: Math.round(span[1])});
      else body.window = value('window');
    }
    if (value('who') === 'one') body.site = value('site').trim();
    return body;
  }

  async function make() {
    const button = part('[data-embed-make]'), body = asked();
    if (!body.site) { vigie.dialog.say(ID, words('Site'), true); field('site').focus(); return; }
    button.disabled = true;
    vigie.dialog.say(ID, '');
    try {
      made(await vigie.api('POST', '/api/v1/embeds', body), body);
    } catch (error) { vigie.dialog.problem(ID, error); }
    button.disabled = false;
  }

  // The server may not know by which scheme and host it is reached: this page does.
  const ours = (text, url) => text.split(new URL(url).origin).join(location.origin);

  function made(link, body) {
    if (body.site !== '*') try { localStorage.setItem(KEPT, body.site); } catch (error) { /* private mode */ }
    const url = ours(link.url, link.url);
    part('[name=url]').value = url;
    part('[name=html]').value = ours(link.html, link.url);
    const until = new Intl.DateTimeFormat(vigie.page.lang, {dateStyle: 'long', timeZone: vigie.timezone}).format(new Date(link.expires));
    part('.embed-until').textContent = words('Until').replace('{time}', until).replace('{site}', link.site === '*' ? words('Any') : link.site);
    const frame = document.createElement('iframe');
    frame.className = 'embed-preview';
    frame.title = words('Preview');
    frame.src = url;
    part('.embed-preview-slot').replaceChildren(frame);
    part('.embed-form').hidden = true;
    part('.embed-made').hidden = false;
    show(true);
    part('.dialog-body').scrollTop = 0;
    part('[data-copy=html]').focus();
  }

  // Without TLS there is no clipboard to write to: then as of old.
  async function copy(control) {
    control.select();
    try { await navigator.clipboard.writeText(control.value); } catch (error) { document.execCommand('copy'); }
  }

  document.addEventListener('vigie:chart-action', event => {
    if (event.detail.action === 'embed') open(event.detail.id, event.detail.title);
  });

  document.addEventListener('click', async event => {
    const at = event.target.closest && event.target.closest('button');
    if (!at) return;
    const data = at.dataset;
    if (data.embedPage) open(null, '');
    else if (data.embedMake) make();
    else if (data.embedAgain) again();
    else if (data.copy && at.closest('.copy-row')) {
      await copy(at.closest('.copy-row').querySelector('.field'));
      vigie.dialog.say(ID, words('Copied'));
    } else if (data.embedCopy) {
      await copyText(data.embedCopy);
      vigie.toast(data.words);
    } else if (data.revoke) {
      const ask = document.getElementById('embeds-revoke');
      ask.dataset.number = data.revoke;
      ask.querySelector('.embed-which').textContent = data.title;
      vigie.dialog.open('embeds-revoke');
    } else if (data.revokeNow) revoke(at);
  });

  async function copyText(text) {
    const area = document.createElement('textarea');
    area.value = ours(text, text);
    document.body.append(area);
    await copy(area);
    area.remove();
  }

  async function revoke(button) {
    const ask = document.getElementById('embeds-revoke');
    button.disabled = true;
    try {
      await vigie.api('DELETE', '/api/v1/embeds/' + ask.dataset.number);
      vigie.dialog.close('embeds-revoke');
      vigie.toast(button.dataset.words);
      vigie.props('embeds-ask', {data: Date.now()});
    } catch (error) { vigie.dialog.problem('embeds-revoke', error); }
    button.disabled = false;
  }

  document.addEventListener('change', event => { if (box() && event.target.closest('#' + ID)) paint(); });
  document.addEventListener('submit', event => {
    if (!event.target.closest('#' + ID)) return;
    event.preventDefault();
    make();
  });
  // A preview that nobody sees is one viewer too many.
  document.addEventListener('close', event => { if (event.target === box()) part('.embed-preview-slot').textContent = ''; }, true);
})();
