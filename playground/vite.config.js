import { defineConfig } from "vite";

import { licences } from "./licences.js";

const server = process.env.USHER_URL ?? "http://127.0.0.1:8000";
const notices = licences({
  // Packages that come in by way of a style sheet, which the bundler does not count as modules.
  alwaysInclude: ["@fontsource/roboto", "@fontsource/fira-code"],
});

export default defineConfig({
  base: "/playground/",
  plugins: [notices.collect(), notices.write("licences.txt")],
  worker: {
    format: "es",
    plugins: () => [notices.collect()],
  },
  build: {
    target: "es2022",
    modulePreload: { polyfill: false },
    // Monaco is one piece of this size; it is loaded after the page has been drawn.
    chunkSizeWarningLimit: 4000,
    // "use client" means nothing where there is no server that renders.
    rolldownOptions: { checks: { moduleLevelDirective: false } },
  },
  // `npm run dev` shows the page against a server that is running already.
  server: {
    proxy: {
      "/graphql": { target: server, ws: true, headers: { origin: server } },
    },
  },
});
