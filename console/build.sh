#!/usr/bin/env bash
# Builds the console into dist/ (or into the folder that is given) and writes LICENSES.txt.
# Everything happens in a temporary folder: nothing but the result is left behind. The same sources
# give the same bytes, so that this compares what is committed with what the sources say:
#
#   ./build.sh /tmp/console && diff -r dist /tmp/console
set -euo pipefail
export LC_ALL=C

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
target=${1:-$here/dist}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# As in the repository, since the schema and the list of licences are read from beside this folder.
mkdir "$work/console" "$work/playground"
cp "$here/../schema.graphql" "$work"
cp "$here/../playground/licences.js" "$here/../playground/package.json" "$work/playground"
cd "$here"
cp -R src package.json package-lock.json tsconfig.json vite.config.js codegen.ts .npmrc "$work/console"
cd "$work/console"
rm -rf src/gql

npm ci --no-audit --no-fund
npm run build

# Only the compressed files are kept: the server sends them as they are. -n leaves the time out.
find dist -type f -exec gzip -9 -n {} +

rm -rf "$target"
mkdir -p "$(dirname "$target")"
cp -R dist "$target"
if [ "$target" = "$here/dist" ]; then
  gunzip -c dist/licences.txt.gz >"$here/LICENSES.txt"
fi

find "$target" -type f ! -name 'licences.txt.gz' -exec cat {} + | wc -c | awk '{ printf "%d bytes, compressed\n", $1 }'
