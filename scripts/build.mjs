// Bundles the program into apps/server/dist: everything but the native SQLite driver, and the page. About a second; the page, when a source
// of it is newer, takes some more.
import { build } from "esbuild"
import { copyFile, cp, mkdir, writeFile } from "node:fs/promises"
import { join, resolve } from "node:path"

const root = resolve(import.meta.dirname, "..")
const dist = join(root, "apps/server/dist")

/** Files that are run or served as they are, found by `new URL("./name", import.meta.url)` beside the code that names them. */
const assets = ["packages/providers/src/demo/agent.mjs"]

/** The page beside the program; `index.html`, which names the others, comes last. */
const page = async () => {
  const web = await import("../apps/web/scripts/build.mjs")
  if (!web.isFresh()) {
    const { br } = await web.build()
    process.stderr.write(`page: first load ${Math.round(br / 1024)} KiB compressed … `)
  }
  const from = join(root, "apps/web/dist")
  await cp(from, join(dist, "web"), { recursive: true, filter: (file) => !/(index\.html(\.\w+)?|first-load\.json)$/.test(file) })
  for (const name of ["index.html.br", "index.html.gz", "index.html"]) await copyFile(join(from, name), join(dist, "web", name))
}

/** What libraries name and nothing here uses: more than a megabyte that each start would read and run. */
const unused = {
  name: "unused",
  setup: ({ onLoad, onResolve }) => {
    onResolve({ filter: /^(undici|msgpackr)$/ }, ({ path }) => ({ path, namespace: "unused", sideEffects: false }))
    onLoad({ filter: /.*/, namespace: "unused" }, () => ({ contents: "module.exports = {}" }))
  }
}

const bundle = async () => {
  const started = performance.now()
  // What is there stays: a running server may still load its own chunks, whose names are hashes.
  await mkdir(dist, { recursive: true })
  await build({
    entryPoints: [join(root, "apps/server/src/main.ts")],
    outdir: dist,
    outExtension: { ".js": ".mjs" },
    bundle: true,
    splitting: true,
    platform: "node",
    format: "esm",
    target: "node20",
    sourcemap: "linked",
    legalComments: "none",
    external: ["better-sqlite3", "@parcel/watcher", "pg-native"],
    banner: { js: "import{createRequire as __createRequire}from'node:module';const require=__createRequire(import.meta.url);" },
    plugins: [unused],
    logLevel: "warning"
  })
  for (const asset of assets) await copyFile(join(root, asset), join(dist, asset.split("/").at(-1)))
  await page()
  await writeFile(join(dist, ".built"), new Date().toISOString())
  return Math.round(performance.now() - started)
}

console.error(`built apps/server/dist in ${await bundle()} ms`)
