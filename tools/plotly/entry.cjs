// plotly.js with the traces Vigie draws, evaluated one slice per task so that no single task blocks the page.
// window.Plotly is a promise until the last slice has run, and who waits for this script to load is told only then:
// dcc.Graph waits for one or the other before it draws.
const script = document.currentScript;
const loaded = script && script.onload;
if (loaded) script.onload = null;
let ready;
window.Plotly = new Promise((resolve) => { ready = resolve; });
let core;
const slices = [
    () => require('@plotly/d3'),
    () => require('plotly.js/src/components/color'),
    () => require('plotly.js/src/lib'),
    () => require('plotly.js/src/components/drawing'),
    () => require('plotly.js/src/plots/plots'),
    () => require('plotly.js/src/plots/cartesian'),
    () => require('plotly.js/src/plot_api'),
    () => require('plotly.js/src/traces/scatter'),
    () => { core = require('plotly.js/lib/core'); },
    () => core.register(require('plotly.js/lib/bar')),
    () => core.register(require('plotly.js/lib/heatmap')),
    () => core.register(require('plotly.js/lib/pie')),
    () => core.register(require('plotly.js/lib/histogram')),
    () => core.register(require('plotly.js/lib/locales/fr')),
    () => { window.Plotly = core; ready(core); if (loaded) loaded.call(script); },
];
(function next() {
    slices.shift()();
    if (slices.length) setTimeout(next, 0);
})();
