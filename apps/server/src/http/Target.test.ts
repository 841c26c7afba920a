import { expect, it } from "@effect/vitest"
import * as Target from "./Target.ts"

it("X1 every spelling of a target that reaches a route has one normal form", () => {
  for (const spelling of [
    "/rpc",
    "/rpc/",
    "//rpc",
    "///rpc//",
    "/%72pc",
    "/%72%70%63/",
    "/rpc#fragment",
    "http://evil.example/rpc",
    "HTTP://evil.example:80//rpc"
  ])
    expect([spelling, Target.canonical(spelling)]).toEqual([spelling, "/rpc"])
  expect(Target.canonical("/pair?code=a//b%41#c")).toBe("/pair?code=a//b%41")
  expect(Target.canonical("http://h?x=1")).toBe("/?x=1")
  expect(Target.canonical("/rpc;x?y=1")).toBe("/rpc%3Bx?y=1")
  expect(Target.canonical("/api/threads/a%2fb%zz%")).toBe("/api/threads/a%2Fb%zz%")
  expect(Target.canonical("*")).toBe("*")
  expect(Target.canonical("")).toBe("/")
  expect(Target.canonical("/RPC"), "case counts").toBe("/RPC")
  expect([Target.pathOf("/a?b=c?d"), Target.queryOf("/a?b=c?d"), Target.queryOf("/a")]).toEqual(["/a", "b=c?d", ""])
})
