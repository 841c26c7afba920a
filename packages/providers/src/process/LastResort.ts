/**
 * Process groups that are killed when this process exits. Normally scopes end them in order. This covers the exits that close no scope: a second
 * signal, a scope still open at the shutdown deadline, `process.exit` of an embedder (P2, S8). It does not run on `kill -9`; the ledger covers that.
 */
import * as Proc from "./Proc.ts"

const groups = new Map<number, string>()
const killAll = () => {
  for (const group of groups.keys()) Proc.signalGroup(group, "SIGKILL")
  // Commands of an agent run in separate groups, which no other code ends at this point.
  Proc.killCarriers(new Set(groups.values()))
}

/** Until `release`, the exit of this process kills the group and every process with `entry` (NAME=VALUE) in its environment. */
export const hold = (group: number, entry: string): void => {
  if (groups.size === 0) process.on("exit", killAll)
  groups.set(group, entry)
}

/** Call when the leader's exit was collected: its pid may be reused. */
export const release = (group: number): void => {
  groups.delete(group)
  if (groups.size === 0) process.off("exit", killAll)
}
