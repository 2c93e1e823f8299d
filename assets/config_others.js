// What others save while the Configuration page is open: what is not edited follows, what is edited stays, and where
// both changed the same one chooses.
//
//   vigie.configOthers.reload(by)   takes up the newest configuration
//   vigie.configOthers.show()       says beside each field what somebody else set it to
//   vigie.configOthers.conflict()   asks for each what shall hold, then reviews anew
(function () {
  'use strict';
  const vigie = window.vigie = window.vigie || {};
  const form = () => vigie.configForm, diff = () => vigie.configDiff, desk = () => vigie.configuration;
  const state = () => desk().state, page = () => desk().page(), say = (name, values) => desk().say(name, values);
  const clone = value => JSON.parse(JSON.stringify(value));

  // Takes up a newer configuration: what is not edited follows it, what is edited stays as it is.
  function take(theirs, version, by) {
    const at = page(), edited = desk().edits().map(one => one.path), news = diff().changes(state().base, theirs);
    const meets = path => edited.find(one => one === path || one.startsWith(path + '.') || path.startsWith(one + '.'));
    const clashed = [];
    news.forEach(one => {
      const path = meets(one.path);
      if (!path) return;
      const ours = form().look(desk().current(), path), their = form().look(theirs, path);
      if (form().same(ours, their)) return;
      state().clashes.set(path, {theirs: their, by});
      clashed.push(one);
    });
    form().fill(at, theirs, path => Boolean(meets(path)));
    state().base = clone(theirs);
    state().version = version;
    show();
    news.filter(one => !meets(one.path)).forEach(one => {
      const row = form().row(at, one.path);
      if (row) { row.classList.remove('is-news'); void row.offsetWidth; row.classList.add('is-news'); }
    });
    desk().settle();
    return {news, clashed};
  }

  function show() {
    const at = page();
    at.querySelectorAll('.cf-meanwhile').forEach(one => one.remove());
    state().clashes.forEach((clash, path) => {
      const row = form().row(at, path);
      if (!row || form().path(row) !== path) return;
      const button = diff().element('button', 'button button-small', say('use-theirs'));
      button.type = 'button';
      button.addEventListener('click', () => {
        form().put(at, path, clash.theirs);
        state().clashes.delete(path);
        show();
        desk().settle();
      });
      const words = say('clash', {name: clash.by || say('somebody'), value: diff().words(at, path, clash.theirs)});
      (row.querySelector('.cf-value') || row).append(diff().element('div', 'cf-meanwhile', diff().element('span', '', words), button));
    });
  }

  async function reload(by) {
    const before = state().version;
    const now = await vigie.api('GET', '/api/v1/config');
    if (!(desk() && page()) || now.version === before) return;
    const who = by || now.by || say('somebody');
    const {news, clashed} = take(now.config, now.version, who);
    const names = list => list.slice(0, 3).map(one => diff().name(page(), one.path)).join(', ') + (list.length > 3 ? ', …' : '');
    if (clashed.length) desk().notice('news', say('news-touched', {name: who, names: names(clashed)}));
    else if (news.length) desk().notice('news', say('news', {name: who, version: now.version, names: names(news)}));
    vigie.props('configuration-changed', {data: Date.now()});
  }

  // Somebody else saved the same settings: both values, a choice for each; then what will be saved is shown anew.
  async function conflict() {
    const theirs = await vigie.api('GET', '/api/v1/config');
    const by = theirs.by;
    take(theirs.config, theirs.version, by);
    const clashes = Array.from(state().clashes).map(([path, one]) => ({path, mine: form().look(desk().current(), path), theirs: one.theirs}));
    if (!clashes.length) { desk().review(); return; }
    const body = diff().choose(page(), clashes);
    desk().ask({
      title: say('conflict'), aside: say('conflict-aside', {name: by, version: theirs.version}), body, go: say('conflict-go'),
      act: () => {
        diff().chosen(body).forEach((which, path) => {
          if (which === 'theirs') form().put(page(), path, state().clashes.get(path).theirs);
          state().clashes.delete(path);
        });
        show();
        vigie.dialog.close('configuration-diff');
        if (desk().settle().length) desk().review();
      },
    });
  }

  document.addEventListener('vigie:news', event => {
    const news = event.detail;
    if (news.topic !== 'config' || !(desk() && page())) return;
    news.text = '';  // this page tells it itself, in place of the toast
    // The answer to a save of one's own and its news come in any order.
    if (news.data.version !== undefined && news.data.version > state().version && !state().saving) reload(news.data.by).catch(vigie.problem);
    else vigie.props('configuration-changed', {data: Date.now()});
  });

  vigie.configOthers = {reload, show, conflict};
})();
