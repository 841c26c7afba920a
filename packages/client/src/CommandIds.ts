/** Command ids: 128 random bits from the platform, so that two clients never choose the same id (C2). Not deterministic: tests pass their own. */
import { Effect } from "effect"
import { CommandId } from "@millrace/contracts/Ids"

export const random: Effect.Effect<CommandId> = Effect.sync(() => {
  const bytes = globalThis.crypto.getRandomValues(new Uint8Array(16))
  return CommandId.make(`cmd_${Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("")}`)
})
