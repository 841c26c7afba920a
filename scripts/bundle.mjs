// `node scripts/bundle.mjs ENTRY OUT`: a program of ours and all it imports as one script, everything but the native SQLite driver.
import { build } from "esbuild"

/** What libraries name and nothing here uses: more than a megabyte that each start would read and run. */
const unused = {
  name: "unused",
  setup: ({ onLoad, onResolve }) => {
    onResolve({ filter: /^(undici|msgpackr)$/ }, ({ path }) => ({ path, namespace: "unused", sideEffects: false }))
    onLoad({ filter: /.*/, namespace: "unused" }, () => ({ contents: "module.exports = {}" }))
  }
}

/** One script, not modules: only of a script can V8 keep the code it compiled. No names of closures: each one made would cost a call. */
export const bundle = (entry, outfile) =>
  build({
    entryPoints: [entry],
    outfile,
    bundle: true,
    platform: "node",
    format: "cjs",
    supported: { "dynamic-import": false },
    banner: { js: "const __url = require('node:url').pathToFileURL(__filename).href;" },
    define: { "import.meta.url": "__url" },
    target: "node20",
    sourcemap: "linked",
    legalComments: "none",
    external: ["better-sqlite3", "@parcel/watcher", "pg-native"],
    plugins: [unused],
    logLevel: "warning"
  })

const [, script, entry, outfile] = process.argv
if (script === import.meta.filename) await bundle(entry, outfile)
