/**
 * decide for the threads that agents create: a child never has a wider permission mode, more directories, other MCP servers or other approval rules than
 * its parent, and the tree of a thread is bounded (M2).
 */
import type { CommandOf } from "@millrace/contracts/Command"
import { defined } from "@millrace/contracts/Defined"
import type { CommandRejected } from "@millrace/contracts/Errors"
import type { ThreadId } from "@millrace/contracts/Ids"
import { type PermissionMode, permissionModes } from "@millrace/contracts/Settings"
import { Either } from "effect"
import { maxDepth, maxMembers } from "../readmodel/Family.ts"
import type { ThreadState } from "../state/ThreadState.ts"
import { reject, threadFor } from "./CommandOutcome.ts"
import type { Draft } from "./Draft.ts"

/** Most children of one tree in `perMillis`. */
const maxInTime = 10
const perMillis = 60_000

/** The mode of a thread that neither it nor its provider instance sets: agents then ask. */
const unknownMode: PermissionMode = "ask"

type Rights = Pick<ThreadState, "approve" | "cwd" | "directories" | "mcpServers" | "permissionMode" | "projectId" | "provider">

const rank = (mode: PermissionMode): number => permissionModes.indexOf(mode)
const defaultMode = ({ context }: Draft, provider: string) => context.providers.get(provider)?.defaultMode
const modeOf = (draft: Draft, { permissionMode, provider }: Pick<Rights, "permissionMode" | "provider">): PermissionMode =>
  permissionMode ?? defaultMode(draft, provider) ?? unknownMode

const isIn = (directory: string, other: string): boolean =>
  directory === other || directory.startsWith(other.endsWith("/") ? other : `${other}/`)

/** The first right in which the child exceeds the parent, as a sentence; `undefined`: none. Both have resolved directories. */
const wider = (draft: Draft, parent: Rights, child: Rights): string | undefined => {
  const ceiling = modeOf(draft, parent)
  const mode = modeOf(draft, child)
  if (rank(mode) > rank(ceiling)) return `The permission mode ${mode} is wider than ${ceiling}, the parent's.`
  if (child.projectId !== parent.projectId) return "A child belongs to the project of its parent."
  const roots = [parent.cwd, ...(parent.directories ?? [])]
  const outside = [child.cwd, ...(child.directories ?? [])].find((directory) => !roots.some((root) => isIn(directory, root)))
  if (outside !== undefined) return `The directory ${outside} is not in a directory of the parent: ${roots.join(", ")}.`
  const unknown = Object.entries(child.mcpServers ?? {}).find(
    ([name, server]) => JSON.stringify(parent.mcpServers?.[name]) !== JSON.stringify(server)
  )
  if (unknown !== undefined) return `The parent has no MCP server ${unknown[0]} like this one.`
  return JSON.stringify(child.approve) === JSON.stringify(parent.approve)
    ? undefined
    : "A child has the approval rules of its parent. Omit approve."
}

const bounded = (draft: Draft, parent: ThreadId): Either.Either<void, CommandRejected> => {
  const { depth = 0, members = [] } = draft.state.family?.(parent) ?? {}
  const refuse = (message: string) => reject("ChildLimit", message, parent)
  if (depth >= maxDepth) return refuse(`Children have at most ${maxDepth} generations. Do this work in the thread itself.`)
  if (members.length >= maxMembers)
    return refuse(
      `A thread has at most ${maxMembers} threads below it, with archived ones. Use one of them, or ask a person to delete some.`
    )
  const since = Date.parse(draft.context.at) - perMillis
  const recent = members.filter(({ at }) => Date.parse(at) > since).length
  return recent >= maxInTime
    ? refuse(
        `At most ${maxInTime} threads are created below a thread in ${perMillis / 1000} seconds. Wait, or use the existing ones.`
      )
    : Either.void
}

/** Rejects a child with these rights if they are wider than its parent's, or if the tree is full. */
export const fits = (draft: Draft, parentId: ThreadId, child: Rights): Either.Either<void, CommandRejected> =>
  Either.gen(function* () {
    const parent = yield* threadFor(draft, parentId)
    const problem = wider(draft, parent, child)
    if (problem !== undefined) return yield* reject("WiderThanParent", problem, parentId)
    return yield* bounded(draft, parentId)
  })

/** The command with what a child has from its parent: its rules and, if it names no mode, a mode that is not wider. */
export const inherited = (
  draft: Draft,
  parentId: ThreadId,
  command: CommandOf<"thread.create">
): Either.Either<CommandOf<"thread.create">, CommandRejected> =>
  Either.gen(function* () {
    const parent = yield* threadFor(draft, parentId)
    const { approve, ...rest } = command
    if (approve !== undefined && JSON.stringify(approve) !== JSON.stringify(parent.approve))
      return yield* reject("WiderThanParent", "A child has the approval rules of its parent. Omit approve.", parentId)
    const inheriting = { ...rest, ...defined({ approve: parent.approve }) }
    if (command.permissionMode !== undefined) return inheriting
    if (command.provider === parent.provider) return { ...inheriting, ...defined({ permissionMode: parent.permissionMode }) }
    const ceiling = rank(modeOf(draft, parent))
    const offered = draft.context.providers.get(command.provider)?.permissionModes ?? new Set()
    const permissionMode = permissionModes.findLast((mode) => rank(mode) <= ceiling && offered.has(mode))
    if (permissionMode === undefined && ceiling < rank("full-access"))
      return yield* reject(
        "WiderThanParent",
        `${command.provider} has no permission mode that is as strict as ${modeOf(draft, parent)}, the parent's.`,
        command.provider
      )
    return { ...inheriting, ...defined({ permissionMode }) }
  })
