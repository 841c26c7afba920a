#!/usr/bin/env node
// `dist/main.mjs`, the program of the npm package too: runs the bundle in the same directory with the code that V8 compiled for it in an earlier run.
// Compiling took a third of a start (docs/decisions/0073). V8 rejects code of another V8 version or of other flags.
import { createHash } from "node:crypto"
import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs"
import { createRequire } from "node:module"
import { homedir } from "node:os"
import { dirname, join } from "node:path"
import { fileURLToPath } from "node:url"
import { Script } from "node:vm"

const filename = fileURLToPath(new URL("./program.cjs", import.meta.url))
const require = createRequire(import.meta.url)

const [major, minor] = process.versions.node.split(".").map(Number)
const hasSqlite = major > 22 || (major === 22 && minor >= 13)
const canResolve = (name) => {
  try {
    return require.resolve(name) !== ""
  } catch {
    return false
  }
}
if (!hasSqlite && !canResolve("better-sqlite3")) {
  console.error(
    `millrace: this is Node ${process.versions.node}, which has no SQLite: use Node 22.13 or newer, or install the package better-sqlite3@12 next to millrace.`
  )
  process.exit(2)
}

const source = readFileSync(filename)
// The digest binds the stored code to exactly this bundle: V8 compares only its length.
const name = `program.cjs.${createHash("sha256").update(source).digest("hex").slice(0, 16)}-${process.version}-${process.arch}`
// A build stores the code next to the bundle. An installed package may not be writable, so a later run stores it in the user's cache.
const home = join(process.env["XDG_CACHE_HOME"] || join(homedir(), ".cache"), "millrace")
const cache = join(process.env["MILLRACE_CODE_CACHE"] || home, name)

const read = () => {
  for (const file of [cache, join(dirname(filename), name)])
    try {
      return readFileSync(file)
    } catch {
      // The first run, or one without read access: compiles the bundle.
    }
  return undefined
}

// Reads one byte as one character, which is faster: the build ensures that there are no others.
const script = new Script(`(function (exports, require, module, __filename) {${source.toString("latin1")}\n})`, {
  filename,
  cachedData: read()
})

const keep = () => {
  const part = `${cache}.${process.pid}`
  try {
    mkdirSync(dirname(cache), { recursive: true, mode: 0o700 })
    writeFileSync(part, script.createCachedData(), { flag: "wx", mode: 0o600 })
    renameSync(part, cache)
  } catch {
    // Without write access each start compiles, as the first one does. On a full disk no partial file stays.
    rmSync(part, { force: true })
  }
}
// At exit, when everything that a start needs has been compiled. A file that a power loss truncated is rejected and rewritten.
if (script.cachedDataRejected !== false) process.once("exit", keep)

const module = { exports: {} }
script.runInThisContext()(module.exports, require, module, filename)
