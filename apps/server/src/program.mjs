#!/usr/bin/env node
// `dist/main.mjs`: runs the bundle beside it with the code that V8 compiled for it the first time. Compiling was a third of a start
// (docs/decisions/0073). V8 itself refuses the code of another version of it, or of other flags.
import { createHash } from "node:crypto"
import { closeSync, openSync, readFileSync, renameSync, writeFileSync } from "node:fs"
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
    return undefined
  }
}

const cachedData = read()
const script = new Script(`(function (exports, require, module, __filename) {${source.latin1Slice()}\n})`, {
  filename,
  cachedData
})

const keep = () => {
  const part = `${cache}.${process.pid}`
  try {
    const file = openSync(part, "wx")
    writeFileSync(file, script.createCachedData())
    closeSync(file)
    renameSync(part, cache)
  } catch {
    // Where nothing may be written each start compiles, as the first does.
  }
}
// At the end, when what a start needs has been compiled.
if (cachedData === undefined) process.once("exit", keep)

const module = { exports: {} }
script.runInThisContext()(module.exports, createRequire(import.meta.url), module, filename)
