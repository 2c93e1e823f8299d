// What the server tells every page at once, beside the values: changes of the configuration, alerts.
//
//   'vigie:news' on document    detail {topic, data, text, kind, href, ...}; topic 'config', 'alerts' or 'notices'
//
// Here only what all pages do: the words are shown as a toast, and what the configuration says of pages is followed.
(function () {
  'use strict';
  const vigie = window.vigie = window.vigie || {};
  const root = document.documentElement;

  function chosen() {
    try { return localStorage.getItem('vigie-theme'); } catch (error) { return null; }
  }

  // The look for those who have chosen none themselves.
  function look(ui) {
    if (ui.theme && root.dataset.theme !== undefined && !chosen()) {
      const light = ui.theme === 'auto' ? matchMedia('(prefers-color-scheme: light)').matches : ui.theme === 'light';
      root.dataset.bsTheme = light ? 'light' : 'dark';
    }
    if (ui.refresh && vigie.live) vigie.live.refresh = ui.refresh;
    root.classList.toggle('compact', Boolean(ui.compact));
    root.classList.toggle('narrow', Boolean(ui.narrow));
  }

  function follow(data) {
    if (data.ui) look(data.ui);
    if (data.services && data.services.includes('health')) {
      vigie.props('overview-tick', {n_intervals: Date.now()});
      document.dispatchEvent(new CustomEvent('vigie:resume'));
    }
  }

  // A page that heard nothing for a while asks what it missed.
  let away = false;
  document.addEventListener('vigie:live', event => {
    const back = away && event.detail.state === 'live';
    away = event.detail.state !== 'live' && event.detail.state !== 'wait' || away && !back;
    if (!back || vigie.guest) return;
    vigie.api('GET', '/api/config').then(answer => {
      const ui = answer.config.ui;
      look({theme: ui.theme, compact: ui.compactMode, narrow: ui.sidebarCollapsed, refresh: ui.refreshRateMs});
    }, () => {});  // then the next load of the page brings it
  });

  document.addEventListener('vigie:news', event => {
    const news = event.detail;
    if (news.topic === 'config') follow(news.data);
    if (news.topic === 'alerts') vigie.props('overview-tick', {n_intervals: Date.now()});
    if (news.topic === 'config' && news.text) vigie.toast(news.text, news.kind);
  });
})();
