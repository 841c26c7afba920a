import { expect, it } from "vitest"
import * as Process from "./Process.ts"

it("a configured binary that cannot run is named; otherwise the message says how to install one", () => {
  const named = { MILLRACE_CODEX_BIN: "/no/such/codex" }
  expect(Process.find({}, named)._tag).toBe("None")
  expect(Process.missing({}, named)).toMatch(/^\/no\/such\/codex is not an executable file.* MILLRACE_CODEX_BIN/)
  expect(Process.missing({ binary: "./codex" }, {})).toContain("absolute path")
  expect(Process.missing({}, { MILLRACE_CODEX_BIN: "" })).toBe(Process.notInstalled)
})
