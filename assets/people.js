// The page of people (components/people*.py): tabs, search, pages; adding and managing accounts; ending sign-ins.
// One's own and everybody's API tokens (components/own_tokens.py) are made and revoked here too.
(function () {
  'use strict';
  const vigie = window.vigie = window.vigie || {};
  const get = id => document.getElementById(id);
  const page = () => document.querySelector('#react-entry-point [data-people-shown]');
  let ask = null, wait = 0, person = null, sure = '';

  // ---- what is shown

  function show(change) {
    const at = page();
    if (!at) return;
    if (!ask || ask.at !== at) ask = {at, tab: at.dataset.peopleShown, search: '', page: 1};
    Object.assign(ask, change);
    at.dataset.peopleShown = ask.tab;
    at.querySelectorAll('[data-people-tab]').forEach(tab => tab.setAttribute('aria-selected', String(tab.dataset.peopleTab === ask.tab)));
    vigie.props('people-ask', {data: {tab: ask.tab, search: ask.search, page: ask.page, n: Date.now()}});
  }

  // Whatever list is on the page is drawn anew.
  function again() {
    if (page()) show({});
    if (get('settings-tokens')) vigie.props('settings-tokens-ask', {data: Date.now()});
  }

  document.addEventListener('input', event => {
    if (!event.target.matches || !event.target.matches('.people-search')) return;
    clearTimeout(wait);
    wait = setTimeout(() => show({search: event.target.value, page: 1}), 200);
  });

  // ---- secrets that are shown once

  function secret(box, text) {
    const row = box.querySelector('.secret-row');
    row.hidden = !text;
    row.querySelector('[name=secret]').value = text || '';
    if (text) row.querySelector('[name=secret]').focus();
  }

  vigie.copyText = async function (text, box) {
    try { await navigator.clipboard.writeText(text); } catch (error) {
      // Without TLS there is no clipboard to write to: then as of old. Within an open dialog nothing outside takes the focus.
      const area = document.createElement('textarea');
      area.value = text;
      box.append(area);
      area.select();
      document.execCommand('copy');
      area.remove();
    }
  };

  function reset(id) {
    const box = get(id);
    box.querySelectorAll('form').forEach(form => form.reset());
    box.querySelectorAll('.people-form').forEach(form => { form.hidden = false; });
    box.querySelectorAll('.button-primary').forEach(button => { button.hidden = false; });
    if (box.querySelector('.secret-row')) secret(box, '');
    return box;
  }

  function made(box, text) {
    box.querySelector('.people-form').hidden = true;
    box.querySelector('.button-primary').hidden = true;
    secret(box, text);
  }

  const problem = (id, error) => {
    const told = (error.errors || []).map(one => one.allowed).join(' ') || error.detail || error.title;
    vigie.dialog.say(id, told, true);
  };

  async function busy(button, id, work) {
    button.disabled = true;
    vigie.dialog.say(id, '');
    try { await work(); } catch (error) { problem(id, error); }
    button.disabled = false;
  }

  // ---- a new person

  async function add(button) {
    const box = get('people-add'), form = box.querySelector('form'), name = form.elements.name.value.trim();
    if (!form.reportValidity()) return;
    await busy(button, 'people-add', async () => {
      const answer = await vigie.api('POST', '/api/v1/users', {name, role: form.elements.role.value, source: form.elements.source.value});
      made(box, answer.password);
      vigie.dialog.say('people-add', button.dataset.words.replace('{name}', answer.user.name));
      again();
    });
  }

  // ---- one account

  function manage(told) {
    person = told;
    sure = '';
    const box = reset('people-manage'), form = box.querySelector('form');
    box.querySelector('.dialog-aside').textContent = told.name;
    form.elements.role.value = told.role;
    form.elements.source.value = told.source;
    const acts = {
      password: !told.me && told.source === 'local', unlock: !told.me && told.source === 'local', factor: !told.me && told.factor,
      sessions: !told.me && told.sessions > 0, disable: !told.me && !told.disabled, enable: !told.me && told.disabled,
    };
    box.querySelectorAll('[data-act]').forEach(row => { row.hidden = !acts[row.dataset.act]; });
    box.querySelector('.people-own').hidden = !told.me;
    form.hidden = told.me;
    box.querySelector('.button-primary').hidden = told.me;
    vigie.dialog.open('people-manage');
  }

  const words = name => get('people-manage').querySelector('.people-manage').dataset['words' + name];

  function changed(user, password, said) {
    manage({
      id: user.id, name: user.name, role: user.role, source: user.source, disabled: user.disabled,
      factor: user.second_factor, me: false, sessions: user.sessions,
    });
    secret(get('people-manage'), password);
    vigie.dialog.say('people-manage', said);
    again();
  }

  async function save(button) {
    const form = get('people-manage').querySelector('form'), change = {};
    if (form.elements.role.value !== person.role) change.role = form.elements.role.value;
    if (form.elements.source.value !== person.source) change.source = form.elements.source.value;
    if (!Object.keys(change).length) { vigie.dialog.close('people-manage'); return; }
    await busy(button, 'people-manage', async () => {
      const answer = await vigie.api('PATCH', '/api/v1/users/' + person.id, change);
      changed(answer.user, answer.password, words('Saved'));
    });
  }

  // What cannot be taken back is asked for twice.
  async function act(button) {
    const name = button.dataset.personAct, at = '/api/v1/users/' + person.id;
    if (name !== 'unlock' && name !== 'enable' && sure !== name) {
      sure = name;
      vigie.dialog.say('people-manage', words('Sure'));
      return;
    }
    sure = '';
    await busy(button, 'people-manage', async () => {
      let answer = null;
      if (name === 'password') answer = await vigie.api('POST', at + '/password');
      if (name === 'disable' || name === 'enable') answer = await vigie.api('PATCH', at, {disabled: name === 'disable'});
      if (name === 'unlock') await vigie.api('DELETE', at + '/lock');
      if (name === 'factor') await vigie.api('DELETE', at + '/second-factor');
      if (name === 'sessions') await vigie.api('DELETE', at + '/sessions');
      const user = answer ? answer.user : await vigie.api('GET', at);
      changed(user, answer && answer.password, words('Done'));
    });
  }

  async function end(button) {
    button.disabled = true;
    try {
      await vigie.api('DELETE', '/api/v1/sessions/' + button.dataset.sessionEnd);
      vigie.toast(page().dataset.wordsEnded);
      again();
    } catch (error) { vigie.problem(error); button.disabled = false; }
  }

  // ---- tokens

  async function token(button) {
    const box = get('settings-tokens-new'), form = box.querySelector('form');
    if (!form.reportValidity()) return;
    const permissions = [...form.querySelectorAll('[name=permission]:checked')].map(one => one.value);
    if (!permissions.length) { vigie.dialog.say('settings-tokens-new', button.dataset.words, true); return; }
    await busy(button, 'settings-tokens-new', async () => {
      const days = form.elements.days.value;
      const body = {name: form.elements.name.value, permissions, days: days ? Number(days) : null};
      made(box, (await vigie.api('POST', '/api/v1/tokens', body)).secret);
      again();
    });
  }

  async function revoke(button) {
    await busy(button, 'people-revoke', async () => {
      await vigie.api('DELETE', '/api/v1/tokens/' + get('people-revoke').dataset.number);
      vigie.dialog.close('people-revoke');
      vigie.toast(button.dataset.words);
      again();
    });
  }

  document.addEventListener('click', async event => {
    const button = event.target.closest && event.target.closest('button');
    if (!button) return;
    const data = button.dataset;
    if (data.peopleTab) {
      history.replaceState(history.state, '', vigie.url('/people') + (data.peopleTab === 'people' ? '' : '?tab=' + data.peopleTab));
      show({tab: data.peopleTab, page: 1});
    } else if (data.peoplePage) show({page: Number(data.peoplePage)});
    else if (data.peopleAdd) { reset('people-add'); vigie.dialog.open('people-add'); }
    else if (data.peopleMake) add(button);
    else if (data.person) manage(JSON.parse(data.person));
    else if (data.personSave) save(button);
    else if (data.personAct) act(button);
    else if (data.sessionEnd) end(button);
    else if (data.tokenNew) { reset('settings-tokens-new'); vigie.dialog.open('settings-tokens-new'); }
    else if (data.tokenMake) token(button);
    else if (data.tokenRevoke) {
      get('people-revoke').dataset.number = data.tokenRevoke;
      get('people-revoke').querySelector('.people-which').textContent = data.title;
      vigie.dialog.open('people-revoke');
    } else if (data.tokenRevokeNow) revoke(button);
    else if (data.secretCopy) {
      const box = button.closest('.dialog');
      await vigie.copyText(box.querySelector('[name=secret]').value, box);
      vigie.dialog.say(box.id, box.querySelector('.secret-row').dataset.wordsCopied);
    }
  });

  document.addEventListener('submit', event => {
    const box = event.target.closest('#people-add, #people-manage, #settings-tokens-new');
    if (!box) return;
    event.preventDefault();
    const button = box.querySelector('.button-primary');
    if (button && !button.hidden) button.click();
  });
  // A secret that was shown once is gone when its dialog is.
  document.addEventListener('close', event => {
    if (event.target.querySelector && event.target.querySelector('.secret-row')) secret(event.target, '');
  }, true);
})();
