/** A large output through the whole program, over a SIGKILL. */
import { expect, it } from "@effect/vitest"
import type { ItemView } from "@millrace/contracts/Item"
import type { RequestView } from "@millrace/contracts/Item"
import { serve, type ServerProcess } from "@millrace/testing/ServerProcess"
import { temporaryDirectory } from "@millrace/testing/TemporaryDirectory"
import { Effect } from "effect"
import { createHash } from "node:crypto"
import { writeFileSync } from "node:fs"
import { join } from "node:path"
import { live, send } from "./support/Fixture.ts"

const bearer = ({ token }: ServerProcess) => ({ authorization: `Bearer ${token}` })
const get = (server: ServerProcess, path: string) => send(`${server.url}${path}`, { headers: bearer(server) })
const post = (server: ServerProcess, path: string, body: unknown) =>
  send(`${server.url}${path}`, { headers: bearer(server), body: JSON.stringify(body) })

/** 5 MiB of lines that do not compress well, with characters of two and four bytes. */
const output = Array.from(
  { length: 70_000 },
  (_, n) => `${createHash("sha256").update(String(n)).digest("base64")} é😀 ${n}\n`
).join("")

/** Runs `cat` in a new thread and returns its command item and the thread's id. */
const ran = (server: ServerProcess, cwd: string) =>
  Effect.scoped(
    Effect.gen(function* () {
      const { threadId } = JSON.parse(
        (yield* post(server, "/api/threads", { provider: "demo", cwd, turn: { text: "[[run cat large.txt]]" } })).body
      ) as { threadId: string }
      const events = yield* live(`${server.url}/api/events?stream=thread/${threadId}`, {
        accept: "text/event-stream",
        ...bearer(server)
      })
      yield* events.until("request.opened")
      const requests = JSON.parse((yield* get(server, "/api/requests")).body) as ReadonlyArray<RequestView>
      const request = requests.find((one) => one.threadId === threadId)
      yield* post(server, `/api/requests/${request?.requestId}/answer`, { decision: "accept" })
      yield* events.until('"type":"turn.completed"')
      const { items } = JSON.parse((yield* get(server, `/api/threads/${threadId}/items`)).body) as {
        items: ReadonlyArray<ItemView>
      }
      const item = items.find(({ kind }) => kind === "command")
      if (item === undefined) return yield* Effect.dieMessage("no command ran")
      return { threadId, item }
    })
  )

const bytesOf = (server: ServerProcess, hash: string) =>
  Effect.promise(async () => {
    const response = await fetch(`${server.url}/api/blobs/${hash}`, { headers: bearer(server) })
    return { status: response.status, body: Buffer.from(await response.arrayBuffer()) }
  })

it.live(
  "L22 L14 an output of 5 MiB is read back byte for byte after a SIGKILL; it is deleted with the last thread that has it",
  () =>
    Effect.gen(function* () {
      const dataDir = yield* temporaryDirectory
      writeFileSync(join(dataDir, "large.txt"), output)
      const first = yield* Effect.scoped(
        Effect.gen(function* () {
          const server = yield* serve({ dataDir })
          const found = yield* ran(server, dataDir)
          yield* server.kill("SIGKILL")
          yield* server.ended
          return found
        })
      )
      const blob = first.item.blobs?.["output"]
      const hash = createHash("sha256").update(output).digest("hex")
      expect(blob).toEqual({ hash, bytes: Buffer.byteLength(output), mediaType: "text/plain" })
      expect(output.startsWith(first.item.output ?? "")).toBe(true)
      expect(Buffer.byteLength(first.item.output ?? "")).toBeLessThanOrEqual(16 * 1024)
      const server = yield* serve({ dataDir })
      expect((yield* bytesOf(server, hash)).body.equals(Buffer.from(output))).toBe(true)
      const second = yield* ran(server, dataDir)
      expect(second.item.blobs?.["output"]).toEqual(blob)
      const remove = (threadId: string) =>
        post(server, "/api/commands", { commandId: `d-${threadId}`, type: "thread.delete", threadId })
      yield* remove(first.threadId)
      expect((yield* bytesOf(server, hash)).status).toBe(200)
      yield* remove(second.threadId)
      expect((yield* bytesOf(server, hash)).status).toBe(404)
    }).pipe(Effect.scoped)
)
