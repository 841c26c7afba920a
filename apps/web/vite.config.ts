import { defineConfig, type Plugin } from "vite"
// @ts-expect-error -- a script without types
import { undescribed } from "./scripts/undescribed.mjs"

/** Leaves out what a browser does not need: descriptions of schemas, and an encoding of RPC that the client does not use. */
const smaller = (): Plugin => ({
  name: "smaller",
  apply: "build",
  enforce: "post",
  transform(code, id) {
    if (/\/packages\/contracts\/src\//.test(id)) return { code: undescribed(code, this.parse(code)), map: null }
    return /\/msgpackr\//.test(id) ? { code, map: null, moduleSideEffects: false } : undefined
  }
})

/** `scripts/build.mjs` builds with this; `pnpm --filter @millrace/web dev` serves the sources, next to a running `millrace serve`. */
export default defineConfig({
  root: import.meta.dirname,
  plugins: [smaller()],
  build: {
    target: "es2023",
    outDir: "dist",
    modulePreload: { polyfill: false },
    assetsInlineLimit: 0,
    reportCompressedSize: false,
    // On a slow machine it adds ten lines to the first start.
    rolldownOptions: { checks: { bundlerTimings: false } }
  },
  worker: { format: "es", plugins: () => [smaller()] },
  server: {
    proxy: {
      "^/(api|health|ready|pair|docs|metrics|openapi.json)": "http://127.0.0.1:7717",
      "/rpc": { target: "ws://127.0.0.1:7717", ws: true }
    }
  }
})
