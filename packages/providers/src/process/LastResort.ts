/**
 * Groups that must not outlive this process. Scopes end them in order; this is for the ways out that close no scope: a second signal, a room
 * that is left behind at the deadline, `process.exit` of an embedder (P2, S8). Only `kill -9` gets past it, and the ledger is for that.
 */
import * as Proc from "./Proc.ts"

const groups = new Set<number>()
const killAll = () => {
  for (const group of groups) Proc.signalGroup(group, "SIGKILL")
}

/** From now until `release` the group is killed when this process exits. */
export const hold = (group: number): void => {
  if (groups.size === 0) process.on("exit", killAll)
  groups.add(group)
}

/** The leader was collected: its number may become somebody else's. */
export const release = (group: number): void => {
  groups.delete(group)
  if (groups.size === 0) process.off("exit", killAll)
}
