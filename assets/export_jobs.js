// Exports made in the background: watched while any is in the making, listed behind the arrow in the top bar.
//
//   vigie.jobs.watch(job)        a job that this page has started: its file is downloaded when it is ready
//   vigie.jobs.heard(id, hear)   calls hear(job) at each report of a job, until it is over
//   vigie.jobs.fetch(job)        downloads the file of a finished job
//   vigie.jobs.remove(id)        cancels a job, or removes its file
(function () {
  'use strict';
  const vigie = window.vigie = window.vigie || {};
  const KEPT = 'vigie-exports', DAY = 86400000, OFTEN = 700;
  const ACTIVE = new Set(['queued', 'running']);
  const own = new Set(), hearers = new Map();
  let known = [], timer = null, asking = false;

  const box = () => document.getElementById('shell-jobs');
  const said = (name, values) => vigie.exports.said(name, values);

  function saved(value) {
    try {
      if (value) localStorage.setItem(KEPT, value);
      return Number(localStorage.getItem(KEPT) || 0);
    } catch (error) {
      return 0;  // storage is off
    }
  }

  function download(url, name) {
    const link = document.createElement('a');
    link.href = url;
    link.download = name;
    document.body.append(link);
    link.click();
    link.remove();
  }

  const fetchFile = job => download(vigie.url('/api/v1/jobs/' + job.id + '/file'), job.file);

  async function remove(id) {
    try {
      await vigie.api('DELETE', '/api/v1/jobs/' + id);
    } catch (error) {
      if (error.status !== 404) vigie.problem(error);
    }
    own.delete(id);
    await ask();
  }

  function ended(job) {
    own.delete(job.id);
    if (job.state === 'done') {
      fetchFile(job);
      vigie.toast(said('ready', {file: job.file}));
    } else if (job.state === 'failed') {
      vigie.toast(said('broken', {title: job.title, message: job.message}), 'error');
    }
  }

  async function ask() {
    if (asking) return;
    asking = true;
    clearTimeout(timer);
    try {
      known = (await vigie.api('GET', '/api/v1/jobs')).data.filter(job => job.mine);
      if (known.length) saved(String(Date.now()));
      known.forEach(job => {
        if (hearers.has(job.id)) hearers.get(job.id)(job);
        if (!ACTIVE.has(job.state) && own.has(job.id)) ended(job);
      });
      own.forEach(id => { if (!known.some(job => job.id === id)) own.delete(id); });
    } catch (error) {
      if (error.status === 401 || error.status === 403) known = [];
    }
    asking = false;
    paint();
    if (known.some(job => ACTIVE.has(job.state)) || own.size) timer = setTimeout(ask, OFTEN);
  }

  function words(job) {
    if (job.state === 'running') return said('running', {share: Math.round(job.progress * 100) + ' %'});
    return job.state === 'failed' ? job.message : said(job.state);
  }

  function button(label, work) {
    const made = document.createElement('button');
    made.type = 'button';
    made.className = 'button button-small';
    made.textContent = label;
    made.addEventListener('click', work);
    return made;
  }

  function row(job) {
    const line = document.createElement('li'), name = document.createElement('span'), state = document.createElement('span');
    const buttons = document.createElement('span');
    name.className = 'jobs-name';
    name.textContent = job.title + ' · ' + job.file.split('.').pop().toUpperCase();
    name.title = job.file;
    state.className = 'jobs-words' + (job.state === 'failed' ? ' jobs-failed' : '');
    state.textContent = words(job);
    buttons.className = 'jobs-buttons';
    if (job.state === 'done') buttons.append(button(said('download'), () => fetchFile(job)));
    buttons.append(button(said(ACTIVE.has(job.state) ? 'cancel' : 'remove'), () => remove(job.id)));
    line.dataset.job = job.id;
    line.append(name, state, buttons);
    if (ACTIVE.has(job.state)) {
      const bar = document.createElement('span'), full = document.createElement('span');
      bar.className = 'bar';
      full.style.width = Math.round(job.progress * 100) + '%';
      bar.append(full);
      line.append(bar);
    }
    return line;
  }

  function paint() {
    const at = box();
    if (!at) return;
    const making = known.filter(job => ACTIVE.has(job.state)).length;
    at.hidden = !known.length;
    if (at.hidden) at.open = false;
    at.classList.toggle('is-making', making > 0);
    at.querySelector('.jobs-count').textContent = String(making || known.length);
    const label = said(making ? 'exports' : 'exports_ready', {count: making || known.length});
    at.querySelector('summary').setAttribute('aria-label', label);
    at.querySelector('summary').title = label;
    const list = at.querySelector('.jobs-list'), focused = list.contains(document.activeElement);
    const next = known.map(row), text = next.map(line => line.outerHTML).join('');
    if (list.dataset.shown === text) return;
    const place = focused ? Array.from(list.querySelectorAll('button')).indexOf(document.activeElement) : -1;
    list.replaceChildren(...next);
    list.dataset.shown = text;
    const again = place < 0 ? null : list.querySelectorAll('button')[place];
    if (again) again.focus();
  }

  function watch(job) {
    own.add(job.id);
    known = [Object.assign({mine: true}, job)].concat(known);
    saved(String(Date.now()));
    paint();
    clearTimeout(timer);
    timer = setTimeout(ask, 150);
  }

  function heard(id, hear) { if (hear) hearers.set(id, hear); else hearers.delete(id); }

  // A page that is opened anew shows what was started before, when there was something in the last day.
  window.addEventListener('load', () => { if (Date.now() - saved() < DAY) setTimeout(() => { if (box()) ask(); }, 2500); });

  vigie.jobs = {watch, heard, remove, download, fetch: fetchFile};
})();
