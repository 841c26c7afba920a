/** Answers the contract's endpoints with the service. A dispatched command completes even if its client disconnects (D11). */
import { defined } from "@millrace/contracts/Defined"
import { HttpLayerRouter, HttpServerResponse } from "@effect/platform"
import { randomUUID } from "node:crypto"
import { Effect, Layer, Schema } from "effect"
import { ApiGroup } from "@millrace/contracts/Api"
import { served } from "@millrace/contracts/Capabilities"
import type { Command } from "@millrace/contracts/Command"
import { format } from "@millrace/contracts/Cursor"
import { BadRequest } from "@millrace/contracts/Errors"
import { CommandId } from "@millrace/contracts/Ids"
import { EventLog } from "@millrace/log/EventLog"
import { storageUnavailable } from "@millrace/log/StorageError"

import * as AuditLog from "../auth/AuditLog.ts"
import * as Scopes from "../auth/Scopes.ts"
import * as TokenAdmin from "../auth/TokenAdmin.ts"
import { Session, sessionRequired } from "../auth/Session.ts"
import { Tokens } from "../auth/Tokens.ts"
import * as AgentProcesses from "../AgentProcesses.ts"
import * as Commands from "../Commands.ts"
import { LogDisk } from "../LogDisk.ts"
import { Service } from "../Service.ts"
import * as Blobs from "./Blobs.ts"
import * as Events from "./Events.ts"
import * as Respond from "./Respond.ts"
import * as Routes from "./Routes.ts"
import * as TurnWait from "./TurnWait.ts"
import * as Transfer from "./Transfer.ts"
import * as WorkspaceDiffs from "./WorkspaceDiffs.ts"
import * as WorkspaceFiles from "./WorkspaceFiles.ts"

/** The command id: the caller's `Idempotency-Key`, or a new id. */
const commandId = (key: string | undefined): Effect.Effect<CommandId, BadRequest> =>
  key === undefined
    ? Effect.sync(() => CommandId.make(`cmd_${randomUUID()}`))
    : Effect.mapError(
        Schema.decode(CommandId)(key),
        () =>
          new BadRequest({
            path: "idempotency-key",
            message: "Idempotency-Key must be 1 to 200 printable ASCII characters without spaces."
          })
      )

const paging = ({ before, limit }: { readonly before?: number | undefined; readonly limit?: number | undefined }) => ({
  ...defined({ before, limit })
})

const make = Effect.gen(function* () {
  const service = yield* Service
  const log = yield* EventLog
  const tokens = yield* Tokens
  const disk = yield* LogDisk
  const events = yield* Events.make
  const turn = yield* TurnWait.make

  const dispatch = (command: Command) =>
    Effect.flatMap(Session, ({ actor, scope }) =>
      Effect.zipRight(
        Scopes.permit(scope, command.type),
        Effect.uninterruptible(service.dispatch(Commands.withDefaultCwd(command), actor))
      )
    )

  const handlers: Routes.Handlers = {
    state: ({ request }) =>
      Effect.gen(function* () {
        // The snapshot is a function of the log's offset: the same offset means the same answer.
        const known = request.headers["if-none-match"]
        const now = `"${format(log.epoch, yield* log.head)}"`
        if (known?.includes(now) === true)
          return HttpServerResponse.empty({ status: 304, headers: { etag: now, "cache-control": "private, no-cache" } })
        const state = yield* service.state
        return Respond.json(state, {
          etag: `"${format(state.logEpoch, state.offset)}"`,
          "x-millrace-last-idx": String(state.offset),
          "cache-control": "private, no-cache"
        })
      }),
    events: ({ request }) => events(request),
    dispatch: ({ payload }) => dispatch(payload),
    commandStatus: ({ path }) => service.commandStatus(path.id),
    threads: ({ urlParams: { before, limit, ...filter } }) => service.threads({ ...paging({ before, limit }), ...filter }),
    createThread: ({ headers, payload }) =>
      Effect.flatMap(commandId(headers["idempotency-key"]), (commandId) =>
        dispatch({ ...payload, commandId, type: "thread.create" })
      ),
    thread: ({ path }) => service.thread(path.id),
    exportThread: ({ path, request, urlParams }) =>
      Effect.zipWith(Session, service.exportThread(path.id, urlParams.format ?? "json"), (session, document) =>
        Transfer.download(request, path.id, urlParams.format ?? "json", session, document)
      ),
    importThread: ({ request, urlParams }) =>
      Effect.scoped(
        Effect.flatMap(Effect.zip(Session, Transfer.upload(request)), ([{ actor }, source]) =>
          service.importThread({ source, actor, cwd: urlParams.cwd })
        )
      ),
    putBlob: ({ request }) => Effect.provideService(Blobs.upload(request), Service, service),
    getBlob: ({ path, request }) => Effect.provideService(Blobs.download(request, path.hash), Service, service),
    nativeThreads: ({ path, urlParams }) =>
      Effect.mapError(service.nativeThreads(path.id, { cwd: urlParams.cwd }), Transfer.unavailable(path.id)),
    importNative: ({ path, urlParams }) =>
      Effect.flatMap(Session, ({ actor }) =>
        Effect.mapError(
          service.importNative({ provider: path.id, nativeThreadId: path.thread, cwd: urlParams.cwd, actor }),
          Transfer.unavailable(path.id)
        )
      ),
    items: ({ path, urlParams }) => service.items(path.id, paging(urlParams)),
    turn: ({ path, urlParams }) => turn(path.id, urlParams.wait ?? 0),
    turns: ({ path, urlParams }) => service.turns(path.id, paging(urlParams)),
    files: ({ path, urlParams }) => service.searchFiles(path.id, urlParams),
    file: ({ path, request }) =>
      Effect.flatMap(WorkspaceFiles.pathOf(request.url), (name) =>
        Effect.map(service.readFile(path.id, name), (found) => WorkspaceFiles.answer(request, name, found))
      ),
    git: ({ path }) => service.gitSummary(path.id),
    threadDiff: ({ path, request, urlParams: { from, hunks, to } }) =>
      WorkspaceDiffs.answer(service, request, path.id, { from, to }, hunks === "1"),
    turnDiff: ({ path, request, urlParams }) =>
      WorkspaceDiffs.answer(service, request, path.id, { turnId: path.turn }, urlParams.hunks === "1"),
    rewindPreview: ({ path, payload }) => service.previewRewind(path.id, payload),
    worktrees: () => service.worktrees,
    startTurn: ({ path, headers, payload }) =>
      Effect.flatMap(commandId(headers["idempotency-key"]), (commandId) =>
        dispatch({ ...payload, commandId, type: "turn.start", threadId: path.id })
      ),
    interrupt: ({ path, headers, payload }) =>
      Effect.flatMap(commandId(headers["idempotency-key"]), (commandId) =>
        dispatch({ ...payload, commandId, type: "turn.interrupt", threadId: path.id })
      ),
    search: ({ urlParams: { before, limit, ...filter } }) => service.search({ ...paging({ before, limit }), ...filter }),
    requests: () => service.requests,
    answer: ({ path, headers, payload }) =>
      Effect.flatMap(commandId(headers["idempotency-key"]), (commandId) =>
        dispatch({ ...payload, commandId, type: "request.answer", requestId: path.id })
      ),
    capabilities: () => Effect.succeed(served),
    providers: () => service.providers,
    processes: () =>
      Effect.map(AgentProcesses.list(tokens.dataDir), (children) =>
        children.map(({ alive, epoch, memoryBytes, pid, processes, startedAt, threadId }) => ({
          pid,
          threadId,
          epoch,
          alive,
          startedAt: new Date(startedAt).toISOString(),
          ...defined({ processes, memoryBytes })
        }))
      ),
    logUsage: () => Effect.mapError(disk.current, storageUnavailable),
    tokens: () => TokenAdmin.list(tokens.dataDir),
    revokeToken: ({ path }) => TokenAdmin.revoke(tokens.dataDir, path.id),
    packLog: () =>
      Effect.gen(function* () {
        const { actor, tokenId } = yield* Session
        yield* AuditLog.write(tokens.dataDir, { action: "log.pack", actor, tokenId })
        return yield* service.packLog
      }),
    pruneLog: ({ payload }) =>
      Effect.gen(function* () {
        const { dryRun, force = false, maxBytes, olderThanDays } = payload
        if (olderThanDays === undefined && maxBytes === undefined)
          return yield* new BadRequest({ message: "body: olderThanDays or maxBytes, or both, is required" })
        const { actor, tokenId } = yield* Session
        if (dryRun !== true)
          yield* AuditLog.write(tokens.dataDir, { action: "log.prune", actor, tokenId, olderThanDays, maxBytes, force })
        return yield* service.pruneLog(payload)
      }),
    shutdown: ({ payload: { deadlineMs = 10_000, mode = "drain" } }) =>
      Effect.gen(function* () {
        const { actor, tokenId } = yield* Session
        yield* AuditLog.write(tokens.dataDir, { action: "shutdown", actor, tokenId, mode, deadlineMs })
        const begun = yield* Effect.uninterruptible(service.beginShutdown({ deadline: deadlineMs, mode, by: actor }))
        return HttpServerResponse.setStatus(Respond.json(begun, { "cache-control": "private, no-store" }), 202)
      })
  }
  return Routes.make(ApiGroup, handlers)
})

export const layer = Layer.provide(HttpLayerRouter.addAll(make), sessionRequired.layer)
