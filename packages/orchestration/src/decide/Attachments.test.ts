/** Attachments of turns: their checks, and that queue, edit, steer, continuation and the stored row keep them. */
import { describe, expect, it } from "@effect/vitest"
import { type GivenAttachment, maxTurnBytes } from "@millrace/contracts/Attachment"
import type { BodyOf, CommandType } from "@millrace/contracts/Command"
import type { ThreadId, TurnId } from "@millrace/contracts/Ids"
import { DecideModel } from "@millrace/testing/DecideModel"
import * as Kit from "@millrace/testing/Orchestration"
import { Either } from "effect"
import { toRow } from "../readmodel/ThreadRow.ts"

const [png, text, big] = ["a", "b", "c"].map((digit) => digit.repeat(64)) as [string, string, string]
const blobs = new Map([
  [png, { bytes: 70, mediaType: "image/png" }],
  [text, { bytes: 5, mediaType: "text/plain; charset=utf-8" }],
  [big, { bytes: maxTurnBytes, mediaType: "application/zip" }]
])
const given = { blob: png, name: "shot.png" }
const shot = { blob: png, name: "shot.png", mediaType: "image/png", bytes: 70 }
const notes = { blob: text, name: "notes.txt", mediaType: "text/plain", bytes: 5 }

class Attached extends DecideModel {
  command<T extends CommandType>(type: T, body: BodyOf<T>) {
    return this.ask(Kit.command(type, body), "/work", blobs)
  }
  last<T extends string>(type: T) {
    return this.events.findLast((event) => event.type === type)?.data
  }
}

const withThread = (turn?: BodyOf<"turn.start">["text"]) => {
  const model = new Attached()
  const made = Either.getOrThrow(
    model.command("thread.create", {
      provider: "scripted",
      cwd: "/work",
      ...(turn === undefined ? {} : { turn: { text: turn, attachments: [given] } })
    })
  )
  return { model, threadId: made.threadId as ThreadId, turnId: made.turnId as TurnId }
}

/** A thread whose first turn, with the attachment, runs. */
const running = (capabilities: ReadonlyArray<string> = []) => {
  const found = withThread("look")
  const session = { threadId: found.threadId, epoch: 1 }
  found.model.tell({ _tag: "SessionOpened", ...session, continuity: "fresh", resumeKey: undefined, capabilities })
  found.model.tell({
    _tag: "AgentEvents",
    ...session,
    events: [{ _tag: "TurnStarted", turnId: found.turnId, origin: "user", attachments: [{ blob: png, delivery: "native" }] }]
  })
  return found
}

describe("decide", () => {
  const start = (body: { readonly text: string; readonly attachments?: ReadonlyArray<GivenAttachment> }) => {
    const { model, threadId } = withThread()
    return {
      model,
      answer: Either.mapBoth(model.command("turn.start", { threadId, ...body }), { onLeft: (rule) => rule, onRight: () => "ok" })
    }
  }
  for (const [what, body, answer] of [
    ["text alone", { text: "hi" }, Either.right("ok")],
    ["an attachment alone", { text: "", attachments: [given] }, Either.right("ok")],
    ["neither", { text: "" }, Either.left("PromptEmpty")],
    ["neither, with an empty list", { text: "", attachments: [] }, Either.left("PromptEmpty")],
    ["an unknown hash", { text: "hi", attachments: [given, { blob: "d".repeat(64), name: "x" }] }, Either.left("BlobNotFound")],
    ["as much as a turn takes", { text: "hi", attachments: [{ blob: big, name: "x" }] }, Either.right("ok")],
    ["more than a turn takes", { text: "hi", attachments: [{ blob: big, name: "x" }, given] }, Either.left("AttachmentsTooLarge")]
  ] as const)
    it(`C4 a turn with ${what}`, () => {
      const started = start(body)
      expect(started.answer).toEqual(answer)
      if (Either.isLeft(answer)) expect(started.model.last("turn.requested")).toBeUndefined()
    })

  it("the event has the size and the type of each blob; a given type replaces that of the upload", () => {
    const { model } = start({
      text: "",
      attachments: [given, { blob: text, name: "notes.txt" }, { ...given, mediaType: "image/webp" }]
    })
    const attachments = [shot, notes, { ...shot, mediaType: "image/webp" }]
    expect(model.last("turn.requested")).toMatchObject({ text: "", attachments })
    expect(model.last("item.completed")).toMatchObject({ kind: "user-message", attachments })
  })

  it("a thread that begins with an attachment alone has its name as title", () => {
    expect(withThread("").model.only.title).toBe("shot.png")
  })

  it("the view of a turn says how the agent got each attachment", () => {
    const { model, turnId } = running()
    expect(model.rows.get(`turn/${turnId}`)).toMatchObject({ attachments: [{ ...shot, delivery: "native" }] })
  })

  it("T12 an edit keeps the attachments unless it gives new ones", () => {
    const { model, threadId } = running()
    const { turnId } = Either.getOrThrow(model.command("turn.start", { threadId, text: "next", attachments: [given] }))
    const edit = (body: { readonly text: string; readonly attachments?: ReadonlyArray<GivenAttachment> }) =>
      model.command("turn.edit", { threadId, turnId: turnId!, ...body })
    const queued = () => model.only.queue[0]
    edit({ text: "" })
    expect(queued()).toMatchObject({ text: "", attachments: [shot] })
    edit({ text: "", attachments: [{ blob: text, name: "notes.txt" }] })
    expect(queued()).toMatchObject({ attachments: [notes] })
    const written = model.events.length
    edit({ text: "", attachments: [{ blob: text, name: "notes.txt" }] })
    expect(model.events.length).toBe(written)
    expect(edit({ text: "", attachments: [] })).toEqual(Either.left("PromptEmpty"))
    expect(edit({ text: "x", attachments: [{ blob: "e".repeat(64), name: "x" }] })).toEqual(Either.left("BlobNotFound"))
    edit({ text: "x", attachments: [] })
    expect(queued()).toMatchObject({ text: "x", attachments: [] })
  })

  it("T12 a steer, the promotion to a steer, and a steer that the agent refuses have the attachments", () => {
    const { model, threadId, turnId } = running(["steer"])
    model.command("turn.start", { threadId, text: "", attachments: [given], strategy: "steer" })
    expect(model.last("turn.steered")).toMatchObject({ turnId, attachments: [shot] })
    expect(model.last("item.completed")).toMatchObject({ turnId, attachments: [shot] })
    const queued = Either.getOrThrow(
      model.command("turn.start", { threadId, text: "later", attachments: [{ blob: text, name: "notes.txt" }] })
    )
    model.command("turn.promote", { threadId, turnId: queued.turnId!, strategy: "steer" })
    expect(model.last("turn.steered")).toMatchObject({ text: "later", attachments: [notes] })
    model.tell({ _tag: "SteerRefused", threadId, epoch: 1, turnId, text: "later", attachments: [notes] })
    expect(model.only.queue[0]).toMatchObject({ text: "later", attachments: [notes] })
  })

  it("T5 the turn that continues one after a restart has its attachments, and so has a continuation that a person decides", () => {
    for (const recovery of ["resume", "ask"] as const) {
      const { model, threadId, turnId } = running()
      model.command("thread.configure", { threadId, recovery })
      model.tell({ _tag: "OwnerLost", threadId, reason: "the server stopped" })
      const planned = model.last("continuation.planned") as { readonly attachments?: unknown } | undefined
      expect(planned?.attachments).toEqual(recovery === "ask" ? [shot] : undefined)
      if (recovery === "ask")
        model.command("request.answer", {
          requestId: Object.values(model.only.requests)[0]!.requestId,
          answers: { continue: ["continue"] }
        })
      expect(model.last("turn.requested")).toMatchObject({ continues: { turnId }, attachments: [shot] })
    }
  })

  it("the row of a thread does not repeat the attachments of its turns", () => {
    const { model } = running()
    expect(JSON.stringify(toRow(model.only))).not.toContain(png)
  })
})
