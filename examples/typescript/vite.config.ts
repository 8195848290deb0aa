import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";

// As a reverse proxy does in production: the page and /graphql have one origin, so that the session
// cookie is kept. The page's origin still has to be in the server's `server.allowed_origins`.
const proxy = { "/graphql": { target: process.env.USHER_URL ?? "http://127.0.0.1:8000", ws: true } };

// The same host as the server's: for browsers, `localhost` and `127.0.0.1` are two sites.
const host = "127.0.0.1";

export default defineConfig({
  plugins: [react()],
  server: { host, proxy },
  preview: { host, proxy },
});
