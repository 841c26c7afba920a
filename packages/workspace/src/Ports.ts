/** Ports of worktrees: each has a separate range, so that servers which agents start in them do not meet. Pure. */
import { createHash } from "node:crypto"

/** Ports of one worktree. */
export const count = 10
/** Below the ports that systems give to outgoing connections (Linux from 32768, macOS from 49152). */
const first = 20_000
const ranges = 1000

/** The first port of a range that no other worktree has. `home` chooses where the search begins, so that two servers of one machine seldom meet. */
export const free = (home: string, used: ReadonlyArray<number | undefined>): number | undefined => {
  const taken = new Set(used)
  const start = createHash("sha256").update(home).digest().readUInt32BE(0)
  for (let n = 0; n < ranges; n++) {
    const port = first + ((start + n) % ranges) * count
    if (!taken.has(port)) return port
  }
  return undefined
}
