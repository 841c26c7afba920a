/**
 * Which approval rule answers an approval, and which rule would. Pure. A rule accepts only what it can be certain of: a complete request of one kind, one
 * simple command, paths inside the workspace. A rule that declines or cancels matches any part of the request.
 */
import { isAbsolute, relative } from "node:path"
import { ApprovalRule, type ApprovalRules } from "@millrace/contracts/ApprovalRule"
import * as CommandLine from "@millrace/contracts/CommandLine"
import type { Ask } from "@millrace/contracts/Item"
import * as PathGlob from "@millrace/contracts/PathGlob"
import { Schema } from "effect"

const isRule = Schema.is(ApprovalRule)

/** The rules without rules that repeat an earlier one, because a repeated rule would never answer. The name of a rule does not matter. */
export const distinct = <None extends null | undefined>(rules: ApprovalRules | None): ApprovalRules | None => {
  if (rules === null || rules === undefined) return rules
  const seen = new Set<string>()
  return rules.filter(({ decision, match: { command, kind, path, tool } }) => {
    const does = JSON.stringify([decision, kind, command, path, tool])
    const isFirst = !seen.has(does)
    seen.add(does)
    return isFirst
  })
}

export interface Asked {
  readonly ask: Extract<Ask, { readonly kind: "approval" }>
  /** The workspace. */
  readonly cwd: string
  /** The paths of the request, if all of them are in the workspace: relative to it, with links resolved. */
  readonly inside: ReadonlyArray<string> | undefined
}

type Match = ApprovalRule["match"]

/** A change of the repository's own files runs code later: hooks, aliases. */
const isGuarded = (path: string): boolean => path.split("/").some((name) => name.toLowerCase() === ".git")

/** The only kind of the request, if accepting it allows nothing that the rules cannot see. */
const certainKind = ({ ask, inside }: Asked): Match["kind"] | undefined => {
  const { blobs, changes, command, complete, tool } = ask
  if (complete !== true || blobs !== undefined || inside === undefined) return undefined
  if ([changes, command, tool].filter((field) => field !== undefined).length !== 1) return undefined
  return command !== undefined ? "command" : changes !== undefined ? "file-change" : "tool-call"
}

const accepts = ({ command, kind, path = "**", tool = "**" }: Match, asked: Asked): boolean => {
  if (certainKind(asked) !== kind) return false
  const { ask, inside = [] } = asked
  if (kind === "tool-call") return PathGlob.matches(tool, ask.tool ?? "")
  if (kind === "file-change") return inside.length > 0 && inside.every((one) => !isGuarded(one) && PathGlob.matches(path, one))
  const words = CommandLine.certain(ask.command ?? "")
  if (words === undefined) return false
  return command === undefined || CommandLine.startsWith(words, CommandLine.certain(command) ?? [])
}

const pathsOf = ({ ask, cwd, inside = [] }: Asked): ReadonlyArray<string> => [
  ...inside,
  ...(ask.changes ?? []).flatMap(({ movedTo, path }) =>
    [path, ...(movedTo === undefined ? [] : [movedTo])].map((one) => (isAbsolute(one) ? relative(cwd, one) : one))
  )
]

const declines = ({ command, kind, path, tool }: Match, asked: Asked): boolean => {
  const { ask } = asked
  if (kind === "command")
    return ask.command !== undefined && (command === undefined || CommandLine.mentions(ask.command, command))
  if (kind === "file-change")
    return ask.changes !== undefined && (path === undefined || pathsOf(asked).some((one) => PathGlob.matches(path, one, true)))
  return ask.tool !== undefined && (tool === undefined || PathGlob.matches(tool, ask.tool, true))
}

/** The first rule that matches. */
export const matching = (rules: ApprovalRules, asked: Asked): ApprovalRule | undefined =>
  rules.find(({ decision, match }) => (decision === "accept" ? accepts : declines)(match, asked))

const matchOf = (kind: Match["kind"], { ask, inside = [] }: Asked): Match | undefined => {
  if (kind === "command") return { kind, command: CommandLine.inner(ask.command ?? "") }
  const [path, ...others] = kind === "file-change" ? inside : [ask.tool ?? ""]
  if (path === undefined || others.length > 0 || /[*?]/.test(path)) return undefined
  return kind === "file-change" ? { kind, path } : { kind, tool: path }
}

/** The rule that accepts this request and as little else as a rule can; `undefined`: no rule can accept it. */
export const proposed = (asked: Asked): ApprovalRule | undefined => {
  const kind = certainKind(asked)
  const match = kind === undefined ? undefined : matchOf(kind, asked)
  const rule = match === undefined ? undefined : ({ match, decision: "accept" } as const)
  return rule !== undefined && isRule(rule) && matching([rule], asked) !== undefined ? rule : undefined
}
