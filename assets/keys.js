// The keyboard of every page. Nothing is heard while somebody types, chooses in a control, or holds Ctrl, Alt or Meta.
//
//   /  search    ?  this list    arrows  pan    + -  zoom    0 Backspace  back    l  live    1-7  windows    g + letter  go to
(function () {
  'use strict';
  const vigie = window.vigie = window.vigie || {};
  const BUSY = 'input, textarea, select, dialog, [contenteditable=""], [contenteditable=true], [role=menu], [role=menuitem], [role=dialog], ' +
    '[role=tab], [role=radio], [role=slider], [role=listbox], [role=option], [role=combobox], [role=grid], [role=treegrid], ' +
    '.ag-root-wrapper, .dash-dropdown, .chart-legend';
  const PAGES = {o: '/', m: '/monitoring', e: '/explore', v: '/views', s: '/settings'};
  const WAIT = 1500;  // ms for the second key after g
  let going = 0;

  const timed = () => vigie.timebar && vigie.timebar.here();
  const open = () => document.querySelector('dialog[open]');

  function busy(event) {
    if (vigie.guest || event.defaultPrevented || event.ctrlKey || event.altKey || event.metaKey || event.isComposing || open()) return true;
    const at = event.target instanceof Element ? event.target : document.body;
    // Enter and space press what has the focus, and Backspace may edit: none of them is ours there.
    return Boolean(at.closest(BUSY)) || at.isContentEditable;
  }

  // By the link of the menu, so that Dash changes the page without loading it anew.
  function go(path) {
    const address = vigie.url(path);
    const link = Array.from(document.querySelectorAll('#react-entry-point .rail-link')).find(a => a.getAttribute('href') === address);
    if (link) link.click(); else location.assign(address);
  }

  const shown = selector => Array.from(document.querySelectorAll('#react-entry-point ' + selector)).find(node => node.offsetParent !== null);

  function search() {
    const field = shown('[data-search]');
    if (field) { (field.matches('input, textarea') ? field : field.querySelector('input, textarea') || field).focus(); return; }
    go('/explore');
    // The field comes with the page.
    const until = Date.now() + 4000;
    const watch = new MutationObserver(() => {
      const late = shown('[data-search]');
      if (late) (late.matches('input, textarea') ? late : late.querySelector('input, textarea') || late).focus();
      if (late || Date.now() > until) watch.disconnect();
    });
    watch.observe(document.body, {childList: true, subtree: true});
    setTimeout(() => watch.disconnect(), 4000);
  }

  function time(event) {
    const how = {gesture: 'key ' + event.key, repeat: event.repeat}, zoom = vigie.zoom;
    const part = event.shiftKey ? 1 : 0.25;
    switch (event.key) {
      case 'ArrowLeft': zoom.pan(-part, how); return true;
      case 'ArrowRight': zoom.pan(part, how); return true;
      case '+': case '=': zoom.by(0.5, undefined, how); return true;
      case '-': case '_': zoom.by(2, undefined, how); return true;
      case '0': case 'Backspace': zoom.back(); return true;
      case 'l': case 'L': vigie.charts.follow(); return true;
      default: break;
    }
    const button = /^[1-9]$/.test(event.key) && timed().querySelectorAll('[data-window]')[Number(event.key) - 1];
    if (button) button.click();
    return Boolean(button);
  }

  document.addEventListener('keydown', event => {
    if (busy(event)) return;
    if (Date.now() < going) {
      going = 0;
      const path = PAGES[event.key.toLowerCase()];
      if (path) { event.preventDefault(); go(path); return; }
    }
    let done = true;
    if (event.key === '/') search();
    else if (event.key === '?') vigie.dialog.open('keys-help');
    else if (event.key === 'g' || event.key === 'G') going = Date.now() + WAIT;
    else done = Boolean(timed() && shown('.toolbar .windows') && time(event));
    if (done) event.preventDefault();
  });

  document.addEventListener('click', event => {
    if (event.target.closest && event.target.closest('[data-keys-help]')) vigie.dialog.open('keys-help');
  });
})();
