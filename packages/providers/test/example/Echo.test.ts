/** The example of docs/adapter.md passes the kit, and the page shows its exact source. */
import { readFileSync } from "node:fs"
import { join } from "node:path"
import { assert, it } from "@effect/vitest"
import { conformance } from "@millrace/adapter-kit/Conformance"
import type { Driver } from "@millrace/adapter-kit/Driver"
import { Effect } from "effect"
import * as Echo from "./Echo.ts"

const prompts: Partial<Record<Parameters<Driver["open"]>[0], string>> = {
  approve: "may I say it",
  waiting: "may I say it",
  exit: "exit now",
  garbage: "garbage comes",
  burst: "burst of words",
  twice: "twice said",
  news: "news of later"
}
export const echo: Driver = {
  name: "echo",
  open: (_scene, input) => Effect.flatMap(Echo.make, ({ open }) => open(input)),
  prompt: (scene, nth) => (scene === "stream" && nth === 1 ? "hang on" : (prompts[scene] ?? "hello there")),
  cannot: {
    question: "it has none",
    oversize: "it writes no long lines",
    killed: "it remembers nothing"
  }
}
conformance(echo)

it("docs/adapter.md shows this adapter", () => {
  const page = readFileSync(join(import.meta.dirname, "../../../../docs/adapter.md"), "utf8")
  assert.include(page, readFileSync(join(import.meta.dirname, "Echo.ts"), "utf8"))
})
