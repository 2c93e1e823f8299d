// Usage: node build.mjs NODE_MODULES OUTPUT_FOLDER. Writes OUTPUT_FOLDER/plotly-<hash>.min.js and prints its path.
import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const [modules, output] = process.argv.slice(2).map((path) => resolve(path));
const { build } = createRequire(join(modules, 'index.js'))('esbuild');

const result = await build({
    entryPoints: [join(dirname(fileURLToPath(import.meta.url)), 'entry.cjs')],
    nodePaths: [modules],
    bundle: true,
    minify: true,
    write: false,
    format: 'iife',
    target: 'es2018',
    legalComments: 'none',
    banner: { js: '/*! plotly.js, MIT licence, Copyright Plotly, Inc. */' },
    alias: { stream: 'stream-browserify' },
    loader: { '.css': 'empty' }, // the maps' style sheet: no map is drawn
    define: { global: 'window', 'define.amd': 'false', 'process.env.NODE_DEBUG': 'false' },
    logLevel: 'warning',
});
const code = result.outputFiles[0].contents;
const name = `plotly-${createHash('sha256').update(code).digest('hex').slice(0, 12)}.min.js`;

mkdirSync(output, { recursive: true });
writeFileSync(join(output, name + '.tmp'), code);
renameSync(join(output, name + '.tmp'), join(output, name));
for (const old of readdirSync(output)) if (old !== name && old.startsWith('plotly-')) rmSync(join(output, old));
console.log(`${join(output, name)} (${Math.round(code.length / 1024)} KB)`);
