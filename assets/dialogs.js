// Dialogs: native <dialog class="dialog"> drawn in the frame (components/dialogs.py).
//
//   vigie.dialog.open(id)                  shows it; the focus goes back to where it was when it closes
//   vigie.dialog.close(id)
//   vigie.dialog.say(id, words, wrong)     a sentence in its .dialog-say; toasts lie beneath an open dialog
//   vigie.dialog.problem(id, error)        what vigie.api threw, in words
//
// A press on the backdrop, Escape and any [data-close] within close it. The dialog itself sends `close`, as the browser does.
(function () {
  'use strict';
  const vigie = window.vigie = window.vigie || {};
  const get = id => document.getElementById(id);
  let pressed = null;

  function open(id) {
    const box = get(id);
    if (!box || box.open) return box;
    say(id, '');
    box.showModal();
    const body = box.querySelector('.dialog-body');
    if (body) body.scrollTop = 0;
    const first = box.querySelector('[autofocus], .dialog-body input:not([type=hidden]):not(:disabled):checked, .dialog-body .field, .dialog-close');
    if (first) first.focus();
    return box;
  }

  function close(id) {
    const box = get(id);
    if (box && box.open) box.close();
  }

  function say(id, words, wrong) {
    const at = get(id) && get(id).querySelector('.dialog-say');
    if (!at) return;
    at.textContent = words;
    at.classList.toggle('is-wrong', Boolean(wrong));
  }

  const problem = (id, error) => say(id, [error.title, error.detail].filter(Boolean).join(': '), true);

  const outside = event => {
    if (!(event.target instanceof HTMLDialogElement) || !event.target.classList.contains('dialog')) return null;
    const at = event.target.getBoundingClientRect();
    const within = event.clientX >= at.left && event.clientX <= at.right && event.clientY >= at.top && event.clientY <= at.bottom;
    return within ? null : event.target;
  };
  // Pressed and let go on the backdrop: a selection of text that ends there is not meant to close it.
  document.addEventListener('pointerdown', event => { pressed = outside(event); });
  document.addEventListener('click', event => {
    const box = pressed && outside(event);
    const button = event.target.closest && event.target.closest('.dialog [data-close]');
    if (box && box === pressed) box.close();
    else if (button) button.closest('.dialog').close();
  });

  vigie.dialog = {open, close, say, problem};
})();
