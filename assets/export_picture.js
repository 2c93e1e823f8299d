// A chart as a picture for paper: its figure drawn anew at print size, with title, window and server in it.
//
//   vigie.exportPicture.make(chart, {kind, paper, title, window, source, colours})   resolves to a Blob
(function () {
  'use strict';
  const vigie = window.vigie = window.vigie || {};
  const WIDTH = 1600, HEIGHT = 900, SCALE = 2, TEXT = 20, TOP = 140, BOTTOM = 100, MOST_IN_LEGEND = 48;
  const HEX = /^#[0-9a-f]{6}$/i, RGBA = /^rgba\((\d+), ?(\d+), ?(\d+), ?([\d.]+)\)$/;

  const hex = parts => '#' + parts.map(part => Number(part).toString(16).padStart(2, '0')).join('').toUpperCase();
  const css = name => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

  // Dark colours to those that a light chart has in their place, wherever in the figure they stand.
  function recoloured(node, map) {
    if (typeof node === 'string') {
      if (HEX.test(node)) return map.get(node.toUpperCase()) || node;
      const parts = RGBA.exec(node), found = parts && map.get(hex(parts.slice(1, 4)));
      return found ? 'rgba(' + [1, 3, 5].map(i => parseInt(found.slice(i, i + 2), 16)).join(',') + ',' + parts[4] + ')' : node;
    }
    // Rows of numbers hold no colour; a stop of a colour scale is a number and a colour.
    if (Array.isArray(node)) return typeof node[0] === 'number' && typeof node[1] !== 'string' ? node : node.map(one => recoloured(one, map));
    if (node && typeof node === 'object' && !ArrayBuffer.isView(node)) {
      return Object.fromEntries(Object.entries(node).map(([name, value]) => [name, recoloured(value, map)]));
    }
    return node;
  }

  const escaped = text => text.replace(/&/g, '&amp;').replace(/</g, '&lt;').replace(/>/g, '&gt;');

  function traces(chart, data, meta) {
    const keys = meta.series || [], seen = new Set();
    data.forEach((trace, i) => {
      const first = keys[i] && trace.name && !seen.has(trace.name);
      trace.showlegend = Boolean(first) && trace.visible !== 'legendonly' && trace.visible !== false;
      if (first) seen.add(trace.name);
      if (trace.visible === 'legendonly') trace.visible = false;
      if (trace.line && trace.line.width) trace.line.width *= 1.6;
      if (trace.marker && trace.marker.size) trace.marker.size = Number(trace.marker.size) * 1.6 || 6;
      if (trace.type === 'heatmap' && meta.kind !== 'strip') {
        trace.showscale = true;
        trace.colorbar = {ticksuffix: meta.suffix || '', tickfont: {size: TEXT - 2}, thickness: 22, outlinewidth: 0, len: 1};
      }
    });
    return data.filter(trace => trace.showlegend).length;
  }

  function axis(own) {
    return Object.assign({}, own, {
      automargin: true, tickfont: Object.assign({}, own.tickfont, {size: TEXT - 1}), showspikes: false, ticklen: own.ticks ? 8 : own.ticklen,
      title: own.title && own.title.text ? Object.assign({}, own.title, {font: {size: TEXT}}) : own.title,
    });
  }

  function figure(chart, want) {
    const meta = chart.gd.layout.meta || chart.meta;
    let data = structuredClone(chart.gd.data.map(({uid, ...trace}) => trace));
    let layout = structuredClone(Object.assign({}, chart.gd.layout, {meta: null}));
    const dark = document.documentElement.getAttribute('data-bs-theme') !== 'light';
    const paper = want.paper === 'white';
    if (paper && dark) {
      const map = new Map(want.colours.map(([from, to]) => [from.toUpperCase(), to]));
      data = data.map(trace => recoloured(trace, map));
      layout = recoloured(layout, map);
    }
    const text = paper ? '#0F172A' : css('--v-text'), muted = paper ? '#526079' : css('--v-muted');
    const named = traces(chart, data, meta);
    const family = (layout.font && layout.font.family) || 'sans-serif';
    const wide = named > 14, plain = meta.kind === 'bars';
    Object.keys(layout).filter(name => /^[xy]axis/.test(name)).forEach(name => { layout[name] = axis(layout[name]); });
    const range = plain && layout.yaxis.range ? Math.abs(layout.yaxis.range[1] - layout.yaxis.range[0]) : 0;
    const half = range && data[0].width ? data[0].width * (HEIGHT - TOP - BOTTOM) / range / 2 : 0;
    (layout.annotations || []).forEach(note => {
      if (half && note.yref === 'y') note.yshift = half + 6;  // above its bar, which is thicker here
    });
    (layout.annotations || []).forEach(note => { note.font = Object.assign({}, note.font, {size: TEXT - 1}); });
    const note = (words, x, anchor, y, size, colour, bold) => ({
      text: bold ? '<b>' + escaped(words) + '</b>' : escaped(words), xref: 'paper', yref: 'paper', x, y: y > 0 ? 1 : 0, xanchor: anchor,
      yanchor: y > 0 ? 'bottom' : 'top', yshift: y, showarrow: false, font: {family, size, color: colour}, align: 'left',
    });
    const bottom = !wide && named > 0 ? BOTTOM + 50 : BOTTOM;
    return {data, layout: Object.assign(layout, {
      width: WIDTH, height: HEIGHT, autosize: false, uirevision: undefined, transition: undefined,
      paper_bgcolor: paper ? '#FFFFFF' : css('--v-panel'), plot_bgcolor: 'rgba(0,0,0,0)',
      font: {family, size: TEXT - 1, color: text}, hovermode: false, dragmode: false,
      margin: {l: plain ? 60 : 110, r: 60, t: TOP, b: bottom, pad: 4},
      showlegend: named > 0 && named <= MOST_IN_LEGEND,
      legend: Object.assign({font: {size: wide ? TEXT - 4 : TEXT - 1, color: text}, bgcolor: 'rgba(0,0,0,0)', itemclick: false, itemwidth: 40},
        wide ? {orientation: 'v', x: 1.01, xanchor: 'left', y: 1, yanchor: 'top'}
          : {orientation: 'h', x: 0, xanchor: 'left', y: 0, yanchor: 'top', yref: 'paper', entrywidthmode: 'pixels'}),
      annotations: (layout.annotations || []).concat([
        note(want.title, 0, 'left', 66, 34, text, true), note(want.window, 0, 'left', 28, TEXT, muted),
        note(want.source, 1, 'right', -(bottom - 34), TEXT - 2, muted),
      ]),
    }), config: {staticPlot: true, locale: 'page', locales: chart.gd._context ? chart.gd._context.locales : {}}};
  }

  async function make(chart, want) {
    const drawn = figure(chart, want);
    if (drawn.layout.legend.orientation === 'h') drawn.layout.legend.y = -0.07;
    const url = await window.Plotly.toImage(drawn, {format: want.kind, width: WIDTH, height: HEIGHT, scale: want.kind === 'png' ? SCALE : 1});
    const [head, body] = [url.slice(0, url.indexOf(',')), url.slice(url.indexOf(',') + 1)];
    if (!head.includes('base64')) return new Blob([decodeURIComponent(body)], {type: 'image/svg+xml'});
    return new Blob([Uint8Array.from(atob(body), char => char.charCodeAt(0))], {type: 'image/png'});
  }

  vigie.exportPicture = {make};
})();
