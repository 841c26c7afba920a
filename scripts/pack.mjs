// `pnpm pack:all`: writes the npm packages to dist/npm. `millrace` is the built program with the page, in one package without dependencies;
// the libraries are in libraries.mjs.
import { spawnSync } from "node:child_process"
import { cpSync, mkdirSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs"
import { basename, dirname, join, resolve } from "node:path"
import { build } from "esbuild"
import { bundle } from "./bundle.mjs"
import { stageLibraries } from "./libraries.mjs"

const root = resolve(import.meta.dirname, "..")
const out = join(root, "dist/npm")
const { description, license, version } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"))
const maxProgramBytes = 2 * 1024 * 1024

const run = (command, args, cwd) => {
  const { status, stderr, stdout } = spawnSync(command, args, { cwd, encoding: "utf8", maxBuffer: 1 << 28 })
  if (status !== 0) throw new Error(`${command} ${args.join(" ")} ended with ${status}:\n${stdout}${stderr}`)
  return stdout
}

/** The licence of each bundled package, by the files that the bundlers read. */
const thirdParty = (inputs) => {
  const packages = new Map()
  for (const input of inputs) {
    const found = /^(.*\/node_modules\/((?:@[^/]+\/)?[^/]+))\//.exec(resolve(root, input))
    if (found === null || packages.has(found[1])) continue
    const [, directory] = found
    const { license: name, version: its } = JSON.parse(readFileSync(join(directory, "package.json"), "utf8"))
    const file = readdirSync(directory).find((entry) => /^licen[cs]e/i.test(entry))
    const text = file === undefined ? `License: ${name}` : readFileSync(join(directory, file), "utf8").trim()
    packages.set(directory, { title: `${found[2]} ${its} (${name})`, text })
  }
  const byText = new Map()
  for (const { text, title } of packages.values()) byText.set(text, [...(byText.get(text) ?? []), title].sort())
  const parts = [...byText].map(([text, titles]) => `${titles.join("\n")}\n\n${text}\n`)
  return parts.sort().join(`\n${"-".repeat(80)}\n\n`)
}

/** The page's files that `index.html` reaches by name. A build keeps the files of the previous build for open pages. */
const reachable = (web) => {
  const names = readdirSync(join(web, "assets")).filter((name) => !/\.(br|gz)$/.test(name))
  const found = new Set()
  const follow = (text) => {
    for (const name of names)
      if (!found.has(name) && text.includes(name)) {
        found.add(name)
        follow(readFileSync(join(web, "assets", name), "latin1"))
      }
  }
  follow(readFileSync(join(web, "index.html"), "utf8"))
  return found
}

/** Packs a directory. Returns the tarball's name and its size. */
const pack = (directory) => {
  const [{ filename }] = JSON.parse(run("npm", ["pack", "--json", "--pack-destination", out], directory))
  return { filename, bytes: statSync(join(out, filename)).size }
}

const program = async () => {
  run(process.execPath, [join(root, "scripts/build.mjs")], root)
  const stage = join(out, "stage/millrace")
  const dist = join(root, "apps/server/dist")
  mkdirSync(stage, { recursive: true })
  for (const name of ["main.mjs", "agent.mjs", "mcp.mjs", "docs.js"]) cpSync(join(dist, name), join(stage, name))
  const assets = reachable(join(dist, "web"))
  // Every browser takes gzip; without the second form, 15 % smaller, the package keeps within its size.
  const isNeeded = (file) =>
    basename(dirname(file)) !== "assets" || (!file.endsWith(".br") && assets.has(basename(file).replace(/\.gz$/, "")))
  cpSync(join(dist, "web"), join(stage, "web"), { recursive: true, filter: isNeeded })
  const server = await bundle(join(root, "apps/server/src/main.ts"), join(stage, "program.cjs"), {
    minifyWhitespace: true,
    minifySyntax: true,
    sourcemap: false
  })
  const page = await build({
    entryPoints: [join(root, "apps/web/src/main.tsx"), join(root, "apps/web/src/hub/worker.ts")],
    outdir: out,
    bundle: true,
    format: "esm",
    splitting: true,
    write: false,
    metafile: true,
    loader: { ".svg": "empty", ".css": "empty" },
    logLevel: "error"
  })
  writeFileSync(
    join(stage, "THIRD-PARTY-LICENSES.txt"),
    thirdParty([server, page].flatMap(({ metafile }) => Object.keys(metafile.inputs)))
  )
  for (const name of ["LICENSE", "CHANGELOG.md"]) cpSync(join(root, name), join(stage, name))
  cpSync(join(root, "apps/server/npm.md"), join(stage, "README.md"))
  const manifest = {
    name: "millrace",
    version,
    description,
    license,
    keywords: ["agents", "codex", "claude", "acp", "orchestration"],
    bin: { millrace: "main.mjs" },
    engines: { node: ">=20.19" }
  }
  writeFileSync(join(stage, "package.json"), `${JSON.stringify(manifest, undefined, 2)}\n`)
  const packed = pack(stage)
  if (packed.bytes > maxProgramBytes)
    throw new Error(`${packed.filename} has ${packed.bytes} bytes; at most ${maxProgramBytes} are allowed`)
  return packed
}

rmSync(out, { recursive: true, force: true })
mkdirSync(out, { recursive: true })
const packed = [await program(), ...(await stageLibraries(join(out, "stage/libraries"))).map(pack)]
rmSync(join(out, "stage"), { recursive: true, force: true })
for (const { bytes, filename } of packed) console.log(`dist/npm/${filename}  ${Math.ceil(bytes / 1024)} KiB`)
