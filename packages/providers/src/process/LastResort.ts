/**
 * Groups that must not outlive this process. Scopes end them in order; this is for the ways out that close no scope: a second signal, a room
 * that is left behind at the deadline, `process.exit` of an embedder (P2, S8). Only `kill -9` gets past it, and the ledger is for that.
 */
import * as Proc from "./Proc.ts"

const groups = new Map<number, string>()
const killAll = () => {
  for (const group of groups.keys()) Proc.signalGroup(group, "SIGKILL")
  // Commands of an agent are in groups of their own, and nobody is left to end them.
  Proc.killCarriers(new Set(groups.values()))
}

/** From now until `release` the group, and what carries the entry in its environment, is killed when this process exits. */
export const hold = (group: number, entry: string): void => {
  if (groups.size === 0) process.on("exit", killAll)
  groups.set(group, entry)
}

/** The leader was collected: its number may become somebody else's. */
export const release = (group: number): void => {
  groups.delete(group)
  if (groups.size === 0) process.off("exit", killAll)
}
