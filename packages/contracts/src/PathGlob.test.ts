/** Globs of approval rules. */
import { describe, expect, it } from "vitest"
import { matches } from "./PathGlob.ts"

describe("PathGlob", () => {
  it("X11 `*` stays within a name, `**` spans directories, and hidden names need a dot", () => {
    const yes = [
      "src/** src/a.ts",
      "src/** src/a/b.ts",
      "src/*.ts src/a.ts",
      "** a/b/c",
      "**/x.ts x.ts",
      "**/x.ts a/b/x.ts",
      "a/**/b a/b",
      "a?c abc"
    ]
    const no = [
      "src/** srcs/a.ts",
      "src/*.ts src/a/b.ts",
      "src src/a",
      "* a/b",
      "** .git/config",
      "** a/.env",
      "a*z a/z",
      "a?c a/c",
      "src/** test/src/a"
    ]
    for (const line of yes) expect(matches(...(line.split(" ") as [string, string])), line).toBe(true)
    for (const line of no) expect(matches(...(line.split(" ") as [string, string])), line).toBe(false)
    expect(matches(".github/** ".trim(), ".github/x.yml")).toBe(true)
    expect(matches("**", "a/.env", true)).toBe(true)
  })

  it("a glob that makes other matchers slow is matched at once", () => {
    const names = Array.from({ length: 200 }, () => "a").join("/")
    expect(matches(`${"**/a/".repeat(100)}b`, names)).toBe(false)
    expect(matches(`${"*a".repeat(400)}b`, "a".repeat(4000))).toBe(false)
  })
})
