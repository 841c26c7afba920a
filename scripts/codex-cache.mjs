// The pinned Codex binary of the real lane: installed once with npm into a cache folder of its own, then reused.
// The folder is MILLRACE_CODEX_CACHE, else ~/.cache/millrace/codex-<version>. Run directly it prints the path of the native binary.
import { spawn } from "node:child_process"
import { existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync, writeFileSync } from "node:fs"
import { homedir } from "node:os"
import { dirname, join } from "node:path"
import { fileURLToPath } from "node:url"

export const version = "0.169.0"
export const cacheFolder = () => process.env.MILLRACE_CODEX_CACHE || join(homedir(), ".cache", "millrace", `codex-${version}`)

const entries = (dir) => (existsSync(dir) ? readdirSync(dir) : [])

/** The native binary inside the platform package, not the JavaScript launcher: one process less, and signals go to the right pid. */
export const findBinary = (folder) => {
  const scope = join(folder, "node_modules", "@openai")
  const name = process.platform === "win32" ? "codex.exe" : "codex"
  for (const platform of entries(scope).filter((entry) => entry.startsWith("codex-")))
    for (const target of entries(join(scope, platform, "vendor"))) {
      const binary = join(scope, platform, "vendor", target, "bin", name)
      if (existsSync(binary)) return binary
    }
  return undefined
}

const npmInstall = (folder, say) =>
  new Promise((resolve, reject) => {
    const npm = process.platform === "win32" ? "npm.cmd" : "npm"
    const args = ["install", "--prefix", folder, "--no-audit", "--no-fund", "--loglevel=error", `@openai/codex@${version}`]
    const started = Date.now()
    const timer = setInterval(() => say(`  still installing, ${Math.round((Date.now() - started) / 1000)} s`), 5000)
    const child = spawn(npm, args, { stdio: ["ignore", "ignore", "inherit"], shell: process.platform === "win32" })
    const done = (error) => {
      clearInterval(timer)
      if (error) reject(error)
      else resolve()
    }
    child.once("error", done)
    child.once("exit", (code) => done(code === 0 ? undefined : new Error(`npm install ended with code ${code}`)))
  })

/** Resolves to the binary's path. A broken or half-made install is never taken for a good one: it is built beside and renamed. */
export const ensureCodex = async (say = (line) => console.error(line)) => {
  const folder = cacheFolder()
  const present = findBinary(folder)
  if (present) return present
  mkdirSync(dirname(folder), { recursive: true })
  const fresh = mkdtempSync(`${folder}.new-`)
  say(`Installing Codex ${version} into ${folder} (404 MB, once) ...`)
  try {
    writeFileSync(join(fresh, "package.json"), JSON.stringify({ private: true }))
    await npmInstall(fresh, say)
    if (!findBinary(fresh)) throw new Error(`@openai/codex@${version} has no binary for ${process.platform}-${process.arch}`)
    // Another run may have been faster, and may run the binary already.
    if (findBinary(folder)) rmSync(fresh, { recursive: true, force: true })
    else {
      rmSync(folder, { recursive: true, force: true })
      renameSync(fresh, folder)
    }
  } catch (error) {
    rmSync(fresh, { recursive: true, force: true })
    const theirs = findBinary(folder)
    if (theirs) return theirs
    throw new Error(`Codex ${version} could not be installed: ${error.message}`, { cause: error })
  }
  say("Codex is installed.")
  return findBinary(folder)
}

if (process.argv[1] === fileURLToPath(import.meta.url)) console.log(await ensureCodex())
