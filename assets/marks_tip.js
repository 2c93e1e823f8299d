// The words of a flag: on hover, on focus, and on a press, which keeps them until something else is pressed.
(function () {
  'use strict';
  const vigie = window.vigie = window.vigie || {};
  const MOST = 8, REST = 160;  // ms to get from the flag into the box
  let box = null, flag = null, pinned = false, leaving = 0, top = 0;

  const parts = () => document.querySelector('#react-entry-point #shell-marks-parts');

  function when(mark) {
    if (mark.end > mark.at && !mark.open) return vigie.timebar.between(mark.at, mark.end);
    const old = Date.now() - mark.at > 43200000 ? {day: 'numeric', month: 'short'} : {};
    return new Intl.DateTimeFormat(vigie.page.lang, Object.assign(old, {hour: '2-digit', minute: '2-digit', second: '2-digit',
      hourCycle: 'h23', timeZone: vigie.timezone})).format(mark.at) + (mark.open ? ' –' : '');
  }

  function row(mark) {
    const line = document.createElement('div'), icon = document.createElement('span'), main = document.createElement('div');
    line.className = 'marks-row mark-is-' + (mark.kind === 'note' ? 'note' : mark.severity);
    icon.className = 'marks-icon';
    const drawn = parts().querySelector(`[data-mark-icon="${mark.kind}"] svg`);
    if (drawn) icon.append(drawn.cloneNode(true));
    const head = document.createElement('p'), text = document.createElement('p');
    head.className = 'marks-when num';
    head.textContent = [when(mark), mark.author].filter(Boolean).join(' · ');
    text.className = 'marks-text';
    text.textContent = mark.text;
    main.append(head, text);
    line.append(icon, main);
    if (mark.editable && vigie.notes) {
      const button = document.createElement('button');
      button.type = 'button';
      button.className = 'marks-change';
      button.textContent = parts().dataset.edit;
      button.addEventListener('click', () => { close(); vigie.notes.edit(mark); });
      line.append(button);
    }
    if (mark.alert) {
      const link = document.createElement('a');
      link.className = 'marks-change';
      link.dataset.go = '1';
      link.addEventListener('click', close);
      link.href = vigie.url('/alerts') + vigie.query({alert: mark.alert});
      link.textContent = parts().dataset.alert;
      line.append(link);
    }
    return line;
  }

  function open(at, keep) {
    if (!at.flag || !parts()) return;
    clearTimeout(leaving);
    if (flag === at && box) { pinned = pinned || keep; return; }
    close();
    flag = at;
    pinned = keep;
    box = document.createElement('div');
    box.className = 'marks-tip';
    box.id = 'marks-tip';
    box.setAttribute('role', 'tooltip');
    const marks = at.flag.marks.slice().reverse();
    box.append(...marks.slice(0, MOST).map(row));
    if (marks.length > MOST) {
      const rest = document.createElement('p');
      rest.className = 'marks-rest';
      rest.textContent = parts().dataset.rest.replace('{count}', marks.length - MOST);
      box.append(rest);
    }
    document.body.append(box);
    at.setAttribute('aria-describedby', 'marks-tip');
    const place = at.getBoundingClientRect(), width = box.offsetWidth, height = box.offsetHeight;
    top = place.top;
    box.style.left = Math.max(8, Math.min(place.left + place.width / 2 - width / 2, document.documentElement.clientWidth - width - 8)) + 'px';
    box.style.top = (place.bottom + height + 8 > innerHeight ? Math.max(8, place.top - height - 6) : place.bottom + 6) + 'px';
  }

  function close() {
    clearTimeout(leaving);
    if (flag) flag.removeAttribute('aria-describedby');
    if (box) box.remove();
    box = flag = null;
    pinned = false;
  }

  const of = event => (event.target.closest ? event.target.closest('.mark-flag') : null);
  document.addEventListener('pointerover', event => {
    if (event.pointerType === 'touch') return;
    const at = of(event);
    if (at) open(at, false);
    else if (box && !pinned) {
      clearTimeout(leaving);
      if (!box.contains(event.target)) leaving = setTimeout(close, REST);
    }
  }, {passive: true});
  document.addEventListener('focusin', event => { const at = of(event); if (at && at.matches(':focus-visible')) open(at, false); });
  document.addEventListener('focusout', event => { if (of(event) && !pinned) leaving = setTimeout(close, REST); });
  // A note of one's own opens where it can be changed; everything else is told.
  document.addEventListener('click', event => {
    const at = of(event);
    if (!at) { if (box && !box.contains(event.target)) close(); return; }
    const marks = at.flag.marks;
    if (marks.length === 1 && marks[0].mine && vigie.notes) { close(); vigie.notes.edit(marks[0]); } else open(at, true);
  });
  document.addEventListener('keydown', event => { if (event.key === 'Escape' && box) { close(); event.stopPropagation(); } }, true);
  window.addEventListener('scroll', () => {
    if (box && Math.abs(flag.getBoundingClientRect().top - top) > 2) close();
  }, {passive: true, capture: true});
  window.addEventListener('resize', close);
})();
