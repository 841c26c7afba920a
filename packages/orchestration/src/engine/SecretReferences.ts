/**
 * Which stored values of commands are still used. A value is stored before the event that names it is committed, and removed when no thread and no project
 * names it any more; what a crash left between is removed at the next start (X4).
 */
import type { StorageUnavailable } from "@millrace/contracts/Errors"
import type { McpServers, ProjectEnv, SecretValue, Settings, SomeSettings } from "@millrace/contracts/Settings"
import type { LogUnavailable, Queryable } from "@millrace/log/EventLog"
import type { Secrets } from "@millrace/log/Secrets"
import * as Thread from "@millrace/model/Thread"
import { Effect } from "effect"
import * as Collections from "../readmodel/Collections.ts"
import * as RowPaging from "../readmodel/RowPaging.ts"
import type { ProjectState } from "../state/ProjectState.ts"
import type { ThreadState } from "../state/ThreadState.ts"

/** The names that a command uses until it is answered. */
export interface Pin {
  readonly add: (name: string) => void
  readonly release: () => void
}

/** The changes of a decision. */
interface Changed {
  readonly changedThreads: Iterable<ThreadState>
  readonly changedProjects: Iterable<ProjectState>
}

/** A thread's state or its row. */
interface Using extends Pick<SomeSettings, "mcpServers"> {
  readonly given?: Settings
  readonly session?: ThreadState["session"]
}

const namesIn = (values: Readonly<Record<string, SecretValue>> = {}): ReadonlyArray<string> =>
  Object.values(values).flatMap((value) => (typeof value === "string" ? [] : [value.secret]))
const ofServers = (servers: McpServers = {}): ReadonlyArray<string> =>
  Object.values(servers).flatMap((server) =>
    "env" in server ? namesIn(server.env) : "headers" in server ? namesIn(server.headers) : []
  )
/** The secrets that a thread names, and those of its live session. */
const ofThread = ({ given, mcpServers, session }: Using): ReadonlyArray<string> => {
  const live = Thread.isLive(session) ? given?.mcpServers : undefined
  return mcpServers === undefined && live === undefined ? [] : ofServers(mcpServers).concat(ofServers(live))
}
const ofProject = ({ deleted, env }: { readonly deleted: boolean; readonly env?: ProjectEnv | undefined }) =>
  deleted ? [] : namesIn(env)

export class SecretReferences {
  readonly #secrets: typeof Secrets.Service
  /** The names by thread or project. */
  readonly #owners = new Map<string, ReadonlyArray<string>>()
  /** How many owners and pins have a name. */
  readonly #counts = new Map<string, number>()
  /** Names that may have no user any more. */
  readonly #dropped = new Set<string>()
  /** Owners that changed while the rows are read: their rows may be older. */
  readonly #changed = new Set<string>()
  #isComplete = false

  constructor(secrets: typeof Secrets.Service) {
    this.#secrets = secrets
  }

  #count(name: string, by: 1 | -1): void {
    const count = (this.#counts.get(name) ?? 0) + by
    if (count > 0) return void this.#counts.set(name, count)
    this.#counts.delete(name)
    this.#dropped.add(name)
  }

  pin(): Pin {
    const names = new Set<string>()
    return {
      add: (name) => {
        if (names.has(name)) return
        names.add(name)
        this.#count(name, 1)
      },
      release: () => {
        for (const name of names) this.#count(name, -1)
        names.clear()
      }
    }
  }

  #set(owner: string, names: ReadonlyArray<string>): void {
    const before = this.#owners.get(owner)
    if (before === undefined && names.length === 0) return
    for (const name of names) this.#count(name, 1)
    for (const name of before ?? []) this.#count(name, -1)
    if (names.length === 0) this.#owners.delete(owner)
    else this.#owners.set(owner, names)
  }

  /** Call it after the commit of a decision. */
  note({ changedProjects, changedThreads }: Changed): void {
    const set = (owner: string, names: ReadonlyArray<string>) => {
      if (!this.#isComplete) this.#changed.add(owner)
      this.#set(owner, names)
    }
    for (const state of changedThreads) set(state.threadId, ofThread(state))
    for (const state of changedProjects) set(state.projectId, ofProject(state))
  }

  /** Removes the values that have lost their last user. A value that cannot be removed is removed at the next start. */
  readonly removeDropped: Effect.Effect<void> = Effect.suspend(() => {
    if (!this.#isComplete || this.#dropped.size === 0) return Effect.void
    const names = [...this.#dropped]
    this.#dropped.clear()
    // A command may name it again meanwhile.
    const remove = (name: string) => (this.#counts.has(name) ? Effect.void : this.#secrets.removeGiven(name))
    return Effect.forEach(names, (name) => Effect.suspend(() => remove(name)), { discard: true }).pipe(
      Effect.catchAll(({ message }) => Effect.logWarning(`A secret that is not used any more was not removed. ${message}`))
    )
  })

  /** Reads the users of all stored values, then removes the values without any. Nothing is removed before that, nor after a failure. */
  readonly collect = (log: Queryable): Effect.Effect<void, LogUnavailable | StorageUnavailable> =>
    Effect.gen(this, function* () {
      const stored = yield* this.#secrets.given
      if (stored.length > 0) {
        const read = (owner: string, names: ReadonlyArray<string>) => {
          if (!this.#changed.has(owner)) this.#set(owner, names)
        }
        yield* RowPaging.eachPage(log, Collections.threadState, (rows) =>
          Effect.sync(() => {
            for (const { value } of rows) read(value.threadId, value.deleted ? [] : ofThread(value))
          })
        )
        yield* RowPaging.eachPage(log, Collections.projectState, (rows) =>
          Effect.sync(() => {
            for (const { value } of rows) read(value.projectId, ofProject(value))
          })
        )
      }
      for (const name of stored) this.#dropped.add(name)
      this.#changed.clear()
      this.#isComplete = true
      yield* this.removeDropped
    })
}
