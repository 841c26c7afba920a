/** The parser of docs/clients.md, against a server. */
import { readFileSync } from "node:fs"
import { expect, it } from "@effect/vitest"
import { Effect } from "effect"
import { ThreadId } from "@millrace/contracts/Ids"
import { command } from "@millrace/testing/Orchestration"
import { start } from "./support/Hosted.ts"

interface Frame {
  readonly name: string
  readonly id?: string
  readonly retry?: string
  readonly data: { readonly offset?: number; readonly head?: number; readonly replayed?: number }
}
type Frames = (body: ReadableStream<Uint8Array> | null) => AsyncIterable<Frame>

it.scopedLive("D2 D6 the parser of docs/clients.md reads open, every event, caught-up and end, wherever the bytes are cut", () =>
  Effect.gen(function* () {
    const text = readFileSync(new URL("../../../docs/clients.md", import.meta.url), "utf8")
    const source = /```js\n(async function\* frames[\s\S]*?)```/.exec(text)?.[1] ?? ""
    const frames = new Function(`return ${source}`)() as Frames
    const { dataDir, host, log, token, url } = yield* start()
    const { threadId = "" } = yield* host.dispatch(
      command("thread.create", { provider: "demo", cwd: dataDir, title: "grüße 水車" })
    )
    yield* host.dispatch(command("thread.delete", { threadId: ThreadId.make(threadId) }))
    const headers = { authorization: `Bearer ${token}`, accept: "text/event-stream" }
    const read = yield* Effect.promise(async () => {
      const { body } = await fetch(`${url}/api/events?stream=thread/${threadId}&since=0`, { headers })
      /** One byte at a time. */
      const single = new TransformStream<Uint8Array, Uint8Array>({
        transform: (chunk, controller) => {
          for (const byte of chunk) controller.enqueue(Uint8Array.of(byte))
        }
      })
      const all: Array<Frame> = []
      for await (const frame of frames(body?.pipeThrough(single) ?? null)) all.push(frame)
      return all
    })
    const [open, ...rest] = read
    expect(open).toMatchObject({ name: "open", retry: "1000", data: { logEpoch: log.epoch } })
    const events = rest.filter(({ name }) => name === "event")
    expect(events.map(({ id }) => id)).toEqual(events.map(({ data }) => `${log.epoch}-${data.offset}`))
    expect(events).toHaveLength(2)
    expect(rest.map(({ name }) => name).filter((name) => name !== "event")).toEqual(expect.arrayContaining(["end"]))
  })
)
