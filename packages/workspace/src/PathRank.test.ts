import { expect, it } from "vitest"
import * as PathRank from "./PathRank.ts"

const ranked = (query: string, ...paths: ReadonlyArray<string>) => {
  const best = new PathRank.Best(PathRank.terms(query), 10)
  for (const path of paths) best.add(PathRank.index(path))
  return best.paths
}

it("W5 the name ranks before a part of it, before the path, before scattered characters; what does not match is left out", () => {
  const inOrder = [
    "deep/down/main",
    "deep/main.ts",
    "deep/main.test.ts",
    "deep/http-main.ts",
    "deep/domains.ts",
    "main/other.ts",
    "domains/other.ts",
    "deep/mXaXiXn.ts",
    "m/a/i/n/x.ts"
  ]
  expect(ranked("main", ...inOrder.toReversed(), "nothing.ts")).toEqual(inOrder)
})

it("W5 all words must match, capitals do not matter, a capital begins a word, and equal matches are in a fixed order", () => {
  expect(ranked("HTTP route", "src/http/Router.ts", "src/http/Body.ts", "src/Router.ts")).toEqual(["src/http/Router.ts"])
  expect(ranked("pr", "xpxr.ts", "PathRank.ts")).toEqual(["PathRank.ts", "xpxr.ts"])
  expect(ranked("a", "b/a.ts", "a/a.ts", "c/aa.ts")).toEqual(["a/a.ts", "b/a.ts", "c/aa.ts"])
  expect(ranked("ÄRGER", "die/ärger.txt")).toEqual(["die/ärger.txt"])
  expect(ranked("😀", "a😀.ts", "b.ts")).toEqual(["a😀.ts"])
})

it("W5 without words the files nearest to the root come first; only as many as asked for are kept", () => {
  expect(ranked("", "a/b/c", "zz", "a/b", "z")).toEqual(["z", "zz", "a/b", "a/b/c"])
  const best = new PathRank.Best([], 2)
  for (const path of ["c", "b", "a", "d"]) best.add(PathRank.index(path))
  expect(best.paths).toEqual(["a", "b"])
})
