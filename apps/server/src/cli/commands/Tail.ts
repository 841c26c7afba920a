/** `millrace tail`: follows the log indefinitely, across restarts of the server. */
import { defined } from "@millrace/contracts/Defined"
import * as Command from "@effect/cli/Command"
import { Chunk, Effect, Stream } from "effect"
import * as CursorStore from "@millrace/client/CursorStore"
import * as Cursor from "@millrace/contracts/Cursor"
import { threadStream } from "@millrace/contracts/Ids"
import * as Connect from "../client/Connect.ts"
import * as CursorFile from "../client/CursorFile.ts"
import * as EventLine from "../terminal/EventLine.ts"
import { failed, fromError, usage } from "../Failure.ts"
import * as Flags from "../Flags.ts"
import { Output } from "../Output.ts"

/** How many past events a person sees by default. Programs (`--json`) get all of them. */
const recent = 100

export interface Request {
  readonly dataDir: string
  readonly url: string | undefined
  readonly after: string | undefined
  readonly thread: string | undefined
  readonly reader: string | undefined
  readonly json: boolean
}

const tail = Effect.fn("cli.tail")(function* (options: Request) {
  const output = yield* Output
  const thread = options.thread === undefined ? undefined : yield* Flags.threadId(options.thread)
  if (options.after !== undefined && Cursor.parse(options.after)._tag === "Left")
    return yield* usage(`--after: expected a cursor of this server, got ${JSON.stringify(options.after)}`)
  const { millrace } = yield* Connect.server({ dataDir: options.dataDir, url: options.url })
  if (thread !== undefined) yield* Effect.mapError(millrace.thread(thread), fromError)

  const store = CursorFile.make(options.dataDir)
  const stored = options.reader === undefined ? undefined : yield* Effect.mapError(store.load(options.reader), fromError)
  const begin = Effect.gen(function* () {
    const asked = options.after ?? stored
    if (asked !== undefined || thread !== undefined || options.json || options.reader !== undefined) return asked
    const { logEpoch, offset } = yield* Effect.mapError(millrace.state, fromError)
    if (offset <= recent) return undefined
    yield* output.note(
      output.style.dim(`The last ${recent} of ${offset} events. To see all: --after ${Cursor.format(logEpoch, 0)}`)
    )
    return Cursor.format(logEpoch, offset - recent)
  })
  const after = yield* begin
  const frames = millrace.follow({
    ...defined({ after }),
    ...(thread === undefined ? {} : { stream: threadStream(thread) })
  })
  yield* (options.reader === undefined ? frames : CursorStore.keeping(store, options.reader)(frames)).pipe(
    Stream.mapError((error) =>
      error._tag === "CursorForeign" || error._tag === "CursorExpired" || error._tag === "CursorAhead"
        ? failed(
            `${error.message} ${options.reader === undefined ? "Omit --after to start at the beginning" : "Use another --reader name to start at the beginning"}.`
          )
        : fromError(error)
    ),
    Stream.chunks,
    Stream.runForEach((chunk) => {
      let text = ""
      for (const frame of Chunk.toReadonlyArray(chunk))
        if (frame._tag === "event")
          text += options.json
            ? `${JSON.stringify(frame.event)}\n`
            : `${EventLine.render(frame.event, output.outStyle, output.width)}\n`
      return text === "" ? Effect.void : output.out(text)
    })
  )
})

export const command = Command.make(
  "tail",
  {
    after: Flags.text(
      "after",
      "CURSOR",
      "Start after this cursor. Default: the whole log with --json or --thread, else its last 100 events."
    ),
    thread: Flags.text("thread", "ID", "Only the events of this thread."),
    reader: Flags.text("reader", "NAME", "Save the cursor under this name, and resume from it next time."),
    json: Flags.json,
    data: Flags.data,
    url: Flags.url
  },
  ({ after, data, json, reader, thread, url }) =>
    tail({
      dataDir: data,
      url: Flags.orUndefined(url),
      after: Flags.orUndefined(after),
      thread: Flags.orUndefined(thread),
      reader: Flags.orUndefined(reader),
      json
    })
).pipe(Command.withDescription("Follow the log: every event, once, in order."))
