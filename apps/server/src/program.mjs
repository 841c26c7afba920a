#!/usr/bin/env node
// `dist/main.mjs`: runs the bundle in the same directory with the code that V8 compiled for it the first time. Compiling was a third of a start
// (docs/decisions/0073). V8 itself refuses the code of another version of it, or of other flags.
import { createHash } from "node:crypto"
import { readFileSync, renameSync, rmSync, writeFileSync } from "node:fs"
import { createRequire } from "node:module"
import { fileURLToPath } from "node:url"
import { Script } from "node:vm"

const filename = fileURLToPath(new URL("./program.cjs", import.meta.url))
const source = readFileSync(filename)
// Of these very bytes: V8 compares only their length.
const cache = `${filename}.${createHash("sha256").update(source).digest("hex").slice(0, 16)}-${process.version}-${process.arch}`

const read = () => {
  try {
    return readFileSync(cache)
  } catch {
    // The first run, or one that may not look: it compiles.
    return undefined
  }
}

// One byte for each letter, which is faster: the build sees to it that there are no others.
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
    // Where nothing may be written each start compiles, as the first does. On a full disk no half of it stays.
    rmSync(part, { force: true })
  }
}
// At the end, when what a start needs has been compiled. What a cut of the power left of it is refused, and written again.
if (script.cachedDataRejected !== false) process.once("exit", keep)

const module = { exports: {} }
script.runInThisContext()(module.exports, createRequire(import.meta.url), module, filename)
