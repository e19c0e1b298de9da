// Builds the scripts of the pages, one file each, and what they load. The server gives them names with their content's
// hash (pages/assets.py).

import { copyFileSync, rmSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { build } from "vite";

const here = (path) => fileURLToPath(new URL(path, import.meta.url)); // a directory may have a name like "Tài liệu"
const BUILT = here("../src/khoso/pages/built/");
const PAGES = here("pages/");
const SCRIPTS = ["src/khoso.ts", "src/account.ts", "src/verify.ts", "src/scanner/scanner.ts", "workers/decoder.ts"];
const CLASSIC = ["workers/service_worker.ts"]; // not every browser takes a module as a service worker
const WASM = new URL(import.meta.resolve("zxing-wasm/reader/zxing_reader.wasm"));

// Where ZXing takes its wasm from when it is told no other place, which it is, and where Workbox explains a warning.
const SITES_OF_OTHERS = /https:\/\/(fastly\.jsdelivr\.net\/npm|bit\.ly)\//g;
const nowhereElse = { name: "nowhere-else", transform: (code) => code.replaceAll(SITES_OF_OTHERS, "/") };

rmSync(BUILT, { recursive: true, force: true });
for (const script of [...SCRIPTS, ...CLASSIC]) {
  await build({
    configFile: false,
    root: PAGES,
    publicDir: false,
    logLevel: "warn",
    plugins: [nowhereElse],
    define: { "process.env.NODE_ENV": '"production"' },
    resolve: { alias: { "@khoso/verifier": here("verifier/src/index.ts") } },
    build: {
      outDir: BUILT,
      emptyOutDir: false,
      target: ["chrome111", "edge111", "firefox114", "safari16.4"],
      modulePreload: false,
      rollupOptions: {
        input: PAGES + script,
        output: { entryFileNames: "[name].js", format: CLASSIC.includes(script) ? "iife" : "es", codeSplitting: false },
      },
    },
  });
}
copyFileSync(WASM, `${BUILT}zxing_reader.wasm`);
