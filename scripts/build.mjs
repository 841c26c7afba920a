// Bundles the program into apps/server/dist: the program with all its packages, and the page. Takes about two seconds; longer if a source
// of the page is newer.
import { spawn } from "node:child_process"
import { once } from "node:events"
import { copyFile, cp, mkdir, mkdtemp, readdir, rename, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join, resolve } from "node:path"
import { bundle } from "./bundle.mjs"

const root = resolve(import.meta.dirname, "..")
const dist = join(root, "apps/server/dist")

/** Files that are copied unchanged: the program, and the files it finds by `new URL("./name", import.meta.url)`. */
const assets = {
  "main.mjs": "apps/server/src/program.mjs",
  "agent.mjs": "packages/providers/src/demo/agent.mjs",
  "mcp.mjs": "packages/providers/src/demo/mcp.mjs",
  "docs.js": "apps/server/src/openapi/docs.js"
}

/** The page, next to the program; `index.html`, which names the other files, comes last. */
const page = async () => {
  const web = await import("../apps/web/scripts/build.mjs")
  if (!web.isFresh()) {
    const { br } = await web.build()
    process.stderr.write(`page: first load ${Math.round(br / 1024)} KiB compressed … `)
  }
  const from = join(root, "apps/web/dist")
  const to = join(dist, "web")
  await cp(from, to, { recursive: true, filter: (file) => !/(index\.html(\.\w+)?|first-load\.json)$/.test(file) })
  for (const name of ["index.html.br", "index.html.gz", "index.html"]) await copyFile(join(from, name), join(to, name))
  const now = new Set(await readdir(from, { recursive: true }))
  for (const old of await readdir(to, { recursive: true }))
    if (!now.has(old)) await rm(join(to, old), { recursive: true, force: true })
}

/** Starts and stops the program once, so that it stores the code that a start compiles (`program.mjs`). */
const warm = async () => {
  const data = await mkdtemp(join(tmpdir(), "millrace-build-"))
  const serve = ["serve", "--port", "0", "--data", data, "--no-project-config", "--ready-fd", "3"]
  const server = spawn(process.execPath, [join(dist, "main.mjs"), ...serve], {
    stdio: ["ignore", "ignore", "ignore", "pipe"],
    env: { ...process.env, MILLRACE_CODE_CACHE: dist },
    timeout: 30_000
  })
  server.stdio[3].once("data", () => server.kill("SIGTERM"))
  await once(server, "exit")
  await rm(data, { recursive: true, force: true })
}

const build = async () => {
  const started = performance.now()
  await mkdir(dist, { recursive: true })
  await mkdir(join(root, ".cache"), { recursive: true })
  const work = await mkdtemp(join(root, ".cache/build-"))
  const names = ["program.cjs", "program.cjs.map", ...Object.keys(assets)]
  try {
    await bundle(join(root, "apps/server/src/main.ts"), join(work, "program.cjs"))
    for (const [name, source] of Object.entries(assets)) await copyFile(join(root, source), join(work, name))
    // Replaces each file atomically, for a program that starts now; a running one needs none of them.
    for (const name of names) await rename(join(work, name), join(dist, name))
  } finally {
    await rm(work, { recursive: true, force: true })
  }
  await page()
  const kept = new Set([...names, "web", ".built"])
  for (const old of await readdir(dist)) if (!kept.has(old)) await rm(join(dist, old), { recursive: true, force: true })
  await warm()
  await writeFile(join(dist, ".built"), new Date().toISOString())
  return Math.round(performance.now() - started)
}

console.error(`built apps/server/dist in ${await build()} ms`)
