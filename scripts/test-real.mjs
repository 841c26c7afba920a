// `pnpm test:real [vitest arguments]`: the lane with the real agents against scripted model endpoints on loopback.
// `pnpm test:real --newest [vitest arguments]`: the same with the newest releases, and with agents that have no pinned one; failures are warnings.
import { spawn, spawnSync } from "node:child_process"
import { mkdtempSync, readFileSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join, resolve } from "node:path"
import { ensureClaude } from "./claude-cache.mjs"
import { ensureCodex } from "./codex-cache.mjs"
import { ensureNewest, ownerOf } from "./newest-agents.mjs"
import { ensureOpencode } from "./opencode-cache.mjs"

const root = resolve(import.meta.dirname, "..")
const given = process.argv.slice(2)
const newest = given.includes("--newest")
const args = given.filter((word) => word !== "--newest")

let warnings = 0
const warn = (agent, what, why) => {
  warnings++
  console.log(`warning: ${agent}: ${what}: ${why.split("\n")[0]}`)
}

/** Another agent of the lane. If it is missing, its tests are skipped. */
const agent = async (name, named, install) => {
  try {
    const found = named || (await install())
    console.error(`${name}: ${found}`)
    return found
  } catch (error) {
    console.error(`${error.message}. Its tests are skipped.`)
    return ""
  }
}

const pinned = async () => {
  let codex
  try {
    // A given binary is used without an install.
    codex = process.env.MILLRACE_CODEX_BIN || (await ensureCodex())
  } catch (error) {
    console.error(error.message)
    process.exit(1)
  }
  console.error(`Codex: ${codex}`)
  return {
    MILLRACE_CODEX_BIN: codex,
    MILLRACE_CLAUDE_BIN: await agent("Claude", process.env.MILLRACE_CLAUDE_BIN, ensureClaude),
    MILLRACE_OPENCODE_BIN: await agent("OpenCode", process.env.MILLRACE_OPENCODE_BIN, ensureOpencode)
  }
}

const binaries = newest ? await ensureNewest(warn) : await pinned()

// Reads the binaries (200 to 400 MB each) once: from a cold disk that takes longer than a probe of an agent allows.
for (const program of Object.values(binaries))
  if (program !== "") spawnSync(program, ["--version"], { stdio: "ignore", timeout: 60_000 })

// The results of the newest releases are not results of the suite: their report is in a separate folder.
const folder = newest ? mkdtempSync(join(tmpdir(), "millrace-newest-")) : undefined
const report = folder === undefined ? undefined : join(folder, "report.json")
const reporters = report === undefined ? [] : ["--reporter=default", "--reporter=json", `--outputFile=${report}`]
const vitest = resolve(root, "node_modules", "vitest", "vitest.mjs")
const child = spawn(process.execPath, [vitest, "run", "--config", "vitest.real.config.ts", ...reporters, ...args], {
  cwd: root,
  stdio: "inherit",
  env: { ...process.env, ...binaries }
})
for (const signal of ["SIGINT", "SIGTERM"]) process.on(signal, () => child.kill(signal))

const summary = (file) => {
  const { numPassedTests, testResults } = JSON.parse(readFileSync(file, "utf8"))
  for (const { assertionResults, message, name, status } of testResults) {
    // A file that could not be loaded has no tests.
    if (status === "failed" && assertionResults.length === 0) warn(ownerOf(name), name, message)
    for (const { failureMessages, fullName, status: how } of assertionResults)
      if (how === "failed") warn(ownerOf(fullName), fullName, failureMessages[0] ?? "failed")
  }
  console.log(`The newest releases: ${numPassedTests} tests pass, ${warnings} warnings.`)
}
child.once("exit", (code) => {
  if (report === undefined) process.exit(code ?? 1)
  try {
    summary(report)
  } catch (error) {
    warn("vitest", `it ended with code ${code} and left no report`, error.message)
  }
  rmSync(folder, { recursive: true, force: true })
  process.exit(0)
})
