// Values as the viewer's language writes them: the page's half of components/formats.py.
(function () {
  'use strict';
  var vigie = window.vigie = window.vigie || {};
  var block = document.getElementById('vigie-page');
  var page = vigie.page = block ? JSON.parse(block.textContent) : {lang: 'en', timezone: '', units: {}, words: {}};
  var kept = {};

  // The viewer's zone: the one chosen in the settings, else the browser's.
  vigie.timezone = page.timezone || Intl.DateTimeFormat().resolvedOptions().timeZone || 'UTC';

  function number(value, digits) {
    var f = kept[digits] = kept[digits] ||
      new Intl.NumberFormat(page.lang, {minimumFractionDigits: digits,
        maximumFractionDigits: digits, roundingMode: 'halfEven'});
    return f.format(Math.abs(value) * 10 ** digits <= 0.5 ? 0 : value);  // what rounds to zero has no sign
  }

  function duration(seconds) {
    if (Math.abs(seconds) < 1) return number(seconds * 1000, 0) + ' ms';
    var left = Math.floor(Math.abs(seconds)), out = [];
    [[86400, 'd'], [3600, 'h'], [60, 'min'], [1, 's']].forEach(function (size) {
      if (left >= size[0]) {
        out.push(Math.floor(left / size[0]) + ' ' + (page.units[size[1]] || size[1]));
        left %= size[0];
      }
    });
    return (seconds < 0 ? '-' : '') + out.slice(0, 2).join(' ');
  }

  // [number, unit] in words; an absent value is an en dash.
  function parts(value, unit) {
    if (value === null || value === undefined || !isFinite(value)) return ['–', ''];
    if (unit === 'ratio') return [number(value * 100, Math.abs(value) >= 0.0995 ? 0 : 1), '%'];
    if (unit === 'bytes' || unit === 'bytes_per_second') {
      var size = value, i = 0, names = page.units.bytes || ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'];
      while (Math.abs(size) >= 1024 && i < names.length - 1) { size /= 1024; i += 1; }
      return [number(size, i === 0 || Math.abs(size) >= 100 ? 0 : 1),
        names[i] + (unit === 'bytes' ? '' : page.units.per_second || '/s')];
    }
    if (unit === 'seconds') return [duration(value), ''];
    if (unit === 'hertz') return value >= 1e9 ? [number(value / 1e9, 2), 'GHz'] : [number(value / 1e6, 0), 'MHz'];
    var suffix = {celsius: '°C', watts: 'W', per_second: page.units.per_second || '/s', rpm: page.units.rpm || 'rpm'};
    return [number(value, Math.abs(value) >= 100 || value === Math.floor(value) ? 0 : 1), suffix[unit] || ''];
  }

  vigie.format = {
    number: number,
    duration: duration,
    parts: parts,
    human: function (value, unit) { return parts(value, unit).filter(Boolean).join(' '); },
    clock: function (ms) {
      return new Intl.DateTimeFormat('en-GB', {hour: '2-digit', minute: '2-digit', second: '2-digit', hourCycle: 'h23',
        timeZone: vigie.timezone}).format(ms);
    },
  };
})();
