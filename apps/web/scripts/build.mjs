// Builds the page into apps/web/dist when one of its sources is newer: bundles with Vite, compresses, and prints the size of a first visit.
import { existsSync, readdirSync, statSync } from "node:fs"
import { mkdir, mkdtemp, readFile, readdir, rename, rm, writeFile } from "node:fs/promises"
import { dirname, join, resolve } from "node:path"
import { promisify } from "node:util"
import { brotliCompress, constants, gzip } from "node:zlib"
import { build as bundle } from "vite"

const web = resolve(import.meta.dirname, "..")
const root = resolve(web, "../..")
const dist = join(web, "dist")
const stamp = join(dist, "first-load.json")
const sources = ["apps/web/src", "apps/web/public", "apps/web/index.html", "apps/web/vite.config.ts", "apps/web/scripts"]
const others = ["packages/client/src", "packages/contracts/src", "packages/model/src", "pnpm-lock.yaml"]

const newest = (path) =>
  statSync(path).isDirectory()
    ? Math.max(
        statSync(path).mtimeMs,
        ...readdirSync(path, { recursive: true }).map((entry) => statSync(join(path, entry)).mtimeMs)
      )
    : statSync(path).mtimeMs

export const isFresh = () =>
  existsSync(stamp) && statSync(stamp).mtimeMs > Math.max(...[...sources, ...others].map((path) => newest(join(root, path))))

const compressible = /\.(js|css|html|svg|json)$/
const brotli = promisify(brotliCompress)
const zip = promisify(gzip)

/** The files of a first visit: the page, its styles and scripts, and the worker; not the parts that are loaded on demand. */
const firstLoad = (chunks, page) => {
  const byName = new Map(chunks.map((chunk) => [chunk.fileName, chunk]))
  const files = new Set(["index.html", ...[...page.matchAll(/(?:src|href)="\/([^"]+)"/g)].map(([, file]) => file)])
  for (const name of files) for (const next of byName.get(name)?.imports ?? []) files.add(next)
  return files
}

export const build = async () => {
  const before = new Set(existsSync(dist) ? await readdir(dist, { recursive: true }) : [])
  // React's own switch, and Vite's. A test runner sets it to another value.
  const mode = process.env.NODE_ENV
  process.env.NODE_ENV = "production"
  await mkdir(join(root, ".cache"), { recursive: true })
  const work = await mkdtemp(join(root, ".cache/web-"))
  try {
    const { output } = await bundle({
      configFile: join(web, "vite.config.ts"),
      root: web,
      logLevel: "warn",
      build: { outDir: work, emptyOutDir: true }
    })
    const files = (await readdir(work, { recursive: true })).filter((file) => statSync(join(work, file)).isFile())
    const worker = files.filter((file) => /^assets\/worker-.*\.js$/.test(file))
    const wanted = new Set([...firstLoad(output, await readFile(join(work, "index.html"), "utf8")), ...worker])
    const sizes = {}
    // The page comes last, because it names the other files.
    for (const file of files.toSorted((a, b) => Number(a === "index.html") - Number(b === "index.html"))) {
      const target = join(dist, file)
      await mkdir(dirname(target), { recursive: true })
      const bytes = await readFile(join(work, file))
      if (compressible.test(file)) {
        const options = { params: { [constants.BROTLI_PARAM_SIZE_HINT]: bytes.length } }
        const [br, gz] = await Promise.all([brotli(bytes, options), zip(bytes, { level: 9 })])
        await writeFile(`${target}.br`, br)
        await writeFile(`${target}.gz`, gz)
        if (wanted.has(file)) sizes[file] = { bytes: bytes.length, br: br.length, gz: gz.length }
      }
      await rename(join(work, file), target)
    }
    // Deletes the files of the build before the last one. An open page may still request parts of the last one.
    const now = new Set(files)
    for (const old of before)
      if (
        old.startsWith("assets/") &&
        !now.has(old.replace(/\.(br|gz)$/, "")) &&
        Date.now() - statSync(join(dist, old)).mtimeMs > 86_400_000
      )
        await rm(join(dist, old), { force: true })
    const total = (kind) => Object.values(sizes).reduce((sum, size) => sum + size[kind], 0)
    const report = { br: total("br"), gz: total("gz"), files: sizes }
    await writeFile(stamp, JSON.stringify(report, undefined, 2))
    return report
  } finally {
    if (mode === undefined) delete process.env.NODE_ENV
    else process.env.NODE_ENV = mode
    await rm(work, { recursive: true, force: true })
  }
}

if (process.argv[1] === import.meta.filename) console.log(JSON.stringify(await build(), undefined, 2))
