#!/bin/sh
# Builds the small plotly.js bundle into .build/plotly with npm. Without npm Vigie serves plotly's own, larger file.
set -eu
cd "$(dirname "$0")/.."

for program in node npm; do
    command -v "$program" >/dev/null 2>&1 && continue
    echo "$program is not here: no bundle is built, and Vigie serves plotly's own file (4.8 MB, 1.1 MB on the wire)." >&2
    exit 0
done

wanted=$(.venv/bin/python -c 'import plotly.offline as o; print(o.get_plotlyjs_version())')
grep -q "\"plotly.js\": \"$wanted\"" tools/plotly/package.json || {
    echo "tools/plotly/package.json names another plotly.js than the $wanted that the plotly package ships." >&2
    exit 1
}
mkdir -p .build/npm
cp tools/plotly/package.json tools/plotly/package-lock.json .build/npm/
(cd .build/npm && npm ci --silent --no-audit --no-fund --ignore-scripts)
node tools/plotly/build.mjs .build/npm/node_modules .build/plotly
