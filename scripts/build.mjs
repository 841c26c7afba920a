// Bundles the program into apps/server/dist: everything but the native SQLite driver. About a second.
import { build } from "esbuild"
import { copyFile, mkdir, writeFile } from "node:fs/promises"
import { join, resolve } from "node:path"

const root = resolve(import.meta.dirname, "..")
const dist = join(root, "apps/server/dist")

/** Files that are run or served as they are, found by `new URL("./name", import.meta.url)` beside the code that names them. */
const assets = ["packages/providers/src/demo/agent.mjs"]

export const bundle = async () => {
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
    keepNames: true,
    legalComments: "none",
    external: ["better-sqlite3", "@parcel/watcher", "pg-native"],
    banner: { js: "import{createRequire as __createRequire}from'node:module';const require=__createRequire(import.meta.url);" },
    logLevel: "warning"
  })
  for (const asset of assets) await copyFile(join(root, asset), join(dist, asset.split("/").at(-1)))
  await writeFile(join(dist, ".built"), new Date().toISOString())
  return Math.round(performance.now() - started)
}

if (process.argv[1] === import.meta.filename) console.error(`built apps/server/dist in ${await bundle()} ms`)
