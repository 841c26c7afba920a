/** Approval rules at a shell: of the configuration and of a thread, with the demo agent. */
import { existsSync, mkdirSync, readdirSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { describe, expect, it } from "@effect/vitest"
import * as Program from "@millrace/testing/Program"
import { slower } from "@millrace/testing/Slower"
import { temporaryDirectory } from "@millrace/testing/TemporaryDirectory"
import { Effect } from "effect"

describe("approval rules", () => {
  it.scopedLive(
    "X11 a rule of the configuration answers for the person; a compound line still needs one; a project's rules need trust",
    () =>
      Effect.gen(function* () {
        const root = yield* temporaryDirectory
        const [dataDir, project] = [join(root, "data"), join(root, "project")]
        for (const folder of [dataDir, project]) mkdirSync(folder)
        const write = (folder: string, approve: unknown) =>
          writeFileSync(join(folder, "millrace.config.json"), JSON.stringify({ approve }))
        const rule = { name: "touches", match: { kind: "command", command: "touch" }, decision: "accept" }
        write(dataDir, [rule])
        const run = (prompt: string) =>
          Program.run(["run", prompt, "--provider", "demo", "--json", "--data", dataDir, "--cwd", project], { cwd: project })
        const ruled = yield* run("[[run touch one]]")
        expect(ruled.code).toBe(0)
        expect(ruled.stdout).toContain('"by":"rule touches"')
        expect(readdirSync(project)).toEqual(["one"])
        expect((yield* run("[[run touch two; touch three]]")).code, "it needs a person").toBe(4)
        expect((yield* run("[[run touch $(touch four)]]")).code).toBe(4)
        expect(readdirSync(project)).toEqual(["one"])
        write(dataDir, [{ ...rule, match: { kind: "command", command: "touch a; x" } }])
        const refused = yield* Program.run(["config", "check", "--data", dataDir])
        expect(refused).toMatchObject({
          code: 2,
          stderr: expect.stringContaining("approve.0.match.command: expected the first words")
        })
        write(dataDir, [])
        write(project, [rule])
        const checked = yield* Program.run(["config", "check", "--json", "--data", dataDir], { cwd: project })
        expect(JSON.parse(checked.stdout)).toMatchObject({ untrusted: ["approve"] })
        expect(existsSync(join(project, "three"))).toBe(false)
      }),
    300_000 * slower
  )

  it.scopedLive(
    "X11 answer --always adds the proposed rule: the thread's next such request needs no answer",
    () =>
      Effect.gen(function* () {
        const root = yield* temporaryDirectory
        const [dataDir, project] = [join(root, "data"), join(root, "project")]
        for (const folder of [dataDir, project]) mkdirSync(folder)
        const server = yield* Program.start(["serve", "--port", "0", "--data", dataDir, "--ready-fd", "3", "--parent-fd", "4"], {
          descriptors: true
        })
        yield* server.until('"pid"')
        const cli = (...args: ReadonlyArray<string>) => Program.run([...args, "--data", dataDir], { cwd: project })
        const asking = yield* cli("run", "[[run touch one]] [[run touch one]]", "--provider", "demo", "--json")
        expect(asking.code).toBe(4)
        const [, request = "", thread = ""] = [
          ...(/"requestId":"(req_[^"]+)"/.exec(asking.stdout) ?? []),
          /"threadId":"(thr_[^"]+)"/.exec(asking.stdout)?.[1]
        ]
        expect(yield* cli("answer", request, "decline", "--always")).toMatchObject({ code: 2 })
        expect(yield* cli("answer", request, "accept", "--command", "echo other", "--always")).toMatchObject({ code: 2 })
        const answered = yield* cli("answer", request, "accept", "--always")
        expect(answered).toMatchObject({
          code: 0,
          stderr: expect.stringContaining("Always allowed in this thread: command touch one")
        })
        expect((yield* cli("wait", thread)).code, "the second request is answered by the rule").toBe(0)
        const { token, url } = JSON.parse(server.so().extra) as { readonly token: string; readonly url: string }
        const history = yield* Effect.promise(() =>
          fetch(`${url}/api/events?stream=thread/${thread}`, { headers: { authorization: `Bearer ${token}` } }).then((got) =>
            got.text()
          )
        )
        expect(history).toContain('"by":"rule command touch one"')
        expect(readdirSync(project)).toEqual(["one"])
        yield* server.closeParent
        yield* server.ended
      }),
    300_000 * slower
  )
})
