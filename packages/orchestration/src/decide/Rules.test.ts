/** Approval rules: the approvals that they answer, and the events in the log. */
import { describe, expect, it } from "@effect/vitest"
import type { ApprovalRule } from "@millrace/contracts/ApprovalRule"
import type { RequestId, ThreadId, TurnId } from "@millrace/contracts/Ids"
import type { Ask } from "@millrace/contracts/Item"
import { DecideModel } from "@millrace/testing/DecideModel"
import * as Kit from "@millrace/testing/Orchestration"
import { Either } from "effect"
import { toRow } from "../readmodel/ThreadRow.ts"

type Approval = Extract<Ask, { readonly kind: "approval" }>
const accept = (match: ApprovalRule["match"]): ApprovalRule => ({ match, decision: "accept" })
const command = (line: string, more: Partial<Approval> = {}): Approval => ({
  kind: "approval",
  title: `Run: ${line}`,
  command: line,
  complete: true,
  choices: ["accept", "accept-for-session", "decline", "cancel"],
  ...more
})
const change = (...paths: ReadonlyArray<string>): Approval => {
  const { command: _, ...ask } = command("")
  return { ...ask, title: "Change", changes: paths.map((path) => ({ path, change: "update" })) }
}
const tool = (name: string): Approval => {
  const { command: _, ...ask } = command("")
  return { ...ask, title: "Use", tool: name }
}

/** A thread with these rules whose turn asks. `inside`: the resolved paths; `null`: not all are in the workspace. */
const asks = (approve: ReadonlyArray<ApprovalRule> | undefined, ask: Approval, inside: ReadonlyArray<string> | null = []) => {
  const model = new DecideModel()
  const body = { provider: "scripted", cwd: "/work", turn: { text: "go" }, ...(approve === undefined ? {} : { approve }) }
  const made = Either.getOrThrow(model.ask(Kit.command("thread.create", body), "/work"))
  const [threadId, turnId, requestId] = [made.threadId as ThreadId, made.turnId as TurnId, "req_1_1_1" as RequestId]
  const session = { threadId, epoch: 1 }
  model.tell({ _tag: "SessionOpened", ...session, continuity: "fresh", resumeKey: undefined, capabilities: [] })
  model.tell({
    _tag: "AgentEvents",
    ...session,
    events: [
      { _tag: "TurnStarted", turnId, origin: "user" },
      { _tag: "RequestOpened", turnId, requestId, ask }
    ],
    ...(inside === null ? {} : { inside: new Map([[requestId, inside]]) })
  })
  const last = (type: string) =>
    model.events.findLast((event) => event.type === type)?.data as Record<string, unknown> | undefined
  return { model, threadId, opened: last("request.opened"), answered: last("request.answered") }
}
const answerOf = (...args: Parameters<typeof asks>) => asks(...args).answered?.["decision"]

describe("approval rules", () => {
  const git = accept({ kind: "command", command: "git status" })

  it("X11 T13 X6 the first rule that matches answers in the same commit, by its name; the thread's view has the rules", () => {
    const named = { ...git, name: "reads" }
    const { answered, model, opened, threadId } = asks([named], command("git status --short"))
    expect(opened).toMatchObject({ rule: "reads" })
    expect(opened).not.toHaveProperty("proposedRule")
    expect(answered).toMatchObject({ decision: "accept", by: "rule reads" })
    expect(asks([git], command("git status")).answered).toMatchObject({ by: "rule command git status" })
    const state = model.thread(threadId)
    expect(state?.approve).toEqual([named])
    expect(toRow(state as NonNullable<typeof state>).approve).toEqual([named])
    const first = { match: { kind: "command" }, decision: "decline" } as const
    expect(answerOf([first, git], command("git status"))).toBe("decline")
    expect(answerOf([git, first], command("git status"))).toBe("accept")
  })

  it("X11 a compound line, another prefix, or a request that allows more is left to a person", () => {
    for (const line of [
      "git status; rm x",
      "git status && rm x",
      "git status | sh",
      "git status\nrm x",
      "git status $(rm x)",
      "git status > x"
    ])
      expect(asks([git, accept({ kind: "command" })], command(line)).answered, line).toBeUndefined()
    for (const line of ["git statusx", "git", "x git status", "/tmp/git status", "sh -c 'git status'"])
      expect(asks([git], command(line)).answered, line).toBeUndefined()
    const { complete: _, ...partial } = command("git status")
    for (const ask of [
      partial,
      command("git status", { changes: [{ path: "a", change: "add" }] }),
      command("git status", { blobs: { command: { hash: "a".repeat(64), bytes: 1, mediaType: "text/plain" } } }),
      command("git status", { choices: ["decline"] }),
      command("git status", { options: ["1", "2"].map((optionId) => ({ optionId, label: optionId, kind: "accept" })) })
    ])
      expect(asks([git], ask).answered).toBeUndefined()
    expect(asks([git], command("git status", { cwd: "/etc" }), null).answered, "outside the workspace").toBeUndefined()
  })

  it("X11 X5 each changed file must be in the workspace and match; the repository's own files are a person's", () => {
    const src = [accept({ kind: "file-change", path: "src/**" })]
    expect(answerOf(src, change("src/a.ts", "src/b/c.ts"), ["src/a.ts", "src/b/c.ts"])).toBe("accept")
    expect(answerOf(src, change("src/a.ts", "x.ts"), ["src/a.ts", "x.ts"])).toBeUndefined()
    expect(answerOf(src, change("src/link/x"), ["elsewhere/x"])).toBeUndefined()
    expect(answerOf(src, change("src/../../x"), null)).toBeUndefined()
    expect(answerOf(src, change(), [])).toBeUndefined()
    const all = [accept({ kind: "file-change" })]
    for (const path of [".git/hooks/pre-commit", "a/.GIT/config", ".env"])
      expect(answerOf(all, change(path), [path]), path).toBeUndefined()
    expect(answerOf([accept({ kind: "file-change", path: ".git/**" })], change(".git/config"), [".git/config"])).toBeUndefined()
  })

  it("X11 a tool is matched by its name", () => {
    const docs = [accept({ kind: "tool-call", tool: "docs/*" })]
    expect(answerOf(docs, tool("docs/search"))).toBe("accept")
    for (const name of ["docs", "other/docs", "docs/a/b"]) expect(answerOf(docs, tool(name)), name).toBeUndefined()
    expect(answerOf([accept({ kind: "tool-call" })], command("git status"))).toBeUndefined()
  })

  it("X11 a rule that declines matches any part", () => {
    const rm = [{ match: { kind: "command", command: "rm" }, decision: "decline" }] as const
    for (const line of ["rm x", "ls; rm x", "sh -c 'rm x'", "ls && /bin/rm x"]) {
      const { complete: _, ...ask } = command(line)
      expect(answerOf(rm, ask, null), line).toBe("decline")
    }
    const env = [{ match: { kind: "file-change", path: "**/.env" }, decision: "cancel" }] as const
    expect(answerOf(env, change("a.ts", "/work/x/.env"), null)).toBe("cancel")
    expect(answerOf(env, change("a.ts"), ["a.ts"])).toBeUndefined()
  })

  it("X11 an open request proposes the rule that would accept it, if one can", () => {
    const proposed = (...args: readonly [Approval, (ReadonlyArray<string> | null)?]) =>
      asks(undefined, ...args).opened?.["proposedRule"]
    expect(proposed(command("npm test"))).toEqual(accept({ kind: "command", command: "npm test" }))
    expect(proposed(command("/bin/bash -lc 'npm test'"))).toEqual(accept({ kind: "command", command: "npm test" }))
    expect(proposed(change("/work/a.ts"), ["a.ts"])).toEqual(accept({ kind: "file-change", path: "a.ts" }))
    expect(proposed(tool("docs/search"))).toEqual(accept({ kind: "tool-call", tool: "docs/search" }))
    for (const ask of [command("npm test; x"), command("sudo x"), command("x", { choices: ["decline"] })])
      expect(proposed(ask)).toBeUndefined()
    expect(proposed(change("a", "b"), ["a", "b"])).toBeUndefined()
    expect(proposed(change(".git/config"), [".git/config"])).toBeUndefined()
  })

  it("thread.configure replaces the rules, and null removes them", () => {
    const { model, threadId } = asks([git], command("git status"))
    const configure = (approve: ReadonlyArray<ApprovalRule> | null) => {
      Either.getOrThrow(model.ask(Kit.command("thread.configure", { threadId, approve }), "/work"))
      return model.thread(threadId)?.approve
    }
    const count = () => model.events.length
    expect(configure([])).toEqual([])
    expect(configure([git])).toEqual([git])
    const before = count()
    expect(configure([git])).toEqual([git])
    expect(count(), "no change, no event").toBe(before)
    // Pressed twice, or by two clients.
    const decline = { ...git, decision: "decline" } as const
    expect(configure([git, decline, { ...git, name: "again" }])).toEqual([git, decline])
    expect(configure([git])).toEqual([git])
    const twice = { provider: "scripted", cwd: "/work", approve: [git, git] } as const
    const made = Either.getOrThrow(model.ask(Kit.command("thread.create", twice), "/work"))
    expect(model.thread(made.threadId as typeof threadId)?.approve).toEqual([git])
    expect(configure(null)).toBeUndefined()
  })
})
