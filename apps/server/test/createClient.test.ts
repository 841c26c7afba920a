/** The promise face of the client against the real server, over both transports. */
import { describe, expect, it } from "@effect/vitest"
import { createClient, type CreateOptions, type PromiseClient } from "@millrace/client/createClient"
import type { Frame } from "@millrace/contracts/Frame"
import { CommandId, type ThreadId, threadStream } from "@millrace/contracts/Ids"
import * as ScriptedProvider from "@millrace/testing/ScriptedProvider"
import { Effect } from "effect"
import { cuttingProxy } from "./support/CuttingProxy.ts"
import * as Hosted from "./support/Hosted.ts"

/** Says many messages, or asks first when the prompt is `ask`. */
const agent = ScriptedProvider.make({
  turn: (turn) =>
    Effect.gen(function* () {
      yield* turn.start
      if (turn.text === "ask") yield* turn.ask({ kind: "approval", title: "May I?", choices: ["accept", "decline"] })
      for (let n = 0; n < 40; n++) yield* turn.say(`message ${n} 水車 `.repeat(5))
      yield* turn.complete
    })
})

/** A seeded sequence of numbers from 0 to 1. */
const seeded = (seed: number) => {
  let state = seed
  return () => ((state = (state * 1_103_515_245 + 12_345) % 2 ** 31), state / 2 ** 31)
}

const all = async <A>(parts: AsyncIterable<A>) => {
  const list: Array<A> = []
  for await (const part of parts) list.push(part)
  return list
}
const isEnd = (frame: Frame) => frame._tag === "event" && frame.event.type === "turn.completed"
/** The events up to the end of a turn, as JSON. */
const upToEnd = async (frames: AsyncIterable<Frame>) => {
  const events: Array<string> = []
  for await (const frame of frames) {
    if (frame._tag === "event") events.push(JSON.stringify(frame.event))
    if (isEnd(frame)) break
  }
  return events
}

const setUp = (cuts: number) =>
  Effect.gen(function* () {
    const hosted = yield* Hosted.start(undefined, [agent.adapter])
    const proxy = yield* cuttingProxy(hosted.server.port, cuts, seeded(7))
    return { ...hosted, proxy, url: `http://127.0.0.1:${proxy.port}` }
  })

describe.each(["http", "websocket"] as const)("createClient over %s", (transport) => {
  it.each(["127.0.0.1:7717", "localhost:7717", "", "ftp://localhost"])("rejects a URL that no retry would repair: %j", (url) =>
    expect(createClient({ url, token: "t", transport })).rejects.toThrow(`"${url}" is not a URL of http or https.`)
  )

  /** Runs a program with a client behind a proxy that cuts the first connections. */
  const withClient = (
    cuts: number,
    program: (client: PromiseClient, given: Effect.Effect.Success<ReturnType<typeof setUp>>) => Promise<void>,
    options: Partial<CreateOptions> = {}
  ) =>
    Effect.flatMap(setUp(cuts), (given) =>
      Effect.promise(async () => {
        await using client = await createClient({ url: given.url, token: given.token, transport, ...options })
        await program(client, given)
      })
    )

  it.scopedLive("D2 C2 a turn over connections that are cut: one thread, every event once, every view", () => {
    const statuses: Array<string> = []
    return withClient(
      12,
      async (client, { dataDir, log, proxy }) => {
        const accepted = await client.command("thread.create", { provider: "scripted", cwd: dataDir, turn: { text: "go" } })
        const threadId = accepted.threadId as ThreadId
        const events = await upToEnd(client.follow())
        const page = await Effect.runPromise(log.read({ after: 0, limit: 1000, maxBytes: 1e9 }))
        expect(events).toEqual(page.events.slice(0, events.length).map(({ json }) => json))
        expect(proxy.cuts()).toBeGreaterThan(5)
        expect(statuses).toContain("reconnecting")
        expect(statuses.at(-1)).toBe("attached")

        const after = JSON.parse(events.at(-2) ?? "") as { offset: number }
        const stream = threadStream(threadId)
        expect(await upToEnd(client.follow({ stream, after: `${log.epoch}-${after.offset}` }))).toEqual(events.slice(-1))

        expect((await client.state()).threads).toMatchObject([{ threadId }])
        expect((await client.threads({})).items).toMatchObject([{ threadId }])
        expect((await client.thread(threadId)).provider).toBe("scripted")
        expect((await client.turns(threadId, {})).items).toMatchObject([{ status: "completed" }])
        expect((await client.items(threadId, { limit: 3 })).items).toHaveLength(3)
        expect(await client.requests()).toEqual([])
        expect(await client.providers()).toMatchObject([{ provider: "scripted" }])
        expect(await client.commandStatus(accepted.commandId)).toMatchObject({ status: "accepted", threadId })
        const again = { provider: "scripted", cwd: dataDir, turn: { text: "go" } }
        expect(await client.command("thread.create", again, { commandId: accepted.commandId })).toMatchObject({
          threadId,
          replayed: true
        })
        await expect(client.thread("thr_none" as ThreadId)).rejects.toMatchObject({ _tag: "NotFound" })
        await expect(all(client.follow({ after: "nonsense" }))).rejects.toMatchObject({ _tag: "CursorMalformed" })
      },
      { onStatus: ({ _tag }) => statuses.push(_tag) }
    )
  })

  it.scopedLive("D8 an abort rejects the waiting loop with its reason, and ends only that loop", () =>
    withClient(0, async (client, { dataDir }) => {
      const abort = new AbortController()
      const [ended, lasting] = [abort.signal, undefined].map((signal) =>
        client.follow(signal === undefined ? {} : { signal })[Symbol.asyncIterator]()
      )
      expect((await ended?.next())?.value).toMatchObject({ _tag: "caught-up" })
      const waiting = ended?.next()
      const reason = "the person left"
      abort.abort(reason)
      await expect(waiting).rejects.toBe(reason)
      expect(await ended?.next()).toEqual({ done: true, value: undefined })
      await expect(all(client.follow({ signal: abort.signal }))).rejects.toBe(reason)

      expect((await lasting?.next())?.value).toMatchObject({ _tag: "caught-up" })
      await client.command("project.create", { cwd: dataDir })
      expect((await lasting?.next())?.value).toMatchObject({ _tag: "event" })
      await lasting?.return?.()
    })
  )

  it.scopedLive("D8 close ends loops that wait and loops that do not, and its connections", () => {
    const signals: Array<AbortSignal> = []
    return withClient(
      0,
      async (client, { dataDir, proxy }) => {
        const [waiting, resting] = [client.follow(), client.follow()].map((frames) => frames[Symbol.asyncIterator]())
        await waiting?.next()
        await resting?.next()
        const next = waiting?.next()
        await client.close()
        expect(await next).toEqual({ done: true, value: undefined })
        expect(await resting?.next()).toEqual({ done: true, value: undefined })
        expect(await all(client.follow())).toEqual([])
        await expect(client.state()).rejects.toMatchObject({ _tag: "Disconnected", unsent: true })
        await expect(client.command("project.create", { cwd: dataDir })).rejects.toMatchObject({ _tag: "Disconnected" })
        if (transport === "websocket") await proxy.idle()
        else expect(signals.map(({ aborted }) => aborted)).toEqual([true, true])
      },
      {
        fetch: (input, init) => {
          if (init?.signal) signals.push(init.signal)
          return fetch(input, init)
        }
      }
    )
  })

  it.scopedLive("D10 close rejects an export that is not complete, and one on a closed client", () =>
    withClient(0, async (client, { dataDir }) => {
      const { threadId = "" as ThreadId } = await client.command("thread.create", { provider: "scripted", cwd: dataDir })
      const reading = client.exportThread(threadId, "ndjson")[Symbol.asyncIterator]()
      await reading.next()
      await client.close()
      const cut = { _tag: "Disconnected", message: "The client was closed before the document was complete." }
      await expect(reading.next()).rejects.toMatchObject(cut)
      expect(await reading.next()).toEqual({ done: true, value: undefined })
      await expect(all(client.exportThread(threadId, "ndjson"))).rejects.toMatchObject(cut)
    })
  )

  it.scopedLive("T13 an open request is listed and answered", () =>
    withClient(0, async (client, { dataDir }) => {
      const { threadId } = await client.command("thread.create", { provider: "scripted", cwd: dataDir, turn: { text: "ask" } })
      for await (const frame of client.follow({ types: ["request.opened"] })) if (frame._tag === "event") break
      const [request] = await client.requests()
      expect(request).toMatchObject({ threadId, status: "open" })
      const { requestId } = request as NonNullable<typeof request>
      expect(await client.command("request.answer", { requestId, decision: "accept" })).toMatchObject({ outcome: "answered" })
      expect((await upToEnd(client.follow())).at(-1)).toContain('"type":"turn.completed"')
    })
  )

  it.scopedLive("C6 a field that the server does not know: refused, or ignored with lenient", () =>
    Effect.flatMap(setUp(0), ({ dataDir, token, url }) =>
      Effect.promise(async () => {
        const newer = { commandId: CommandId.make("newer"), type: "project.create", cwd: dataDir, colour: "green" } as const
        await using strict = await createClient({ url, token, transport })
        await using lenient = await createClient({ url, token, transport, lenient: true })
        // Over RPC the client sends only the fields that it knows.
        if (transport === "http") await expect(strict.dispatch(newer)).rejects.toMatchObject({ _tag: "Refused", status: 400 })
        expect(await lenient.dispatch(newer)).toMatchObject({ status: "accepted" })
        expect((await lenient.state()).projects).toHaveLength(1)
      })
    )
  )

  it.scopedLive("C2 D10 a thread goes out and comes in; a source that breaks imports nothing", () =>
    withClient(0, async (client, { dataDir }) => {
      const { threadId = "" as ThreadId } = await client.command("thread.create", {
        provider: "scripted",
        cwd: dataDir,
        turn: { text: "go" }
      })
      await upToEnd(client.follow())
      const document = Buffer.concat(await all(client.exportThread(threadId, "ndjson"))).toString()
      const first = await client.importThread({ source: client.exportThread(threadId, "json") })
      expect(first).toMatchObject({ created: true, turns: 1 })
      expect(await client.importThread({ source: document })).toMatchObject({ threadId: first.threadId, written: 0 })
      await expect(client.importThread({ source: "{}" })).rejects.toMatchObject({ _tag: "ImportFailed" })
      const torn = new DOMException("the disk was removed")
      const breaking = (async function* () {
        yield document
        throw torn
      })()
      await expect(client.importThread({ source: breaking })).rejects.toBe(torn)
      expect((await client.threads({})).items).toHaveLength(2)
      await expect(all(client.exportThread("thr_none" as ThreadId, "json"))).rejects.toMatchObject({ _tag: "NotFound" })
      await expect(client.nativeThreads("scripted", {})).rejects.toMatchObject({ _tag: "NotFound" })
    })
  )
})
