import { defineConfig } from "vite";

import { licences } from "../playground/licences.js";

const server = process.env.USHER_URL ?? "http://127.0.0.1:8000";
const notices = licences({ alwaysInclude: [] });

/** The list of licences as the playground writes it, but for its first words. */
function writeLicences(fileName) {
  const { name, generateBundle } = notices.write(fileName);
  const introduction = "The console of Usher contains parts of these packages; their licences follow.";
  const introduced = (source) => introduction + source.slice(source.indexOf("\n\n"));
  return {
    name,
    generateBundle() {
      generateBundle.call({ emitFile: (file) => this.emitFile({ ...file, source: introduced(file.source) }) });
    },
  };
}

/** react-aria says a few things in 30 languages. The console speaks two: the others stay out of the bundle. */
const onlySpokenLanguages = {
  name: "only-spoken-languages",
  enforce: "pre",
  load(id) {
    const [, language] = /\/react-(?:aria|stately)[^/]*\/.*\/([a-z]{2})-[A-Z]{2}\.m?js$/.exec(id) ?? [];
    if (language && !["en", "de"].includes(language)) return "export default {};";
  },
};

export default defineConfig({
  // The pages are served under any path: what they load is named relative to the file that loads it.
  base: "./",
  plugins: [onlySpokenLanguages, notices.collect(), writeLicences("licences.txt")],
  build: {
    target: "es2022",
    modulePreload: { polyfill: false },
    cssCodeSplit: false,
    rolldownOptions: {
      // The server writes the HTML: there is none to build.
      input: "src/main.tsx",
      output: {
        entryFileNames: "console.js",
        chunkFileNames: "assets/[name]-[hash].js",
        assetFileNames: ({ names }) => (names.some((name) => name.endsWith(".css")) ? "console.css" : "assets/[name]-[hash][extname]"),
      },
      // "use client" means nothing where there is no server that renders.
      checks: { moduleLevelDirective: false },
    },
  },
  // `npm run dev` shows the pages against a server that is running already.
  server: {
    proxy: Object.fromEntries(
      ["graphql", "pages", "sign-in", "account", "emails", "playground"].map((path) => [
        `^/${path}`,
        { target: server, ws: path === "graphql", headers: { origin: server } },
      ]),
    ),
  },
});
