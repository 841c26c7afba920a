/** A port on which several servers run one after the other. */
import { Effect, Random } from "effect"
import { createServer } from "node:net"

const isFree = (port: number): Effect.Effect<boolean> =>
  Effect.async((resume) => {
    const probe = createServer()
    probe.once("error", () => resume(Effect.succeed(false)))
    probe.listen(port, "127.0.0.1", () => probe.close(() => resume(Effect.succeed(true))))
  })

/**
 * A free port below Linux's ephemeral range (from 32,768). In that range, a client that keeps connecting while no server listens can get the same
 * port as its local port, and then connects to itself.
 */
export const below: Effect.Effect<string> = Effect.repeat(
  Effect.flatMap(Random.nextIntBetween(10_240, 32_768), (port) =>
    Effect.map(isFree(port), (free) => (free ? String(port) : undefined))
  ),
  { until: (port) => port !== undefined }
).pipe(Effect.map((port) => port ?? ""))
