/** A port for servers that follow each other on it. */
import { Effect, Random } from "effect"
import { createServer } from "node:net"

const isFree = (port: number): Effect.Effect<boolean> =>
  Effect.async((resume) => {
    const probe = createServer()
    probe.once("error", () => resume(Effect.succeed(false)))
    probe.listen(port, "127.0.0.1", () => probe.close(() => resume(Effect.succeed(true))))
  })

/**
 * Below the ports that Linux gives to connections (from 32,768): while no server listens, a client that connects again and again to a port
 * among those is given that same port for its own end after a while, and then talks to itself.
 */
export const below: Effect.Effect<string> = Effect.repeat(
  Effect.flatMap(Random.nextIntBetween(10_240, 32_768), (port) =>
    Effect.map(isFree(port), (free) => (free ? String(port) : undefined))
  ),
  { until: (port) => port !== undefined }
).pipe(Effect.map((port) => port ?? ""))
