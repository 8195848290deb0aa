#!/usr/bin/env bash
# Builds the playground into dist/ (or into the folder that is given) and writes LICENSES.txt.
# Everything happens in a temporary folder: nothing but the result is left behind. The same sources
# give the same bytes, so that this compares what is committed with what the sources say:
#
#   ./build.sh /tmp/playground && diff -r dist /tmp/playground
set -euo pipefail
export LC_ALL=C

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
target=${1:-$here/dist}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

cd "$here"
cp -R src index.html package.json package-lock.json tsconfig.json vite.config.js licences.js .npmrc "$work"
cd "$work"

npm ci --legacy-peer-deps --no-audit --no-fund
npm run build

# Only the compressed files are kept: the server sends them as they are. -n leaves the time out.
find dist -type f -exec gzip -9 -n {} +

rm -rf "$target"
mkdir -p "$(dirname "$target")"
cp -R dist "$target"
if [ "$target" = "$here/dist" ]; then
  gunzip -c dist/licences.txt.gz >"$here/LICENSES.txt"
fi

find "$target" -type f -exec cat {} + | wc -c | awk '{ printf "%d bytes, compressed\n", $1 }'
