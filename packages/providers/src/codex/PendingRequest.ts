/**
 * Maps Codex's server requests to `Ask`, and our answers to its results.
 * `availableDecisions` is not a limit: Codex 0.169 lists accept and cancel, and also accepts decline and acceptForSession (measured).
 */
import type { Answer, Decision, FileChange, Question } from "@millrace/contracts/Item"
import { isRecord, optional } from "../Fields.ts"
import type { NativeAsk } from "../NativeEvent.ts"
import { oneLine } from "../OneLine.ts"
import type { ServerRequest } from "./Wire.ts"

type Known = Extract<ServerRequest, { readonly _tag: "Known" }>

export interface PendingRequest {
  readonly ask: NativeAsk
  /** The JSON-RPC result that carries an answer back. */
  readonly result: (answer: Answer) => unknown
}

const native = { accept: "accept", "accept-for-session": "acceptForSession", decline: "decline", cancel: "cancel" } as const
const choices = ["accept", "accept-for-session", "decline", "cancel"] as const
/** Question answers to an approval count as decline: they allow nothing. */
const decisionOf = (answer: Answer): Decision => ("decision" in answer ? answer.decision : "decline")
const decided = (answer: Answer) => ({ decision: native[decisionOf(answer)] })

const granted = (permissions: unknown): unknown =>
  isRecord(permissions) ? Object.fromEntries(Object.entries(permissions).filter(([, value]) => value !== null)) : {}

/** `changes`: of the file-change item that the request refers to, when known. */
export const pending = (request: Known, changes: ReadonlyArray<FileChange> | undefined): PendingRequest => {
  switch (request.method) {
    case "item/commandExecution/requestApproval": {
      const { additionalPermissions: more, command, cwd, itemId, networkApprovalContext: network, reason } = request.params
      return {
        ask: {
          kind: "approval",
          title: oneLine(command ? `Run: ${command}` : (reason ?? "Allow what the agent asks?")),
          nativeItemId: itemId,
          ...optional("command", command),
          ...optional("cwd", cwd),
          // Accepting some requests also grants hosts or permissions.
          ...((network ?? more ?? undefined) === undefined ? { complete: true } : {}),
          ...optional("reason", reason),
          choices
        },
        result: decided
      }
    }
    case "item/fileChange/requestApproval": {
      const { grantRoot, itemId, reason } = request.params
      const files = changes?.map((change) => change.path).join(", ")
      return {
        ask: {
          kind: "approval",
          title: oneLine(files ? `Change: ${files}` : grantRoot ? `Write below ${grantRoot}` : "Change files"),
          nativeItemId: itemId,
          ...(changes ? { changes } : {}),
          ...(grantRoot ? {} : { complete: true }),
          ...optional("cwd", grantRoot),
          ...optional("reason", reason),
          choices
        },
        result: decided
      }
    }
    case "item/permissions/requestApproval": {
      const { cwd, itemId, permissions, reason } = request.params
      return {
        ask: {
          kind: "approval",
          title: oneLine(`Allow: ${reason ?? JSON.stringify(permissions)}`),
          nativeItemId: itemId,
          ...optional("cwd", cwd),
          reason: [reason, JSON.stringify(permissions)].filter(Boolean).join("\n"),
          choices: ["accept", "accept-for-session", "decline"]
        },
        result: (answer) => {
          const decision = decisionOf(answer)
          const accepted = decision === "accept" || decision === "accept-for-session"
          return {
            permissions: accepted ? granted(permissions) : {},
            scope: decision === "accept-for-session" ? "session" : "turn"
          }
        }
      }
    }
    case "item/tool/requestUserInput": {
      const { itemId, questions } = request.params
      const [first, ...rest] = questions
      const question = (asked: (typeof questions)[number]): Question => ({
        id: asked.id,
        text: asked.question,
        ...optional("header", asked.header),
        ...(asked.options
          ? { options: asked.options.map((option) => ({ label: option.label, ...optional("description", option.description) })) }
          : {}),
        ...(asked.isSecret === true ? { secret: true } : {})
      })
      return {
        ask: {
          kind: "question",
          title: oneLine(first.question),
          nativeItemId: itemId,
          questions: [question(first), ...rest.map(question)]
        },
        // A decision instead of answers is sent as no answers.
        result: (answer) => ({
          answers: Object.fromEntries(
            Object.entries("answers" in answer ? answer.answers : {}).map(([id, answers]) => [id, { answers }])
          )
        })
      }
    }
  }
}
