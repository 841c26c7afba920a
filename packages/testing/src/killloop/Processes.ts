/** The process table: processes that a dead server left, and bystanders that no server may touch. Linux. */
import { type ChildProcess, spawn } from "node:child_process"
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs"
import { join, resolve } from "node:path"
import * as Proc from "@millrace/providers/process/Proc"
import { Effect, type Scope } from "effect"

/** Agents and their children inherit `LC_ALL`, which names the server that they belong to. */
const variable = "LC_ALL"
export const marked = (marker: string, life: number): Readonly<Record<string, string>> => ({ [variable]: `${marker}-${life}` })

/** Pids of living processes of this run that belong to servers with a number below `before`; each start of the server has the next number. */
export const leftOf = (marker: string, before: number): ReadonlyArray<string> => {
  const entry = new RegExp(`(?:^|\\0)${variable}=${marker}-(\\d+)\\0`)
  return readdirSync("/proc").filter((pid) => {
    if (!/^\d+$/.test(pid)) return false
    try {
      const life = entry.exec(readFileSync(`/proc/${pid}/environ`, "utf8"))?.[1]
      return life !== undefined && Number(life) < before
    } catch {
      return false // the process has exited, or belongs to another user
    }
  })
}

export interface Bystanders {
  /** Pids of the bystanders that died. */
  readonly dead: () => ReadonlyArray<number>
  /** Writes ledger entries that name the bystanders as if their pids had been those of agents, as after a reuse of pids. */
  readonly forge: (dataDir: string, life: number) => void
}

const agent = resolve(import.meta.dirname, "../../../../apps/server/dist/agent.mjs")

/** Processes with the command lines of agents and of their children, each in a separate process group and with the `MILLRACE_CHILD` of another owner. */
export const bystanders = (cwd: string): Effect.Effect<Bystanders, never, Scope.Scope> =>
  Effect.map(
    Effect.acquireRelease(
      Effect.sync(() =>
        [
          [process.execPath, agent],
          ["sleep", "3600"],
          ["/bin/sh", "-c", "sleep 3600 & sleep 3600"]
        ].map(([command = "", ...args]) =>
          spawn(command, args, {
            cwd,
            detached: true,
            stdio: ["pipe", "ignore", "ignore"],
            env: { PATH: process.env["PATH"], MILLRACE_CHILD: "somebody-else" }
          })
        )
      ),
      (children) => Effect.sync(() => children.forEach(({ pid }) => pid !== undefined && Proc.signalGroup(pid, "SIGKILL")))
    ),
    (children: ReadonlyArray<ChildProcess>) => ({
      dead: () => children.flatMap((child) => (child.exitCode === null && child.signalCode === null ? [] : [child.pid ?? 0])),
      forge: (dataDir, life) => {
        const directory = join(dataDir, "processes")
        mkdirSync(directory, { recursive: true })
        for (const { pid } of children) {
          const entry = { id: `forged-${life}-${pid}`, pid, group: pid, startTime: "1", bootId: Proc.bootId(), command: "node" }
          writeFileSync(join(directory, `${entry.id}.json`), JSON.stringify({ ...entry, threadId: "thr_forged", epoch: 1 }))
        }
      }
    })
  )
