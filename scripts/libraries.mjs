// The libraries of `pnpm pack:all`: ES modules with declarations, made by plain `tsc`. A package's `exports` name its public modules; all others are internal.
import { spawnSync } from "node:child_process"
import { cpSync, existsSync, mkdirSync, readFileSync, readdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs"
import { createRequire } from "node:module"
import { dirname, join, resolve } from "node:path"
import { pathToFileURL } from "node:url"
import { build } from "esbuild"
import { undescribed } from "../apps/web/scripts/undescribed.mjs"

const root = resolve(import.meta.dirname, "..")
const read = (file) => JSON.parse(readFileSync(file, "utf8"))
const { license, version } = read(join(root, "package.json"))

/** In the order of their imports. */
const names = [
  "sqlite-driver",
  "contracts",
  "model",
  "client",
  "react",
  "log",
  "orchestration",
  "providers",
  "adapter-kit",
  "workspace",
  "host"
]
/** Two copies of these in one program do not know each other's classes. */
const peers = new Set(["effect", "@effect/platform", "@effect/vitest", "react"])
/** Needed by some programs only. */
const optionalPeers = { client: ["ws"], "sqlite-driver": ["better-sqlite3"] }
/** Replaced by a copy that uses our driver, because it installs better-sqlite3 with an install script. */
const bundled = "@effect/sql-sqlite-node"

const catalog = Object.fromEntries(
  [...readFileSync(join(root, "pnpm-workspace.yaml"), "utf8").matchAll(/^ {2}"?([@\w/.-]+)"?: (\d\S*)$/gm)].map(
    ([, name, its]) => [name, its]
  )
)

const manifest = (name, source) => {
  const optional = optionalPeers[name] ?? []
  const all = Object.entries({ ...source.dependencies, ...source.optionalDependencies }).filter(([other]) => other !== bundled)
  const range = ([other, given]) => {
    if (given === "workspace:*") return [other, version]
    if (catalog[other] === undefined) throw new Error(`${name} needs ${other}, which the catalog does not have`)
    return [other, other === "react" ? ">=18" : `^${catalog[other]}`]
  }
  const isPeer = ([other]) => peers.has(other) || optional.includes(other)
  const dist = (path) => path.replace(/^\.\/src\/(.*)\.ts$/, "./dist/$1")
  const door = ([key, path]) => [
    key,
    typeof path === "object"
      ? path
      : path.endsWith(".mjs")
        ? path.replace("./src/", "./dist/")
        : {
            types: `${dist(path)}.d.ts`,
            ...(name === "contracts" && { browser: `${dist(path).replace("/dist/", "/dist/browser/")}.js` }),
            default: `${dist(path)}.js`
          }
  ]
  return {
    name: source.name,
    version,
    description: source.description,
    license,
    ...(source.type === undefined ? {} : { type: source.type }),
    ...(source.main === undefined ? {} : { main: source.main }),
    exports: Object.fromEntries(
      Object.entries(source.exports)
        .filter(([key]) => !key.includes("*"))
        .map(door)
    ),
    engines: { node: ">=20.19" },
    dependencies: Object.fromEntries(all.filter((entry) => !isPeer(entry)).map(range)),
    peerDependencies: Object.fromEntries(all.filter(isPeer).map(range)),
    ...(optional.length === 0
      ? {}
      : { peerDependenciesMeta: Object.fromEntries(optional.map((other) => [other, { optional: true }])) })
  }
}

/** Links a staged package to its dependencies: third parties from the workspace, ours as staged. */
const link = (name, stage, source) => {
  const types = Object.keys(source.devDependencies ?? {}).filter((other) => !other.startsWith("@millrace/"))
  for (const other of new Set([
    ...Object.keys({ ...source.dependencies, ...source.optionalDependencies }),
    ...types,
    "@types/node"
  ])) {
    const target = other.startsWith("@millrace/")
      ? join(stage, "..", other.slice("@millrace/".length))
      : [join(root, "packages", name, "node_modules", other), join(root, "node_modules", other)].find((path) => existsSync(path))
    const at = join(stage, "node_modules", other)
    mkdirSync(dirname(at), { recursive: true })
    symlinkSync(target, at)
  }
}

const compile = (stage) => {
  const options = {
    extends: join(root, "tsconfig.base.json"),
    compilerOptions: {
      noEmit: false,
      outDir: "dist",
      rootDir: "src",
      declaration: true,
      allowImportingTsExtensions: false,
      rewriteRelativeImportExtensions: true,
      plugins: []
    },
    include: ["src"],
    exclude: ["src/**/*.test.ts", "src/**/*.real.ts", "src/suite", "src/EventLogSuite.ts"]
  }
  const file = join(stage, "tsconfig.json")
  writeFileSync(file, JSON.stringify(options))
  const { status, stdout } = spawnSync(join(root, "node_modules/.bin/tsc"), ["-p", file], { encoding: "utf8" })
  if (status !== 0) throw new Error(`tsc of ${stage} ended with ${status}:\n${stdout.slice(0, 4000)}`)
  rmSync(file)
}

/** Writes `sql-sqlite-node.js` into the directory of the module that imports it. */
const bundleClient = async (stage) => {
  const vendor = join(stage, "dist/sql-sqlite-node.js")
  await build({
    stdin: { contents: `export * as SqliteClient from "${bundled}/SqliteClient"`, resolveDir: join(root, "packages/log") },
    outfile: vendor,
    bundle: true,
    platform: "node",
    format: "esm",
    target: "node20",
    external: ["effect", "effect/*", "@effect/experimental", "@effect/platform", "@effect/sql", "@millrace/sqlite-driver"],
    alias: { "better-sqlite3": "@millrace/sqlite-driver" },
    logLevel: "error"
  })
  const { license: name, version: its } = read(join(root, "packages/log/node_modules", bundled, "package.json"))
  const licence = readFileSync(join(root, "packages/log/node_modules", bundled, "LICENSE"), "utf8")
  writeFileSync(join(stage, "THIRD-PARTY-LICENSES.txt"), `${bundled} ${its} (${name})\n\n${licence}`)
  const user = join(stage, "dist/Migrations.js")
  const text = readFileSync(user, "utf8")
  if (!text.includes(`"${bundled}"`)) throw new Error(`${user} does not import ${bundled}`)
  writeFileSync(user, text.replace(`"${bundled}"`, '"./sql-sqlite-node.js"'))
}

/** Writes the modules without the descriptions of schemas to `dist/browser`. */
const withoutDescriptions = async (stage) => {
  const { parseAst } = await import(pathToFileURL(createRequire(join(root, "apps/web/package.json")).resolve("vite")).href)
  const dist = join(stage, "dist")
  const files = readdirSync(dist, { recursive: true }).filter((file) => file.endsWith(".js"))
  for (const file of files) {
    const target = join(dist, "browser", file)
    mkdirSync(dirname(target), { recursive: true })
    const code = readFileSync(join(dist, file), "utf8")
    writeFileSync(target, undescribed(code, parseAst(code)))
  }
}

/** Stages all libraries below `directory`. Returns the directory of each. */
export const stageLibraries = async (directory) => {
  const staged = []
  for (const name of names) {
    const home = join(root, "packages", name)
    const stage = join(directory, name)
    const source = read(join(home, "package.json"))
    mkdirSync(stage, { recursive: true })
    writeFileSync(join(stage, "package.json"), `${JSON.stringify(manifest(name, source), undefined, 2)}\n`)
    writeFileSync(
      join(stage, "README.md"),
      `# ${source.name}\n\n${source.description}\n\nPart of Millrace, an orchestration server for coding agents.\n`
    )
    cpSync(join(root, "LICENSE"), join(stage, "LICENSE"))
    if (name === "sqlite-driver") for (const file of ["index.cjs", "index.d.cts"]) cpSync(join(home, file), join(stage, file))
    else {
      cpSync(join(home, "src"), join(stage, "src"), { recursive: true })
      link(name, stage, source)
      compile(stage)
      for (const file of readdirSync(join(stage, "src"), { recursive: true }).filter((entry) => entry.endsWith(".mjs")))
        cpSync(join(stage, "src", file), join(stage, "dist", file))
      if (name === "contracts") await withoutDescriptions(stage)
      if (name === "log") await bundleClient(stage)
      rmSync(join(stage, "src"), { recursive: true })
    }
    staged.push(stage)
  }
  return staged
}
