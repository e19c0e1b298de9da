// The scripts of the pages, one file each. The server gives them names with their content's hash (pages/assets.py).

import { defineConfig } from "vite";

export default defineConfig({
  root: "pages",
  publicDir: false,
  logLevel: "warn",
  resolve: { alias: { "@khoso/verifier": new URL("verifier/src/index.ts", import.meta.url).pathname } },
  build: {
    outDir: "../../src/khoso/pages/built",
    emptyOutDir: true,
    target: ["chrome111", "edge111", "firefox114", "safari16.4"],
    modulePreload: false,
    rollupOptions: {
      input: ["pages/src/khoso.ts", "pages/src/verify.ts"],
      output: { entryFileNames: "[name].js", chunkFileNames: "[name].js" },
    },
  },
});
