/** An editor: the client of the ACP SDK with a `millrace acp` process. */
import { spawn } from "node:child_process"
import { resolve } from "node:path"
import { Readable, Writable } from "node:stream"
import {
  client,
  type ClientContext,
  methods,
  ndJsonStream,
  type RequestPermissionRequest,
  type RequestPermissionResponse,
  type SessionUpdate
} from "@agentclientprotocol/sdk"
import { Effect } from "effect"

const main = resolve(import.meta.dirname, "../../dist/main.mjs")

export interface Asked {
  readonly request: RequestPermissionRequest
  /** Aborted when the request is withdrawn. */
  readonly signal: AbortSignal
  readonly answer: (response: RequestPermissionResponse) => void
}

export interface Editor {
  readonly agent: ClientContext
  readonly updates: ReadonlyArray<SessionUpdate>
  readonly asked: ReadonlyArray<Asked>
  /** Resolves when the condition holds after an update or a permission request. */
  readonly until: (condition: () => boolean) => Effect.Effect<void>
  /** Writes a line to the process. */
  readonly write: (line: string) => void
  /** Each line of the process's output. */
  readonly lines: ReadonlyArray<string>
  readonly kill: Effect.Effect<void>
}

/** The joined text of the updates of this kind. */
export const textOf = (updates: ReadonlyArray<SessionUpdate>, kind: SessionUpdate["sessionUpdate"]): string =>
  updates
    .map((update) =>
      update.sessionUpdate === kind && "content" in update && update.content !== null && "text" in update.content
        ? update.content.text
        : ""
    )
    .join("")

/** Starts the process and initializes the connection. The process is killed with the scope. */
export const open = (dataDir: string, args: ReadonlyArray<string> = []) =>
  Effect.acquireRelease(
    Effect.promise(async (): Promise<Editor> => {
      const child = spawn(process.execPath, [main, "acp", "--data", dataDir, ...args], {
        stdio: ["pipe", "pipe", "ignore"],
        env: { ...process.env, MILLRACE_PROVIDER: "", MILLRACE_TOKEN: "" }
      })
      const ended = new Promise<void>((done) => child.once("close", () => done()))
      const updates: Array<SessionUpdate> = []
      const asked: Array<Asked> = []
      const lines: Array<string> = []
      const watchers = new Set<() => void>()
      const changed = () => {
        for (const watch of watchers) watch()
      }
      const [output, tap] = (Readable.toWeb(child.stdout) as ReadableStream<Uint8Array>).tee()
      void (async () => {
        let rest = ""
        for await (const bytes of tap) {
          const parts = (rest + Buffer.from(bytes).toString("utf8")).split("\n")
          rest = parts.pop() ?? ""
          lines.push(...parts)
          changed()
        }
      })()
      const connection = client({ name: "test" })
        .onNotification(methods.client.session.update, ({ params }) => {
          updates.push(params.update)
          changed()
        })
        .onRequest(
          methods.client.session.requestPermission,
          ({ params, signal }) =>
            new Promise<RequestPermissionResponse>((answer, reject) => {
              signal.addEventListener("abort", () => {
                reject(signal.reason as Error)
                changed()
              })
              asked.push({ request: params, signal, answer })
              changed()
            })
        )
        .connect(ndJsonStream(Writable.toWeb(child.stdin) as WritableStream<Uint8Array>, output))
      await connection.agent.request(methods.agent.initialize, { protocolVersion: 1, clientCapabilities: {} })
      return {
        agent: connection.agent,
        updates,
        asked,
        lines,
        write: (line) => void child.stdin.write(`${line}\n`),
        until: (condition) =>
          Effect.async((done) => {
            const check = () => {
              if (!condition()) return
              watchers.delete(check)
              done(Effect.void)
            }
            watchers.add(check)
            check()
          }),
        kill: Effect.promise(() => {
          child.kill("SIGKILL")
          return ended
        })
      }
    }),
    ({ kill }) => kill
  )
