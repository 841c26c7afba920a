/** Checks docs/providers.md against the code: its capabilities equal the declarations of the adapters, and each cell names tests that exist. */
import { readdirSync, readFileSync } from "node:fs"
import { join, resolve } from "node:path"
import { assert, it } from "@effect/vitest"
import { Capability } from "@millrace/contracts/ProviderAdapter"
import type { Settable } from "@millrace/contracts/Settable"
import * as AcpSettings from "../src/acp/Settings.ts"
import * as ClaudeProcess from "../src/claude/Process.ts"
import * as CodexSettings from "../src/codex/Settings.ts"
import * as Acp from "../src/acp/Session.ts"
import * as Claude from "../src/claude/Session.ts"
import * as Codex from "../src/codex/Session.ts"
import * as Demo from "../src/demo/Session.ts"
import * as OpenAi from "../src/openai/Session.ts"
import { cases, skipped } from "@millrace/adapter-kit/Conformance"
import * as Drivers from "./Drivers.ts"

const root = resolve(import.meta.dirname, "../../..")
const page = readFileSync(join(root, "docs/providers.md"), "utf8")

const declared: Readonly<Record<string, ReadonlyArray<string>>> = {
  codex: Codex.capabilities,
  claude: Claude.capabilities,
  acp: Acp.capabilities,
  openai: OpenAi.capabilities,
  demo: Demo.capabilities
}

const settable: Readonly<Record<string, Settable>> = {
  codex: CodexSettings.settable,
  claude: ClaudeProcess.settable,
  acp: AcpSettings.settable,
  openai: OpenAi.settable,
  demo: Demo.settable
}

const cellsOf = (line: string): ReadonlyArray<string> =>
  line
    .split("|")
    .slice(1, -1)
    .map((cell) => cell.trim())
const table = page.split("\n").filter((line) => line.startsWith("|"))
const head = cellsOf(table[0] ?? "")
const rows = table.slice(2).map(cellsOf)
/** `- a1: words` followed by the name of a test in quotes, and its file. */
const named = new Map([...page.matchAll(/^- (\w+): `([^`]+)` "(.+)"$/gm)].map(([, id, file, test]) => [id, { file, test }]))

it("docs/providers.md has a row for each capability and a column for each adapter", () => {
  assert.deepStrictEqual(head, ["", ...Object.keys(declared)])
  assert.deepStrictEqual(
    rows.map(([capability]) => capability?.replaceAll("*", "")),
    [...Capability.literals]
  )
})

it("each cell equals the adapter's declaration", () => {
  for (const [capability = "", ...cells] of rows)
    for (const [n, cell] of cells.entries()) {
      const provider = head[n + 1] ?? ""
      const can = declared[provider]?.includes(capability.replaceAll("*", ""))
      assert.match(cell, can === true ? /^yes \w+$/ : /^no \w+$/, `${provider} ${capability}`)
    }
})

it("T17 docs/providers.md lists what can be set for each adapter", () => {
  const list = (words: string) => (words === "" ? [] : words.split(", ").toSorted())
  const said = [
    ...page.matchAll(/^- \*\*(\w+)\*\* takes ([^;]+); it(?:s permission modes are ([^.]+)| has no permission modes)\.$/gm)
  ]
  assert.deepStrictEqual(
    said.map(([, name, settings = "", modes = ""]) => [name, list(settings), list(modes)]),
    Object.entries(settable).map(([name, { permissionModes, settings }]) => [
      name,
      [...settings].toSorted(),
      [...permissionModes].toSorted()
    ])
  )
})

it("each cell names an existing test, and each name is used", () => {
  const used = new Set(rows.flatMap(([, ...cells]) => cells.map((cell) => cell.split(" ")[1] ?? "")))
  assert.deepStrictEqual([...named.keys()].toSorted(), [...used].toSorted())
  for (const [id, found] of named) {
    const text = readFileSync(join(root, found.file ?? ""), "utf8")
    assert.isTrue(text.includes(`"${found.test ?? ""}"`), `${id}: ${found.file ?? ""} has no test ${found.test ?? ""}`)
  }
})

it("a cell that names a test of the kit belongs to an adapter that runs it", () => {
  for (const [, ...cells] of rows)
    for (const [n, cell] of cells.entries()) {
      const found = named.get(cell.split(" ")[1] ?? "")
      if (found?.file?.startsWith("packages/adapter-kit/src/") !== true) continue
      const one = cases.find(({ name }) => name === found.test)
      for (const driver of Drivers.all.filter(({ name }) => name.split(",")[0] === head[n + 1]))
        assert.isUndefined(one === undefined ? "no case of that name" : skipped(driver, one), `${driver.name}: ${cell}`)
    }
})

it("docs/providers.md lists the untested scenes of each adapter, with reasons", () => {
  const said = [...page.matchAll(/^- \*\*([^*]+)\*\*, (\w+): (.+)$/gm)].map(([, name, scene, reason]) => [name, scene, reason])
  const declaredSkips = Drivers.all.flatMap(({ cannot, name }) =>
    Object.entries(cannot).map(([scene, reason]) => [name, scene, reason])
  )
  assert.deepStrictEqual(said, declaredSkips)
})

it("every adapter of the package is in docs/providers.md", () => {
  const adapters = readdirSync(join(import.meta.dirname, "../src"), { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && entry.name !== "process")
    .map(({ name }) => name)
  assert.deepStrictEqual(adapters.toSorted(), Object.keys(declared).toSorted())
})
