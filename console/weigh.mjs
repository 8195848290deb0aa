// Says how many bytes of a build a browser fetches, compressed: for the page that is opened first, the list of users
// in English, and in all.
//
//   node weigh.mjs dist
import { readFileSync, readdirSync, statSync } from "node:fs";
import { join, normalize } from "node:path";
import { gunzipSync } from "node:zlib";

const folder = process.argv[2];
const files = readdirSync(folder, { recursive: true }).filter((file) => file.endsWith(".gz") && file !== "licences.txt.gz");

/** A file, and all that it imports by itself; what is imported on demand is not needed yet. */
function needed(file, found = new Set()) {
  if (found.has(file)) return found;
  found.add(file);
  const source = gunzipSync(readFileSync(join(folder, file))).toString();
  for (const [, name] of source.matchAll(/\b(?:from|import)["'`](\.{1,2}\/[^"'`]+)["'`]/g)) {
    needed(normalize(join(file, "..", `${name}.gz`)), found);
  }
  return found;
}

const begin = ["console.css.gz", "console.js.gz", ...["users-", "en-"].map((name) => files.find((file) => file.startsWith(`assets/${name}`)))];
const weigh = (files) => [...files].reduce((sum, file) => sum + statSync(join(folder, file)).size, 0);
const first = begin.reduce((found, file) => (file.endsWith(".js.gz") ? needed(file, found) : found.add(file)), new Set());
console.log(weigh(first), weigh(files));
