// The second factor in Settings (components/second_factor.py).
(function () {
  'use strict';
  const vigie = window.vigie = window.vigie || {};
  const ON = 'settings-factor-on', OFF = 'settings-factor-off', AT = '/api/v1/account/second-factor';
  const get = id => document.getElementById(id);
  let what = 'off';

  const words = (id, name) => get(id).querySelector('.factor').dataset[name];
  const again = () => vigie.props('settings-factor-ask', {data: Date.now()});
  const main = id => get(id).querySelector('.button-primary');

  function open(id) {
    const box = get(id);
    box.querySelectorAll('form').forEach(form => form.reset());
    part(id, '.factor-first');
    main(id).hidden = false;
    vigie.dialog.open(id);
  }

  function part(id, shown) {
    get(id).querySelectorAll('.factor > *').forEach(one => { one.hidden = !one.matches(shown); });
    const field = get(id).querySelector(shown + ' .field');
    if (field) field.focus();
  }

  function codes(id, list) {
    get(id).querySelector('.recovery-codes').textContent = list.join('\n');
    part(id, '.factor-codes');
    main(id).hidden = true;
  }

  async function busy(id, work) {
    main(id).disabled = true;
    vigie.dialog.say(id, '');
    try { await work(); } catch (error) {
      vigie.dialog.say(id, (error.errors || []).map(one => one.allowed).join(' ') || error.detail || error.title, true);
    }
    main(id).disabled = false;
  }

  const value = (id, form, name) => get(id).querySelector(form).elements[name].value;

  function next() {
    const second = !get(ON).querySelector('.factor-second').hidden;
    busy(ON, async () => {
      if (second) {
        codes(ON, (await vigie.api('POST', AT + '/confirm', {code: value(ON, '.factor-second', 'code')})).recovery_codes);
        vigie.dialog.say(ON, words(ON, 'wordsOn'));
        again();
        return;
      }
      const setup = await vigie.api('POST', AT, {password: value(ON, '.factor-first', 'password')});
      const svg = new DOMParser().parseFromString(setup.svg, 'text/html').body.firstElementChild;
      svg.setAttribute('role', 'img');
      svg.setAttribute('aria-label', words(ON, 'wordsPicture'));
      get(ON).querySelector('.factor-picture').replaceChildren(document.importNode(svg, true));
      get(ON).querySelector('.factor-key').textContent = setup.key.match(/.{1,4}/g).join(' ');
      part(ON, '.factor-second');
    });
  }

  function go() {
    busy(OFF, async () => {
      const body = {password: value(OFF, '.factor-first', 'password'), code: value(OFF, '.factor-first', 'code')};
      if (what === 'codes') codes(OFF, (await vigie.api('POST', AT + '/codes', body)).recovery_codes);
      else {
        await vigie.api('POST', AT + '/off', body);
        vigie.dialog.close(OFF);
        vigie.toast(words(OFF, 'wordsOff'));
      }
      again();
    });
  }

  document.addEventListener('click', async event => {
    const button = event.target.closest && event.target.closest('button');
    if (!button) return;
    const data = button.dataset;
    if (data.factor === 'on') open(ON);
    else if (data.factor) {
      what = data.factor;
      get(OFF).querySelector('.dialog-title').textContent = words(OFF, what === 'codes' ? 'titleCodes' : 'titleOff');
      open(OFF);
    } else if (data.factorNext) next();
    else if (data.factorGo) go();
    else if (data.codesCopy) {
      const box = button.closest('.dialog');
      await vigie.copyText(box.querySelector('.recovery-codes').textContent, box);
      vigie.dialog.say(box.id, box.querySelector('.factor').dataset.wordsCopied);
    }
  });

  document.addEventListener('submit', event => {
    const box = event.target.closest('#' + ON + ', #' + OFF);
    if (!box) return;
    event.preventDefault();
    if (!main(box.id).hidden) main(box.id).click();
  });
  // What was shown once is gone when the dialog is.
  document.addEventListener('close', event => {
    if (event.target.id !== ON && event.target.id !== OFF) return;
    event.target.querySelector('.recovery-codes').textContent = '';
    const picture = event.target.querySelector('.factor-picture');
    if (picture) { picture.textContent = ''; event.target.querySelector('.factor-key').textContent = ''; }
  }, true);
})();
