// `node scripts/bundle.mjs ENTRY OUT`: bundles one of our programs and its imports into one script.
import { isAscii } from "node:buffer"
import { readFile } from "node:fs/promises"
import { resolve } from "node:path"
import { build } from "esbuild"

const driverFile = resolve(import.meta.dirname, "../packages/sqlite-driver/index.cjs")

/** Modules that libraries import and this program never uses: more than a megabyte that each start would load. */
export const unused = {
  name: "unused",
  setup: ({ onLoad, onResolve }) => {
    onResolve({ filter: /^(undici|msgpackr|ajv|ajv-formats)$/ }, ({ path }) => ({
      path,
      namespace: "unused",
      sideEffects: false
    }))
    onLoad({ filter: /.*/, namespace: "unused" }, () => ({ contents: "module.exports = {}" }))
  }
}

/** `@effect/sql-sqlite-node` gets our driver; only the driver itself requires better-sqlite3, and only on a Node without SQLite. */
const driver = {
  name: "driver",
  setup: ({ onResolve }) =>
    onResolve({ filter: /^better-sqlite3$/ }, ({ importer }) =>
      importer === driverFile ? { path: "better-sqlite3", external: true } : { path: driverFile }
    )
}

/** Removes letters beyond ASCII from comment lines inside of functions and classes, which esbuild keeps. */
const comments = {
  name: "comments",
  setup: ({ onLoad }) =>
    onLoad({ filter: /node_modules\/(zod|@modelcontextprotocol\/sdk)\/.*\.js$/ }, async ({ path }) => ({
      contents: (await readFile(path, "utf8")).replace(/(^\s*\/?\*|\/\/ ).*$/gm, (line) => line.replace(/\P{ASCII}/gu, "-"))
    }))
}

/** One script, not modules, because V8 stores compiled code only for scripts. No names for closures: naming each new closure would cost a call. */
export const bundle = async (entry, outfile, more = {}) => {
  const result = await build({
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
    external: ["@parcel/watcher", "pg-native"],
    plugins: [unused, driver, comments],
    metafile: true,
    logLevel: "warning",
    ...more
  })
  // `program.mjs` reads each byte as one character. esbuild escapes other characters, but not in regular expressions.
  if (!isAscii(await readFile(outfile))) throw new Error(`${outfile} has letters beyond ASCII: write them as \\u....`)
  return result
}

const [, script, entry, outfile] = process.argv
if (script === import.meta.filename) await bundle(entry, outfile)
