#!/usr/bin/env node
// `dist/main.mjs`, the program of the npm package too: runs the bundle in the same directory with the code that V8 compiled for it in an earlier run.
// Compiling took a third of a start (docs/decisions/0073). V8 rejects code of another V8 version or of other flags.
import { createHash } from "node:crypto"
import { closeSync, fstatSync, mkdirSync, openSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs"
import { createRequire } from "node:module"
import { homedir } from "node:os"
import { dirname, isAbsolute, join } from "node:path"
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
/** The user's cache: an installed package may not be writable. Undefined without a home. */
const userCache = () => {
  const xdg = process.env["XDG_CACHE_HOME"]
  if (xdg !== undefined && isAbsolute(xdg)) return join(xdg, "millrace")
  try {
    return join(homedir(), ".cache/millrace")
  } catch {
    // The user has no home.
    return undefined
  }
}
// A build stores the code next to the bundle (scripts/build.mjs sets the variable).
const directory = process.env["MILLRACE_CODE_CACHE"] || userCache()

/** The bytes of a file that no other user can have written: V8 executes them without a check. */
const readOwn = (file) => {
  const handle = openSync(file, "r")
  try {
    const { mode, uid } = fstatSync(handle)
    const isOwn = process.getuid === undefined || ((uid === process.getuid() || uid === 0) && (mode & 0o022) === 0)
    return isOwn ? readFileSync(handle) : undefined
  } finally {
    closeSync(handle)
  }
}

const read = () => {
  for (const place of [directory, dirname(filename)])
    try {
      const code = place === undefined ? undefined : readOwn(join(place, name))
      if (code !== undefined) return code
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
  if (directory === undefined) return
  const part = join(directory, `${name}.${process.pid}`)
  try {
    mkdirSync(directory, { recursive: true, mode: 0o700 })
    writeFileSync(part, script.createCachedData(), { flag: "wx", mode: 0o600 })
    renameSync(part, join(directory, name))
  } catch {
    // Without write access each start compiles, as the first one does. On a full disk no partial file stays.
    try {
      rmSync(part, { force: true })
    } catch {
      // Nothing was written.
    }
  }
}
// At exit, when everything that a start needs has been compiled. A file that a power loss truncated is rejected and rewritten.
if (script.cachedDataRejected !== false) process.once("exit", keep)

const module = { exports: {} }
script.runInThisContext()(module.exports, require, module, filename)
