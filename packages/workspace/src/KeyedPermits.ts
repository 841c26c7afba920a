/** One effect at a time for each key. Remembers only the keys in use. */
import { make as makePermits, type Permits } from "@millrace/contracts/Permits"
import { Effect } from "effect"

export type KeyedPermits = (key: string) => Permits

export const make = (): KeyedPermits => {
  const entries = new Map<string, { readonly permits: Permits; users: number }>()
  return (key) => (self) =>
    Effect.acquireUseRelease(
      Effect.sync(() => {
        const entry = entries.get(key) ?? { permits: makePermits(1), users: 0 }
        entries.set(key, entry)
        entry.users += 1
        return entry
      }),
      ({ permits }) => permits(self),
      (entry) =>
        Effect.sync(() => {
          entry.users -= 1
          if (entry.users === 0) entries.delete(key)
        })
    )
}
