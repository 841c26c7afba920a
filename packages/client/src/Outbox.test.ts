import { describe, expect, it } from "@effect/vitest"
import { Clock, Effect, Exit, Fiber, Random, Schedule, TestClock } from "effect"
import type { Accepted, Command } from "@millrace/contracts/Command"
import { CommandRejected, Overloaded, ShuttingDown } from "@millrace/contracts/Errors"
import { CommandId, ThreadId } from "@millrace/contracts/Ids"
import { seeds, simulate } from "@millrace/testing/SeededScheduler"
import * as Outbox from "./Outbox.ts"
import type { Transport } from "./Transport.ts"
import { Disconnected } from "./TransportError.ts"

const turn = (thread: string, n: number): Command => ({
  commandId: CommandId.make(`cmd_${thread}_${n}`),
  type: "turn.start",
  threadId: ThreadId.make(thread),
  text: `${n}`
})
const answer = (command: Command, offset: number): Accepted => ({
  status: "accepted",
  commandId: command.commandId,
  offset,
  cursor: `c-${offset}`
})
const lost = new Disconnected({ message: "Cut." })

/** A server that keeps receipts, behind a connection that loses requests and answers. */
const wire = () => {
  const receipts = new Map<string, Accepted>()
  const ran: Array<string> = []
  const dispatch: Transport["dispatch"] = (command) =>
    Effect.gen(function* () {
      yield* Effect.sleep(yield* Random.nextIntBetween(0, 50))
      const fate = yield* Random.nextIntBetween(0, 6)
      if (fate === 0) return yield* lost
      if (fate === 1) return yield* new Overloaded({ message: "full", retryAfterMillis: 300 })
      if (fate === 2) return yield* new ShuttingDown({ message: "going", retryAfterMillis: 500 })
      let receipt = receipts.get(command.commandId)
      if (receipt === undefined) {
        ran.push(command.commandId)
        receipts.set(command.commandId, (receipt = answer(command, ran.length)))
      }
      if (fate === 3) return yield* lost
      return receipt
    })
  return { ran, transport: { dispatch } }
}

describe("Outbox", () => {
  it("C2 T12 after lost requests and answers each command runs once, and the commands of a thread in order (200 seeds)", async () => {
    for await (const seed of seeds(200, 0)) {
      const { ran, transport } = wire()
      const outbox = Outbox.make(transport, { tries: 100 })
      const commands = Array.from({ length: 12 }, (_, n) => turn(`thr_${n % 3}`, n))
      const result = simulate(
        seed,
        Effect.gen(function* () {
          const fibers = []
          for (const command of commands) {
            fibers.push(yield* Effect.fork(outbox.send(command)))
            // The next command is sent only after this one has entered its lane, so the order is known.
            yield* Effect.sleep(1)
          }
          return yield* Fiber.joinAll(fibers)
        })
      )
      if (typeof result.exit === "string" || Exit.isFailure(result.exit))
        return expect.fail(`seed ${seed}: ${String(result.exit)}`)
      expect(ran.length, `seed ${seed}`).toBe(commands.length)
      for (const thread of ["thr_0", "thr_1", "thr_2"])
        expect(
          ran.filter((id) => id.includes(thread)),
          `seed ${seed}`
        ).toEqual(commands.filter((command) => command.commandId.includes(thread)).map((command) => command.commandId))
    }
  })

  it.effect("C3 waits as long as the server says, and returns the last failure after its last attempt", () =>
    Effect.gen(function* () {
      const times: Array<number> = []
      const full = new Overloaded({ message: "full", retryAfterMillis: 2_000 })
      const outbox = Outbox.make(
        { dispatch: () => Effect.flatMap(Clock.currentTimeMillis, (now) => (times.push(now), Effect.fail(full))) },
        { tries: 3, schedule: Schedule.spaced("100 millis") }
      )
      const fiber = yield* Effect.fork(Effect.flip(outbox.send(turn("thr_a", 1))))
      yield* TestClock.adjust("1 minute")
      expect(yield* Fiber.join(fiber)).toBe(full)
      expect(times).toEqual([0, 2_100, 4_200])
    })
  )

  it.effect("C1 the client does not retry a rejection by a rule; the error of an unknown outcome names the command", () =>
    Effect.gen(function* () {
      let sent = 0
      const no = new CommandRejected({ message: "no such thread", rule: "ThreadNotFound" })
      const refuses = Outbox.make({ dispatch: () => (sent++, Effect.fail(no)) })
      expect(yield* Effect.flip(refuses.send(turn("thr_a", 1)))).toBe(no)
      expect(sent).toBe(1)
      const cut = Outbox.make({ dispatch: () => Effect.fail(lost) }, { tries: 1 })
      const error = yield* Effect.flip(cut.send(turn("thr_a", 2)))
      expect(error._tag).toBe("Disconnected")
      expect(error.message).toBe("Cut. It is unknown whether command cmd_thr_a_2 was accepted. Send it again with the same id.")
    })
  )

  it.effect(
    "C3 the outbox rejects commands beyond its capacity at once, and releases capacity also when a waiting sender gives up",
    () =>
      Effect.gen(function* () {
        const sent: Array<string> = []
        const outbox = Outbox.make(
          {
            dispatch: (command) =>
              Effect.as(
                Effect.delay(
                  Effect.sync(() => sent.push(command.commandId)),
                  "1 second"
                ),
                answer(command, 1)
              )
          },
          { capacity: 3 }
        )
        const fibers = yield* Effect.forEach([1, 2, 3], (n) =>
          Effect.zipLeft(Effect.fork(outbox.send(turn("thr_a", n))), Effect.yieldNow())
        )
        expect((yield* Effect.flip(outbox.send(turn("thr_b", 9))))._tag).toBe("Overloaded")
        const second = fibers[1]
        if (second !== undefined) yield* Fiber.interrupt(second)
        const fourth = yield* Effect.fork(outbox.send(turn("thr_a", 4)))
        yield* TestClock.adjust("10 seconds")
        yield* Fiber.join(fourth)
        expect(sent).toEqual(["cmd_thr_a_1", "cmd_thr_a_3", "cmd_thr_a_4"])
      })
  )
})
