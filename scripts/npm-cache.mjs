// The pinned agents of the real lane: each is installed once with npm into a separate cache folder, then reused.
// The folder is the value of the agent's variable if it is set, otherwise ~/.cache/millrace/<agent>-<version>.
import { spawn } from "node:child_process"
import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs"
import { homedir } from "node:os"
import { dirname, join } from "node:path"

const npmInstall = (folder, packaged, say) =>
  new Promise((resolve, reject) => {
    const npm = process.platform === "win32" ? "npm.cmd" : "npm"
    const args = ["install", "--prefix", folder, "--no-audit", "--no-fund", "--loglevel=error", packaged]
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

/** `findBinary` for a package whose own launcher is used. */
export const launcher = (name) => (folder) => {
  const binary = join(folder, "node_modules", ".bin", process.platform === "win32" ? `${name}.cmd` : name)
  return existsSync(binary) ? binary : undefined
}

/** `{name, packaged, version, variable, size, findBinary}`: `findBinary(folder)` returns the path of an installed binary, or `undefined`. */
export const cacheFolder = ({ name, variable, version }) =>
  process.env[variable] || join(homedir(), ".cache", "millrace", `${name}-${version}`)

/** Resolves to the binary's path. An incomplete install is never used: the install runs in a temporary directory and is renamed. */
export const ensure = async (agent, say = (line) => console.error(line)) => {
  const { findBinary, name, packaged, size, version } = agent
  const folder = cacheFolder(agent)
  const present = findBinary(folder)
  if (present) return present
  mkdirSync(dirname(folder), { recursive: true })
  const fresh = mkdtempSync(`${folder}.new-`)
  say(`Installing ${name} ${version} into ${folder} (${size}, once) ...`)
  try {
    writeFileSync(join(fresh, "package.json"), JSON.stringify({ private: true }))
    await npmInstall(fresh, `${packaged}@${version}`, say)
    if (!findBinary(fresh)) throw new Error(`${packaged}@${version} has no binary for ${process.platform}-${process.arch}`)
    // Another run may have finished first, and may use the binary already.
    if (findBinary(folder)) rmSync(fresh, { recursive: true, force: true })
    else {
      rmSync(folder, { recursive: true, force: true })
      renameSync(fresh, folder)
    }
  } catch (error) {
    rmSync(fresh, { recursive: true, force: true })
    const theirs = findBinary(folder)
    if (theirs) return theirs
    throw new Error(`${name} ${version} could not be installed: ${error.message}`, { cause: error })
  }
  say(`${name} is installed.`)
  return findBinary(folder)
}
