// Checks the imports between packages, and between the folders of a package (docs/architecture.md). Names each forbidden import and exits with 1.
import { readFileSync, readdirSync } from "node:fs"
import { dirname, join, relative, resolve, sep } from "node:path"
import { files as filesOf, root } from "./files.mjs"

const allowed = {
  contracts: [],
  model: ["contracts"],
  log: ["contracts", "sqlite-driver"],
  orchestration: ["contracts", "log", "model"],
  providers: ["contracts"],
  workspace: ["contracts", "providers"],
  host: ["contracts", "log", "orchestration", "providers", "workspace"],
  "adapter-kit": ["contracts", "providers"],
  client: ["contracts"],
  server: ["contracts", "log", "model", "orchestration", "providers", "host", "client", "sqlite-driver"],
  react: ["contracts", "client", "model"],
  web: ["contracts", "client", "model", "react"],
  desktop: ["contracts", "host"]
}

/** The folders of a package, each with the folders that it may import. Tests may import all of them. */
const folders = {
  orchestration: {
    state: [],
    readmodel: ["state"],
    search: ["state", "readmodel"],
    decide: ["state", "readmodel"],
    engine: ["state", "readmodel", "decide"],
    streams: ["state", "readmodel"],
    sessions: ["state", "readmodel", "decide", "engine", "streams"],
    transfer: ["state", "readmodel", "decide", "engine"]
  }
}

const wrong = []
let files = 0

const sources = (dir) =>
  filesOf(relative(root, dir))
    .filter((file) => /\.(ts|tsx|mts|mjs)$/.test(file))
    .map((file) => join(root, file))

for (const area of ["apps", "packages"]) {
  for (const name of readdirSync(join(root, area))) {
    if (name === "sqlite-driver") continue
    const home = join(root, area, name)
    for (const file of sources(home)) {
      files++
      const at = relative(root, file)
      const isTest = /\.test\.tsx?$|\/test\//.test(at) || name === "testing"
      for (const [, specifier] of readFileSync(file, "utf8").matchAll(/(?:from|import)\s*\(?\s*["']([^"']+)["']/g)) {
        const other = /^@millrace\/([a-z-]+)/.exec(specifier)?.[1]
        // The configuration of the tests belongs to the repository, not to a package.
        const isSettings = file === join(home, "vitest.config.ts") && resolve(home, specifier) === join(root, "vitest.limits.ts")
        if (specifier.startsWith(".") && !isSettings && !resolve(dirname(file), specifier).startsWith(home + sep))
          wrong.push(`${at}: ${specifier} leaves its package`)
        const within = folders[name]
        if (within !== undefined && specifier.startsWith(".") && !isTest) {
          const [from, to] = [dirname(file), dirname(resolve(dirname(file), specifier))].map((path) =>
            relative(join(home, "src"), path)
          )
          if (from !== to && !(within[from]?.includes(to) ?? false))
            wrong.push(`${at}: ${from || "src"}/ may not import ${to || "src"}/`)
        }
        if (other === undefined || other === name) continue
        if (!isTest && !allowed[name]?.includes(other)) wrong.push(`${at}: ${name} may not import @millrace/${other}`)
        if (!isTest && specifier.startsWith(`@millrace/${other}/internal/`))
          wrong.push(`${at}: only tests may import ${specifier}; a module for other packages is listed in "exports"`)
      }
    }
  }
}

for (const line of wrong) console.error(line)
console.log(`arrows: ${files} files, ${wrong.length} wrong`)
process.exit(files > 0 && wrong.length === 0 ? 0 : 1)
