// What goes wrong in this browser is told to the server's log: errors of scripts, promises nobody catches, and what Dash
// writes on the console when a callback fails. The same thing once a minute, twenty in all, and nothing at all while the
// telling itself fails.
//
//   vigie.report(level, message, {error, data})    tells something else
(function () {
  'use strict';
  const vigie = window.vigie = window.vigie || {};
  const AGAIN = 60000, MOST = 20, LONGEST = 1500;
  const told = new Map();
  let left = MOST, quietUntil = 0, sending = false;

  const cut = (text, most) => { text = String(text); return text.length > most ? text.slice(0, most - 1) + '…' : text; };

  vigie.report = function (level, message, more) {
    if (vigie.guest || !vigie.page || sending) return;
    const now = Date.now(), key = level + cut(message, 200);
    if (left <= 0 || now < quietUntil || now - (told.get(key) || -AGAIN) < AGAIN) return;
    told.set(key, now);
    left -= 1;
    const body = {level, message: cut(message || 'unknown', LONGEST), page: cut(location.pathname + location.search, 400)};
    if (more && more.error) body.error = cut(more.error, 4000);
    if (more && more.data) body.data = more.data;
    sending = true;  // whatever goes wrong from here on is our own, and is not told
    try {
      vigie.api('POST', '/api/v1/logs/client', body).catch(() => { quietUntil = Date.now() + AGAIN; });
    } catch (error) {
      quietUntil = now + AGAIN;
    } finally {
      sending = false;
    }
  };

  const stack = error => error && error.stack ? error.stack : '';

  window.addEventListener('error', event => {
    if (!event.message) return;  // a picture or a script that did not load: the browser says no more
    vigie.report('error', event.message, {
      error: stack(event.error), data: {source: cut(event.filename || '', 300), line: event.lineno, column: event.colno},
    });
  });
  window.addEventListener('unhandledrejection', event => {
    const why = event.reason;
    if (why && why.status !== undefined && why.title !== undefined) return;  // an answer of ours, which was an error
    vigie.report('error', 'Unhandled: ' + (why && why.message || why), {error: stack(why)});
  });

  // Dash catches what its callbacks throw, and says it on the console only.
  const write = console.error;
  console.error = function (...parts) {
    write.apply(console, parts);
    try {
      const error = parts.find(part => part instanceof Error);
      const words = parts.filter(part => typeof part === 'string').join(' ') || (error && error.message);
      if (words) vigie.report('error', words, {error: stack(error)});
    } catch (ignored) {
      // what cannot be put into words is on the console
    }
  };
})();
