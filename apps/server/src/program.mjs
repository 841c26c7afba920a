#!/usr/bin/env node
// `dist/main.mjs`: runs the bundle in the same directory with the code that V8 compiled for it in the first run. Compiling took a third of a start
// (docs/decisions/0073). V8 rejects code of another V8 version or of other flags.
import { createHash } from "node:crypto"
import { readFileSync, renameSync, rmSync, writeFileSync } from "node:fs"
import { createRequire } from "node:module"
import { fileURLToPath } from "node:url"
import { Script } from "node:vm"

const filename = fileURLToPath(new URL("./program.cjs", import.meta.url))
const source = readFileSync(filename)
// The digest binds the stored code to exactly this bundle: V8 compares only its length.
const cache = `${filename}.${createHash("sha256").update(source).digest("hex").slice(0, 16)}-${process.version}-${process.arch}`

const read = () => {
  try {
    return readFileSync(cache)
  } catch {
    // The first run, or one without read access: compiles the bundle.
    return undefined
  }
}

// Reads one byte as one character, which is faster: the build ensures that there are no others.
const script = new Script(`(function (exports, require, module, __filename) {${source.toString("latin1")}\n})`, {
  filename,
  cachedData: read()
})

const keep = () => {
  const part = `${cache}.${process.pid}`
  try {
    writeFileSync(part, script.createCachedData(), { flag: "wx" })
    renameSync(part, cache)
  } catch {
    // Without write access each start compiles, as the first one does. On a full disk no partial file stays.
    rmSync(part, { force: true })
  }
}
// At exit, when everything that a start needs has been compiled. A file that a power loss truncated is rejected and rewritten.
if (script.cachedDataRejected !== false) process.once("exit", keep)

const module = { exports: {} }
script.runInThisContext()(module.exports, createRequire(import.meta.url), module, filename)
