// The frame around every page: theme, live indicator, clock, menus, toasts, signing in again.
(function () {
  'use strict';
  var vigie = window.vigie = window.vigie || {};
  var clientside = window.dash_clientside = window.dash_clientside || {};
  var root = document.documentElement;

  function words(name, fallback) {
    return (vigie.page && vigie.page.words && vigie.page.words[name]) || fallback;
  }

  // The attribute rules: style sheets and charts follow it.
  function paint(theme) {
    root.dataset.bsTheme = theme;
    try { localStorage.setItem('vigie-theme', theme); } catch (error) { /* private mode: the cookie is enough */ }
    document.cookie = 'vigie-theme=' + theme + ';path=' + vigie.url('/') + ';max-age=31536000;samesite=lax';
    return theme;
  }
  clientside.shell = {
    theme: function (clicks) {
      if (!clicks) return clientside.no_update;
      return paint(root.dataset.bsTheme === 'light' ? 'dark' : 'light');
    },
    ask: function (clicks) { return clicks ? true : clientside.no_update; },
    // {theme}: the one that was chosen in the settings; empty is the system's.
    show: function (chosen) {
      if (chosen) paint(chosen.theme || (matchMedia('(prefers-color-scheme: light)').matches ? 'light' : 'dark'));
      return clientside.no_update;
    },
  };

  // Live indicator.
  var CLASSES = {live: 'live-on', polling: 'live-on', wait: 'live-wait', hidden: 'live-wait', stale: 'live-off', offline: 'live-off'};
  var WORDS = {live: 'live', polling: 'polling', wait: 'wait', hidden: 'paused', stale: 'stale', offline: 'down'};
  function indicate() {
    var state = (vigie.live && vigie.live.state) || 'wait';
    var at = document.querySelector('#react-entry-point #shell-live');
    if (!at) return;
    at.className = 'live ' + (CLASSES[state] || 'live-wait');
    at.lastElementChild.textContent = words(WORDS[state], state);
  }
  document.addEventListener('vigie:live', indicate);

  // Clock: the time of the newest values.
  document.addEventListener('vigie:frame', function (event) {
    var at = document.getElementById('shell-clock');
    if (at && vigie.format) at.textContent = vigie.format.clock(event.detail.t);
  });

  // Menus close by a click elsewhere, by Escape, and when something in them was chosen.
  function closeMenus(except) {
    document.querySelectorAll('details.menu[open]').forEach(function (menu) { if (menu !== except) menu.open = false; });
  }
  document.addEventListener('click', function (event) {
    var menu = event.target.closest && event.target.closest('details.menu');
    closeMenus(menu && !event.target.closest('a') ? menu : null);
  });
  document.addEventListener('keydown', function (event) {
    if (event.key !== 'Escape') return;
    var open = document.querySelector('details.menu[open]');
    if (open) { closeMenus(null); open.querySelector('summary').focus(); }
  });

  // Toasts leave after six seconds, errors after twelve.
  function timeToasts() {
    document.querySelectorAll('.toast-note:not([data-timed])').forEach(function (note) {
      note.dataset.timed = '1';
      setTimeout(function () { note.classList.add('gone'); }, note.classList.contains('toast-error') ? 12000 : 6000);
    });
  }

  // A sign-in that ended: Dash says nothing, so go and sign in, then come back here.
  var fetched = window.fetch;
  window.fetch = function (what, how) {
    if (vigie.guest && String(what && what.url || what).indexOf('/_dash-') !== -1) {
      // No cookie tells the zone of who reads an embedded page.
      var headers = new Headers(how && how.headers);
      headers.set('X-Vigie-Timezone', vigie.timezone || '');
      how = Object.assign({}, how, {headers: headers});
    }
    return fetched.call(this, what, how).then(function (answer) {
      var url = String(what && what.url || what);
      if (answer.status === 401 && !vigie.guest && url.indexOf('/_dash-') !== -1) {
        location.assign(vigie.url('/login') + '?next=' + encodeURIComponent(location.pathname + location.search));
      }
      return answer;
    });
  };

  document.addEventListener('DOMContentLoaded', function () {
    if (vigie.live && !vigie.guest) vigie.live.want('shell', ['cpu_usage_ratio']);  // a page without values has a clock all the same
    var watch = new MutationObserver(function () {
      var toasts = document.querySelector('#react-entry-point #shell-toasts');
      if (!toasts || !document.querySelector('#react-entry-point #shell-live')) return;
      watch.disconnect();
      indicate();
      timeToasts();
      // Only this box: the rest of the page changes with every tick.
      new MutationObserver(timeToasts).observe(toasts, {childList: true, subtree: true});
    });
    watch.observe(document.getElementById('react-entry-point') || document.body, {childList: true, subtree: true});
  });
})();
