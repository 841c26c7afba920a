import { expect, it } from "vitest"
import * as Ports from "./Ports.ts"

it("R7 worktrees have ranges of 10 ports each that do not overlap, until all 1,000 are in use; a free one is used again", () => {
  const used: Array<number | undefined> = [undefined]
  for (let port = Ports.free("/data", used); port !== undefined; port = Ports.free("/data", used)) used.push(port)
  const ports = used.filter((port) => port !== undefined).toSorted((a, b) => a - b)
  expect(ports).toEqual(Array.from({ length: 1000 }, (_, n) => 20_000 + n * Ports.count))
  expect(Ports.free("/data", used.toSpliced(500, 1))).toBe(used[500])
  expect(Ports.free("/other", [])).not.toBe(Ports.free("/data", []))
})
