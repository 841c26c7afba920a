import { expect, it } from "@effect/vitest"
import { readFileSync } from "node:fs"
import { resolve } from "node:path"

it("D10 a first visit loads less than 200 KB compressed", () => {
  const report = JSON.parse(readFileSync(resolve(import.meta.dirname, "../dist/first-load.json"), "utf8")) as {
    readonly br: number
    readonly gz: number
    readonly files: Readonly<Record<string, unknown>>
  }
  const names = Object.keys(report.files).join(" ")
  expect(names).toMatch(/index\.html/)
  expect(names).toMatch(/assets\/index-.*\.js/)
  expect(names).toMatch(/assets\/worker-.*\.js/)
  expect(names).toMatch(/assets\/index-.*\.css/)
  expect(report.gz).toBeLessThan(200_000)
  expect(report.br).toBeLessThan(200_000)
})
