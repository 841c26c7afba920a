// Writes the "held by" column of docs/invariants.md from the names of the tests; with --check it only compares. Fails if a test names an id that the page does not have.
import { readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { files, root } from "./files.mjs"

const page = join(root, "docs/invariants.md")
const held = new Map()

for (const file of files("apps", "packages")) {
  if (!/(\.test\.tsx?|\.real\.ts|\/suite\/\w+\.ts|\/adapter-kit\/src\/\w+\.ts)$/.test(file)) continue
  for (const [, ids] of readFileSync(join(root, file), "utf8").matchAll(/["'`]((?:[LDCTRPSXQWM]\d{1,2}[ ,:]+)+)/g))
    for (const id of ids.match(/[LDCTRPSXQWM]\d{1,2}/g)) held.set(id, (held.get(id) ?? new Set()).add(file))
}

const cell = (id) =>
  [...(held.get(id) ?? [])]
    .toSorted()
    .map((file) => `\`${file}\``)
    .join(", ")
const before = readFileSync(page, "utf8")
const after = before.replace(
  /^\| ([LDCTRPSXQWM]\d{1,2}) +\| (.*?) +\| .*\|$/gm,
  (_, id, promise) => `| ${id} | ${promise} | ${cell(id)} |`
)
const squeeze = (text) => text.replace(/ +/g, " ").replace(/-+/g, "-")

const promised = [...before.matchAll(/^\| ([LDCTRPSXQWM]\d{1,2}) /gm)].map(([, id]) => id)
const missing = promised.filter((id) => !held.has(id))
const unknown = [...held.keys()].filter((id) => !promised.includes(id))
console.log(`invariants: ${held.size} held by tests, without a test: ${missing.join(" ") || "none"}`)
if (unknown.length > 0) {
  console.error(`tests name ids without a promise in docs/invariants.md: ${unknown.join(" ")}`)
  process.exitCode = 1
}
if (!process.argv.includes("--check")) writeFileSync(page, after)
else if (squeeze(after) !== squeeze(before)) {
  console.error("docs/invariants.md is stale: run node scripts/invariants.mjs && pnpm format")
  process.exit(1)
}
