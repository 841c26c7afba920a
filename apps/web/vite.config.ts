import { defineConfig } from "vite"

/** `scripts/build.mjs` builds with this; `pnpm --filter @millrace/web dev` serves the sources, next to a running `millrace serve`. */
export default defineConfig({
  root: import.meta.dirname,
  build: {
    target: "es2023",
    outDir: "dist",
    modulePreload: { polyfill: false },
    assetsInlineLimit: 0,
    reportCompressedSize: false,
    // On a slow machine it adds ten lines to the first start.
    rolldownOptions: { checks: { bundlerTimings: false } }
  },
  worker: { format: "es" },
  server: {
    proxy: {
      "^/(api|health|ready|pair|docs|metrics|openapi.json)": "http://127.0.0.1:7717",
      "/rpc": { target: "ws://127.0.0.1:7717", ws: true }
    }
  }
})
