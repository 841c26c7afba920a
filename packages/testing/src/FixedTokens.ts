/** Tokens in memory: no caller is identified and every token is valid. A test replaces the methods that it tests. */
import { Tokens } from "@millrace/server/internal/auth/Tokens"
import { Effect, Either, Layer } from "effect"

export const make = (change: Partial<Tokens["Type"]> = {}): Tokens["Type"] => ({
  dataDir: "",
  identify: () => Effect.succeed(Either.left("unknown")),
  endOf: () => undefined,
  revision: Effect.succeed(0),
  ...change
})

export const layer = (change?: Partial<Tokens["Type"]>) => Layer.succeed(Tokens, make(change))
