/** Real agents edit files in a real repository under a whole host; the turn's diff, a rewind and the next turn. Run by `pnpm test:real`. */
import { expect, it } from "@effect/vitest"
import type { LogEvent } from "@millrace/contracts/Event"
import type { ThreadId, TurnId } from "@millrace/contracts/Ids"
import * as Host from "@millrace/host/Host"
import type { RegistryOptions } from "@millrace/providers/Registry"
import { Chunk, Context, Effect, Layer, type Scope, Stream } from "effect"
import { execFileSync, spawn } from "node:child_process"
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs"
import { join, resolve } from "node:path"
import { createInterface } from "node:readline"
import { codexBin, type CodexMissing, makeCodexHome } from "./CodexHome.ts"
import * as ModelEndpoint from "./ModelEndpoint.ts"
import { command } from "./Orchestration.ts"
import { temporaryDirectory } from "./TemporaryDirectory.ts"

interface Agent {
  readonly providers: RegistryOptions
  /** A prompt after which the scripted model runs the command, and nothing else. */
  readonly shell: (run: string) => string
  readonly say: (text: string) => string
}

const codex = Effect.gen(function* () {
  const endpoint = yield* ModelEndpoint.make
  const home = yield* makeCodexHome(endpoint)
  const options = { binary: yield* codexBin, home: home.home, codexHome: home.codexHome }
  return {
    providers: { codex: options, claude: false },
    shell: (run) => `[[shell ${run}]]`,
    say: (text) => `[[say ${text}]]`
  } satisfies Agent
})

const binary = process.env["MILLRACE_CLAUDE_BIN"] ?? ""
const script = resolve(import.meta.dirname, "../../providers/test/claude/endpoint.mjs")
const claudeEndpoint = Effect.acquireRelease(
  Effect.async<{ readonly port: number; readonly kill: () => void }>((resume) => {
    const child = spawn(process.execPath, [script], { stdio: ["ignore", "pipe", "inherit"] })
    createInterface({ input: child.stdout }).once("line", (line) => {
      const { port } = JSON.parse(line) as { readonly port: number }
      resume(Effect.succeed({ port, kill: () => void child.kill() }))
    })
  }),
  ({ kill }) => Effect.sync(kill)
)
const claude = Effect.gen(function* () {
  const { port } = yield* claudeEndpoint
  const home = yield* temporaryDirectory
  const env = {
    ANTHROPIC_BASE_URL: `http://127.0.0.1:${port}`,
    ANTHROPIC_API_KEY: "not-a-real-key",
    ANTHROPIC_MODEL: "claude-sonnet-4-5",
    IS_SANDBOX: "1"
  }
  const options = { binary, home, configDir: join(home, ".claude"), settingSources: [], env }
  return {
    providers: { codex: false, claude: options },
    shell: (run) => `[[shell cmd=${JSON.stringify(run)}]]`,
    say: (text) => `[[say text=${JSON.stringify(text)}]]`
  } satisfies Agent
})

const repository = Effect.map(temporaryDirectory, (base) => {
  const root = join(base, "project")
  mkdirSync(root)
  const git = (...args: ReadonlyArray<string>) =>
    execFileSync("git", ["-c", "user.name=person", "-c", "user.email=person@example.com", ...args], { cwd: root })
  git("init", "-q")
  writeFileSync(join(root, "changed"), "one\r\ntwo\n")
  writeFileSync(join(root, "deleted"), Buffer.from([0, 255, 13, 10]))
  git("add", "-A")
  git("commit", "-q", "-m", "one")
  writeFileSync(join(root, "untracked"), "of a person\n")
  return root
})
/** The bytes of every file, as latin1. */
const filesOf = (root: string) =>
  Object.fromEntries(
    readdirSync(root)
      .filter((name) => name !== ".git")
      .toSorted()
      .map((name) => [name, readFileSync(join(root, name), "latin1")])
  )

const rewinds = (provider: string, agent: Effect.Effect<Agent, CodexMissing, Scope.Scope>) =>
  Effect.gen(function* () {
    const { providers, say, shell } = yield* agent
    const root = yield* repository
    const dataDir = yield* temporaryDirectory
    const checkpointing = { wait: "60 seconds", closeWithin: "60 seconds" } as const
    const layer = Host.layer({ dataDir, synchronous: "NORMAL", providers: { acp: false, ...providers }, checkpointing })
    const host = Context.get(yield* Layer.build(layer), Host.Host)
    const index = readFileSync(join(root, ".git/index"))
    const before = filesOf(root)
    const until = (isLast: (event: LogEvent) => boolean) =>
      host.follow({}).pipe(
        Stream.mapConcat((frame) => (frame._tag === "event" ? [frame.event] : [])),
        Stream.takeUntil(isLast),
        Stream.runCollect,
        Effect.map(Chunk.toReadonlyArray)
      )
    const isEndOf = (turnId: unknown) => (event: LogEvent) => {
      const data = event.data as { readonly turnId?: string; readonly point?: string }
      return event.type.startsWith("checkpoint.") && data.turnId === turnId && data.point === "end"
    }
    const edit = shell("printf new >created; printf two >>changed; rm deleted")
    const turn = { text: edit }
    const made = yield* host.dispatch(command("thread.create", { provider, cwd: root, permissionMode: "full-access", turn }))
    const [threadId, turnId] = [made.threadId as ThreadId, made.turnId as TurnId]
    const first = yield* until(isEndOf(turnId))
    expect(first.map(({ type }) => type)).toContain("turn.completed")
    expect(filesOf(root)).toEqual({ changed: `${before["changed"]}two`, created: "new", untracked: before["untracked"] })
    const { files, late } = yield* host.diff(threadId, { turnId })
    expect({ late, files: files.map(({ path, status }) => [path, status]) }).toEqual({
      late: undefined,
      files: [
        ["changed", "modified"],
        ["created", "added"],
        ["deleted", "deleted"]
      ]
    })

    const { expected, files: planned } = yield* host.previewRewind(threadId, { turnId, files: true, conversation: true })
    expect(planned.map(({ change, path }) => [path, change])).toEqual([
      ["changed", "restore"],
      ["created", "delete"],
      ["deleted", "create"]
    ])
    const request = { threadId, turnId, files: true, conversation: true, expected }
    const rewound = yield* host.dispatch(command("thread.rewind", request))
    expect(filesOf(root)).toEqual(before)
    expect(readFileSync(join(root, ".git/index"))).toEqual(index)
    expect(rewound).toMatchObject({ checkpoint: expect.any(String), threadId: expect.stringMatching(/^thr_/) })

    for (const thread of [threadId, rewound.threadId as ThreadId]) {
      const next = yield* host.dispatch(command("turn.start", { threadId: thread, text: say("the next turn") }))
      const events = yield* until(isEndOf(next.turnId))
      const done = events.find(
        ({ data, type }) => type === "turn.completed" && (data as { turnId?: string }).turnId === next.turnId
      )
      expect(done, `the next turn of ${thread}`).toBeDefined()
    }
    expect(filesOf(root)).toEqual(before)
  })

it.scopedLive("W7 Codex: a turn that edits three files, its diff, a rewind of files and conversation, the next turns", () =>
  rewinds("codex", codex)
)
it.scopedLive.skipIf(binary === "")(
  "W7 Claude: a turn that edits three files, its diff, a rewind of files and conversation, the next turns",
  () => rewinds("claude", claude)
)
