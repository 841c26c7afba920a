import { spawnSync } from "node:child_process"
import { existsSync, mkdirSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { describe, expect, it } from "@effect/vitest"
import { temporaryDirectory } from "@millrace/testing/TemporaryDirectory"
import { Effect } from "effect"
import * as Unit from "./Unit.ts"

const odd = `with space, "quotes", 100%, $HOME, back\\slash, 水車 & <tag>`
const analyze = "/usr/bin/systemd-analyze"

describe("Unit", () => {
  it("a path with special characters stays one argument, and systemd expands nothing in it", () => {
    const text = Unit.systemdUnit({ node: "/usr/bin/node", program: "/opt/main.mjs", data: `/data/${odd}`, path: "/a b:/c" })
    expect(text).toContain(
      `ExecStart="/usr/bin/node" "/opt/main.mjs" "serve" "--data" "/data/with space, \\"quotes\\", 100%%, $$HOME, back\\\\slash, 水車 & <tag>"\n`
    )
    expect(text).toContain('Environment="PATH=/a b:/c"\n')
    const agent = Unit.launchdAgent({ node: "/usr/bin/node", program: "/opt/main.mjs", data: `/data/${odd}`, path: "/a" })
    expect(agent).toContain("水車 &amp; &lt;tag&gt;</string>")
  })

  it.scopedLive.runIf(existsSync(analyze))("systemd accepts the unit", () =>
    Effect.gen(function* () {
      const directory = yield* temporaryDirectory
      const data = join(directory, odd.replaceAll('"', ""))
      mkdirSync(data)
      const file = join(directory, Unit.unitName)
      writeFileSync(file, Unit.systemdUnit({ node: process.execPath, program: "/opt/main.mjs", data, path: "/bin" }))
      const env = { ...process.env, XDG_RUNTIME_DIR: directory }
      const { status, stderr, stdout } = spawnSync(analyze, ["--user", "verify", file], { encoding: "utf8", env })
      expect({ status, stderr, stdout }).toEqual({ status: 0, stderr: "", stdout: "" })
    })
  )
})
