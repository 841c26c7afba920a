/**
 * Appends to the log that its first argument names. Prints what a subscriber received (`d` + JSON) and what was acknowledged (`a` + offset).
 * Kills itself at the given point (second argument) of the given batch (third). The fourth argument is the path of the anchor.
 */
import { Effect, Stream } from "effect"
import { writeSync } from "node:fs"
import * as Blob from "@millrace/log/Blob"
import * as EventLogSqlite from "@millrace/log/EventLogSqlite"

const [, , file = "", point = "", at = "0", anchor] = process.argv
const size = 3

let batch = 0
const maybeDie = (here: string) => {
  if (here === point && batch === Number(at)) process.kill(process.pid, "SIGKILL")
}

const program = Effect.gen(function* () {
  const log = yield* EventLogSqlite.make({
    file,
    ...(anchor === undefined ? {} : { anchor }),
    onStep: maybeDie,
    onWake: (wake) => {
      maybeDie("published")
      wake()
      maybeDie("woken")
    }
  })
  yield* log.follow({ after: 0 }).pipe(
    Stream.runForEach((page) => Effect.sync(() => page.events.forEach(({ json }) => writeSync(1, `d${json}\n`)))),
    Effect.forkScoped
  )
  for (batch = 1; batch <= 6; batch++) {
    const first = (yield* log.head) + 1
    const blob = Blob.plain(Buffer.from(`blob ${batch}`), "text/plain")
    const committed = yield* log.append(
      Array.from({ length: size }, (_, i) => ({
        events: [
          {
            stream: `thread/thr_${i % 2}`,
            type: "item.delta",
            at: "2026-11-20T09:00:00.000Z",
            epoch: 1,
            data: { batch, i, text: "é😀" }
          }
        ],
        rows: [
          {
            op: "put" as const,
            collection: "items",
            key: `${batch}-${i}`,
            parent: "p",
            event: 0,
            rank: "keep" as const,
            value: { batch }
          },
          { op: "delete" as const, collection: "items", key: `${batch - 1}-${i}` }
        ],
        receipt: { commandId: `${first}-${i}`, digest: "d", answer: { batch } },
        blobs: [blob],
        references: [{ stream: `thread/thr_${i % 2}`, hash: blob.hash }]
      }))
    )
    writeSync(1, `a${committed.at(-1)?.last}\n`)
    maybeDie("acknowledged")
    yield* Effect.sleep(1)
  }
}).pipe(Effect.scoped)

await Effect.runPromise(program)
