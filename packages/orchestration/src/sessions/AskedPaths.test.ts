/** Paths of approvals on a real file system. */
import { mkdirSync, symlinkSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { describe, expect, it } from "@effect/vitest"
import type { RequestId, TurnId } from "@millrace/contracts/Ids"
import { temporaryDirectory } from "@millrace/testing/TemporaryDirectory"
import { Effect } from "effect"
import * as AskedPaths from "./AskedPaths.ts"

const requestId = "req_1_1_1" as RequestId
const turnId = "trn_1" as TurnId

describe("AskedPaths", () => {
  it.scoped("X11 X5 links are resolved; `..`, links to the outside and links to nothing are outside", () =>
    Effect.gen(function* () {
      const root = yield* temporaryDirectory
      const work = join(root, "work")
      for (const folder of ["work/src", "out"]) mkdirSync(join(root, folder), { recursive: true })
      writeFileSync(join(root, "out/x"), "")
      writeFileSync(join(work, "src/a"), "")
      for (const [name, target] of [
        ["out", "../out"],
        ["near", "src"],
        ["nothing", "../out/new"],
        ["file", "../out/x"],
        ["loop", "loop"]
      ] as const)
        symlinkSync(target, join(work, name))
      symlinkSync("work", join(root, "alias"))
      const inside = (paths: ReadonlyArray<string>, cwd = work) =>
        Effect.map(
          AskedPaths.inside(cwd, [
            {
              _tag: "RequestOpened",
              turnId,
              requestId,
              ask: {
                kind: "approval",
                title: "",
                choices: ["accept"],
                complete: true,
                changes: paths.map((path) => ({ path, change: "update" }))
              }
            }
          ]),
          (found) => found?.get(requestId)
        )
      expect(yield* inside(["src/a", join(work, "src/new/deep"), "near/a"])).toEqual(["src/a", "src/new/deep", "src/a"])
      expect(yield* inside([join(work, "src/a")], join(root, "alias")), "the workspace itself is a link").toEqual(["src/a"])
      for (const path of [
        "../out/x",
        "src/../a",
        "out/x",
        "out/new",
        "file",
        "nothing",
        "loop",
        "/etc/passwd",
        join(root, "workx"),
        "a\0b"
      ])
        expect(yield* inside(["src/a", path]), path).toBeUndefined()
      const [gone, command] = [
        join(root, "gone"),
        { kind: "approval", title: "", choices: ["accept"], complete: true, command: "x" }
      ] as const
      expect(yield* inside(["a"], gone)).toBeUndefined()
      const ofCommand = (cwd: string) =>
        Effect.map(AskedPaths.inside(work, [{ _tag: "RequestOpened", turnId, requestId, ask: { ...command, cwd } }]), (found) =>
          found?.get(requestId)
        )
      expect(yield* ofCommand(join(work, "src"))).toEqual(["src"])
      expect(yield* ofCommand(join(work, "out"))).toBeUndefined()
    })
  )
})
