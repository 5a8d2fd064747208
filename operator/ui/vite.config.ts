import react from "@vitejs/plugin-react";
import { defineConfig } from "vitest/config";

// In development the page comes from Vite and the data from `opweave dev`: OPWEAVE_URL=http://127.0.0.1:3000 npm run dev
const api = process.env.OPWEAVE_URL ?? "http://127.0.0.1:3000";

export default defineConfig({
  base: "./",
  plugins: [
    react(),
    {
      name: "fill-page-in-development",
      apply: "serve",
      transformIndexHtml: (html) => html.replace("__BASE__", "/").replace("__NONCE__", ""),
    },
  ],
  build: {
    outDir: "../opweave_operator/static",
    assetsDir: "ui",
    emptyOutDir: true,
    target: "es2022",
    modulePreload: { polyfill: false },
    assetsInlineLimit: 0,
    reportCompressedSize: false,
    manifest: "manifest.json",
  },
  server: { proxy: { "/graphql": { target: api, ws: true }, "/api": api } },
  test: { include: ["src/**/*.test.ts", "src/**/*.test.tsx"], environment: "node" },
});
