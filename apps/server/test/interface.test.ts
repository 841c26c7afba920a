import { expect, it } from "@effect/vitest"
import { Effect } from "effect"
import { execFile } from "node:child_process"
import { readFileSync } from "node:fs"
import { promisify } from "node:util"
import { start } from "./support/Hosted.ts"

it.scopedLive("C1 C2 D4 D6 the curl examples of docs/interface.md, pasted into a shell, work as described", () =>
  Effect.gen(function* () {
    const { dataDir, host, token, url } = yield* start()
    const text = readFileSync(new URL("../../../docs/interface.md", import.meta.url), "utf8")
    const [, examples = ""] = Array.from(text.matchAll(/```sh\n([\s\S]*?)```/g), ([, block]) => block)
    const { stdout } = yield* Effect.promise(() =>
      promisify(execFile)("sh", ["-ec", examples], {
        cwd: dataDir,
        env: { ...process.env, MILLRACE: url, TOKEN: token, PWD: dataDir }
      })
    )
    expect(stdout).toMatch(/^\{"status":"accepted".*"threadId":"thr_/)
    expect(stdout).toContain("event: caught-up")
    expect(stdout).toMatch(/x-millrace-last-idx: 3/i)
    expect(stdout).toContain('"outcome":"answered"')
    expect(stdout.match(/"commandId":"once"/g)).toHaveLength(2)
    expect(stdout.match(/"replayed":true/g)).toHaveLength(1)
    expect((yield* host.state).threads).toHaveLength(2)
  })
)
