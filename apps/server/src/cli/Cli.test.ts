/** The program at a shell: exit codes, output streams and messages. The server is real; each test supplies a scripted service. */
import { spawn } from "node:child_process"
import { existsSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs"
import { join, resolve } from "node:path"
import { describe, expect, it } from "@effect/vitest"
import { Effect } from "effect"
import type { Accepted, Command } from "@millrace/contracts/Command"
import { format } from "@millrace/contracts/Cursor"
import { CommandRejected } from "@millrace/contracts/Errors"
import { type DataOf, type EventType } from "@millrace/contracts/Event"
import { ItemId, RequestId, ThreadId, TurnId } from "@millrace/contracts/Ids"
import * as Program from "@millrace/testing/Program"
import { temporaryDirectory } from "@millrace/testing/TemporaryDirectory"
import * as Fixture from "../../test/support/Fixture.ts"
import * as Cli from "./Cli.ts"
import * as Discovery from "./client/Discovery.ts"
import * as Help from "./Help.ts"

const threadId = ThreadId.make("thr_new")
const turnId = TurnId.make("trn_1")
const itemId = ItemId.make("itm_1")
const requestId = RequestId.make("req_1")
const turn = { threadId, turnId }
const event = <T extends EventType>(type: T, data: DataOf<T>) => ({
  stream: `thread/${threadId}`,
  type,
  at: "2026-11-20T09:00:00.000Z",
  epoch: 1,
  data
})
const started = event("turn.started", { ...turn, origin: "user" })
const said = (text: string) => event("item.delta", { ...turn, itemId, kind: "agent-message", text })
const message = (text: string) => event("item.completed", { ...turn, itemId, kind: "agent-message", status: "completed", text })

/** A server that the command line finds, whose turns the test scripts. */
const service = (onTurn: (fixture: Fixture.Fixture, command: Command) => Effect.Effect<void>) =>
  Effect.gen(function* () {
    const fixture = yield* Fixture.start()
    const tokenFile = join(fixture.dataDir, "cli-token")
    writeFileSync(tokenFile, fixture.token)
    yield* Effect.orDie(Discovery.write(fixture.dataDir, { url: fixture.url, pid: process.pid, tokenFile, startedAt: "now" }))
    fixture.fake.threads.add(threadId)
    fixture.fake.dispatch = (command) =>
      Effect.gen(function* () {
        const cursor = format(fixture.log.epoch, yield* fixture.log.head)
        yield* onTurn(fixture, command)
        const offset = yield* fixture.log.head
        const accepted: Accepted = { status: "accepted", commandId: command.commandId, offset, cursor, threadId, turnId }
        return accepted
      })
    return fixture
  })

const clean = (ended: Program.Ended) => {
  // No stack traces, no logger JSON, no escapes where there is no terminal.
  expect(ended.stderr).not.toMatch(/\n\s+at |"_tag"/)
  expect(ended.stdout + ended.stderr).not.toContain("\u001B")
}

describe("millrace", () => {
  it("the overview has every command, and no other", () => {
    expect(Help.commandNames.toSorted()).toEqual([...Cli.names, "help", "version"].toSorted())
  })

  it.live("usage: wrong flags and arguments exit with 2 and one line that names them", () =>
    Effect.gen(function* () {
      const dataDir = yield* temporaryDirectory
      const wrong: ReadonlyArray<readonly [ReadonlyArray<string>, string]> = [
        [["run", "hello", "--approve", "maybe"], "--approve: expected never, always, ask"],
        [["run"], "PROMPT"],
        [["run", "hello", "--attach", "/does/not/exist"], "--attach: /does/not/exist cannot be read"],
        [["run", "hello", "--attach", "/"], "--attach: / is not a file"],
        [["run", "hello", "--cwd", "/does/not/exist"], "not a directory"],
        [["serve", "--port", "70000"], "--port: expected a whole number from 0 to 65535"],
        [["serve", "--allow-origin", "*"], "--allow-origin: expected an origin, like https://app.example"],
        [["serve", "--allow-origin", "https://app.example/path"], "--allow-origin: expected an origin, like https://app.example"],
        [["tail", "--thread", "x"], "--thread: expected a thread id"],
        [["goal", "show", "x"], "THREAD: expected a thread id"],
        [["run", "--nope"], "'--nope'"],
        [["token", "create", "--nope"], "'--nope'"],
        [["token", "create", "two\nlines\u001B[2J"], "NAME"],
        [["token", "create", "--thread", "thr_a"], "cannot limit a token to a thread"],
        [["token", "create", "--project", "prj_a"], "cannot limit a token to a project"],
        [["token", "create", "--scope", "all"], "--scope: expected read, answer, operate, admin, runner"],
        [["token", "create", "--expires", "soon"], "--expires: expected a time such as 30s, 10m, 2h or 7d"],
        [["token", "create", "--admin", "--scope", "read"], "contradict"],
        [["threads", "--data", ""], "--data: expected a directory"],
        [["queue", "move", "thr_a"], "TURN"],
        [["send", "thr_a", "hi", "--steer", "--reject"], "only one of --steer, --interrupt and --reject"],
        [["wait", "nonsense", "--url", "http://127.0.0.1:9"], "id of a turn or a thread"],
        [["thraeds"], 'There is no command "thraeds". Did you mean threads? See: millrace --help'],
        [["run", "hello", "--providr", "demo"], "'--providr'. Did you mean --provider? See: millrace run --help"],
        [["token", "create", "--expire", "1h"], "Did you mean '--expires'?"],
        [["run", "--provder", "demo", "hello"], "Did you mean '--provider'? See: millrace run --help"],
        [["help", "thraeds"], 'There is no command "thraeds". Did you mean threads? See: millrace --help'],
        [["thraeds", "--help"], 'There is no command "thraeds". Did you mean threads? See: millrace --help'],
        [["frobnicate"], 'There is no command "frobnicate". See: millrace --help'],
        [["token", "crate"], 'There is no command "token crate". Did you mean token create? See: millrace token --help'],
        [["help", "queue", "mov"], 'There is no command "queue mov". Did you mean queue move? See: millrace queue --help'],
        [["frobnicate", "--help"], 'There is no command "frobnicate". See: millrace --help'],
        [["service", "--print"], "service needs one of install, status, uninstall. See: millrace service --help"],
        [["queue", "move"], "Missing argument <THREAD>. See: millrace queue move --help"],
        [["version", "--json"], "version takes no arguments."],
        [["rename", "thr_a", ""], "TITLE: Expected a string at least 1 character"],
        [["rewnd", "thr_a"], 'There is no command "rewnd". Did you mean rewind? See: millrace --help'],
        [["commit", "thr_a"], "Missing option --message. See: millrace commit --help"],
        [["commit", "thr_a", "-m", " "], '--message: expected a text, got " ". See: millrace commit --help']
      ]
      const ends = yield* Effect.forEach(wrong, ([args]) => Program.run(args, { env: { MILLRACE_DATA: dataDir } }), {
        concurrency: 4
      })
      ends.forEach((ended, n) => {
        const [args, words] = wrong[n] ?? [[], ""]
        expect(ended, args.join(" ")).toMatchObject({ code: 2, stdout: "" })
        expect(ended.stderr.trimEnd().split("\n").length, ended.stderr).toBe(1)
        expect(ended.stderr).toContain(words)
        clean(ended)
      })
    }).pipe(Effect.scoped)
  )

  it.live("X9 token create: the scope, the expiry and the creator are in the answer and in the list", () =>
    Effect.gen(function* () {
      const dataDir = yield* temporaryDirectory
      const token = (...args: ReadonlyArray<string>) => Program.run(["token", ...args], { env: { MILLRACE_DATA: dataDir } })
      const made = yield* token("create", "bot", "--scope", "answer", "--expires", "2h", "--json")
      const record = JSON.parse(made.stdout) as Record<string, string>
      expect(record).toMatchObject({ name: "bot", scope: "answer", createdBy: "local", id: expect.stringMatching(/^tok_/) })
      expect(Date.parse(record["expiresAt"] ?? "") - Date.parse(record["createdAt"] ?? "")).toBeLessThan(7_300_000)
      expect(Date.parse(record["expiresAt"] ?? "") - Date.parse(record["createdAt"] ?? "")).toBeGreaterThan(7_100_000)
      yield* token("create", "owner", "--admin")
      yield* token("create", "plain")
      const { stdout } = yield* token("list")
      expect(stdout).toMatch(/answer.*until .*bot\n.*admin.*live.*owner\n.*operate.*live.*plain/)
      expect((yield* token("revoke", record["id"] ?? "")).code).toBe(0)
      expect((yield* token("list")).stdout).toMatch(/answer.*revoked.*bot/)
    }).pipe(Effect.scoped)
  )

  it.live("no server: a command that needs one exits with 1 and says how to start one, also if a dead server left its file", () =>
    Effect.gen(function* () {
      const dataDir = yield* temporaryDirectory
      yield* Effect.orDie(Discovery.write(dataDir, { url: "http://127.0.0.1:9", pid: 2 ** 22 + 1, startedAt: "then" }))
      for (const args of [["tail"], ["compact", "thr_a"], ["goal", "clear", "thr_a"]]) {
        const ended = yield* Program.run([...args, "--data", dataDir])
        expect(ended, args.join(" ")).toMatchObject({ code: 1, stdout: "" })
        expect(ended.stderr).toContain("millrace serve")
        clean(ended)
      }
    }).pipe(Effect.scoped)
  )

  it.live(
    "run: the unchanged answer on standard output, everything else on standard error; exit 0, 1 or 3 by the turn's end",
    () =>
      Effect.gen(function* () {
        const fixture = yield* service((own, command) =>
          command.type === "thread.create" && command.turn?.text === "fail"
            ? own.append(
                started,
                event("turn.failed", {
                  ...turn,
                  error: { kind: "unknown", message: "Sign in \u001B]52;c;aGk=\u0007first: codex login\u001B[2J" }
                })
              )
            : own.append(
                started,
                said("Hello, "),
                said("wor"),
                message("Hello, world"),
                // The end of another turn of the thread does not end this one.
                event("turn.failed", { threadId, turnId: TurnId.make("trn_other"), error: { kind: "unknown", message: "no" } }),
                event("turn.completed", turn)
              )
        )
        const args = ["--data", fixture.dataDir]
        const [plain, json, broken] = yield* Effect.all(
          [
            Program.run(["run", "hi", ...args]),
            Program.run(["run", "hi", "--json", ...args]),
            Program.run(["run", "-", ...args], { input: "fail" })
          ],
          { concurrency: 1 }
        )
        expect(plain).toMatchObject({ code: 0, stdout: "Hello, world\n" })
        expect(plain.stderr).toContain("demo · thr_new")
        const types = json.stdout
          .trimEnd()
          .split("\n")
          .map((line) => (JSON.parse(line) as { type: string }).type)
        expect(types).toEqual(["turn.started", "item.delta", "item.delta", "item.completed", "turn.completed"])
        expect(broken).toMatchObject({ code: 1, stdout: "" })
        expect(broken.stderr).toContain("Sign in first: codex login")
        for (const ended of [plain, json, broken]) clean(ended)
      }).pipe(Effect.scoped, Fixture.fair)
  )

  it.live.runIf(existsSync("/dev/full"))(
    "T11 a failed write to standard output is no success; a server continues and reports it",
    () =>
      Effect.gen(function* () {
        const fixture = yield* service((own) => own.append(started, said("lost"), message("lost"), event("turn.completed", turn)))
        const main = resolve(import.meta.dirname, "../../dist/main.mjs")
        const full = (...args: ReadonlyArray<string>) =>
          Effect.async<readonly [number | null, string]>((resume) => {
            const line = ["-c", 'exec "$0" "$@" > /dev/full', process.execPath, main, ...args]
            const shell = spawn("/bin/sh", line, { stdio: ["pipe", "ignore", "pipe"] })
            let text = ""
            shell.stdin.end()
            shell.stderr.setEncoding("utf8").on("data", (data: string) => (text += data))
            shell.once("close", (end) => resume(Effect.succeed([end, text])))
          })
        const words = expect.stringContaining("Cannot write to standard output: ")
        expect(yield* full("run", "hi", "--data", fixture.dataDir)).toEqual([1, words])
        expect(yield* full()).toEqual([1, words])
        const dataDir = yield* temporaryDirectory
        const [code, told] = yield* full("serve", "--port", "0", "--parent-fd", "0", "--data", dataDir)
        expect(code, "it ran until its parent had gone").toBe(0)
        expect(told).toMatch(/ready at http.*Cannot write to standard output: [^]*the parent process has exited/)
      }).pipe(Effect.scoped)
  )

  it.live("T19 run: exit 4 when the agent is not signed in, with what to run", () =>
    Effect.gen(function* () {
      const reason = "Not signed in. Run `codex login` on the machine of the server, then accept: the prompt is sent again."
      const fixture = yield* service((own) =>
        own.append(
          started,
          event("turn.failed", { ...turn, reason, error: { kind: "auth", message: "Not signed in." } }),
          event("request.opened", {
            ...turn,
            requestId,
            kind: "sign-in",
            title: "Sign in to codex",
            instructions: "Run `codex login`.",
            command: "codex login",
            choices: ["accept", "decline"]
          })
        )
      )
      const ended = yield* Program.run(["run", "hi", "--data", fixture.dataDir])
      expect(ended).toMatchObject({ code: 4 })
      expect(ended.stderr).toContain(`millrace: ${reason}\nThen: millrace answer REQUEST accept.`)
      expect(ended.stderr).toContain("millrace requests")
      clean(ended)
    }).pipe(Effect.scoped, Fixture.fair)
  )

  it.live(
    "T13 run without a terminal: exit 4 when a person must decide; the request stays open, and a message says how to answer",
    () =>
      Effect.gen(function* () {
        const answered: Array<Command> = []
        const opened = event("request.opened", {
          ...turn,
          requestId,
          kind: "approval",
          title: "Run: npm test",
          choices: ["accept", "decline"]
        })
        const fixture = yield* service((own, command) => {
          if (command.type !== "request.answer") return own.append(started, opened)
          answered.push(command)
          return own.append(
            event("request.answered", { ...turn, requestId, by: "cli", decision: "accept" }),
            event("turn.completed", turn)
          )
        })
        const asked = yield* Program.run(["run", "hi", "--data", fixture.dataDir])
        expect(asked).toMatchObject({ code: 4 })
        expect(asked.stderr).toContain("Run: npm test")
        expect(asked.stderr).toContain("millrace answer req_1 accept|decline")
        expect(answered).toEqual([])
        const always = yield* Program.run(["run", "hi", "--approve", "always", "--data", fixture.dataDir])
        expect(always.code).toBe(0)
        expect(answered).toMatchObject([{ type: "request.answer", requestId, decision: "accept" }])
        for (const ended of [asked, always]) clean(ended)
      }).pipe(Effect.scoped, Fixture.fair)
  )

  it.live("T7 run: the first Ctrl-C interrupts the turn (exit 3 when it has ended), the second exits at once", () =>
    Effect.gen(function* () {
      const commands: Array<Command> = []
      let stubborn = false
      const fixture = yield* service((own, command) => {
        commands.push(command)
        if (command.type !== "turn.interrupt") return own.append(started, said("thinking about it\n"))
        return stubborn ? Effect.void : own.append(event("turn.interrupted", { ...turn, reason: "asked to stop" }))
      })
      const first = yield* Program.start(["run", "hi", "--data", fixture.dataDir])
      yield* first.until("thinking about it")
      yield* first.kill("SIGINT")
      expect(yield* first.ended).toMatchObject({ code: 3 })
      expect(commands.at(-1)).toMatchObject({ type: "turn.interrupt", threadId, turnId })
      stubborn = true
      const second = yield* Program.start(["run", "hi", "--data", fixture.dataDir])
      yield* second.until("thinking about it")
      yield* second.kill("SIGINT")
      yield* second.until("again to leave")
      yield* second.kill("SIGINT")
      const left = yield* second.ended
      expect(left.code).toBe(3)
      expect(left.stderr).toContain("millrace tail --thread thr_new")
    }).pipe(Effect.scoped, Fixture.fair)
  )

  it.live("errors of the service are one line: an unknown thread, an unknown provider", () =>
    Effect.gen(function* () {
      const fixture = yield* service(() => Effect.void)
      fixture.fake.dispatch = () =>
        Effect.fail(new CommandRejected({ rule: "ProviderUnknown", id: "x", message: "There is no provider x." }))
      const unknown = yield* Program.run(["run", "hi", "--thread", "thr_nope", "--data", fixture.dataDir])
      expect(unknown).toMatchObject({ code: 1, stderr: "millrace: There is no thread thr_nope. See: millrace threads\n" })
      const provider = yield* Program.run(["run", "hi", "--provider", "x", "--data", fixture.dataDir])
      expect(provider).toMatchObject({ code: 1, stderr: "millrace: There is no provider x. See: millrace providers\n" })
    }).pipe(Effect.scoped, Fixture.fair)
  )

  it.live("D2 tail: every event as it was committed; a closed pipe is no error", () =>
    Effect.gen(function* () {
      const fixture = yield* service(() => Effect.void)
      yield* fixture.append(...Array.from({ length: 500 }, (_, n) => Fixture.event(n)))
      const tail = yield* Program.start(["tail", "--json", "--data", fixture.dataDir])
      yield* tail.until('"offset":500,')
      yield* fixture.append(Fixture.event(500))
      yield* tail.until('"offset":501,')
      yield* tail.closeOutput
      yield* fixture.append(Fixture.event(501), Fixture.event(502))
      const ended = yield* tail.ended
      expect(ended).toMatchObject({ code: 0, stderr: "" })
      const page = yield* fixture.log.read({ after: 0, limit: 501, maxBytes: 10_000_000 })
      expect(ended.stdout.split("\n").slice(0, 501)).toEqual(page.events.map(({ json }) => json))
    }).pipe(Effect.scoped, Fixture.fair)
  )

  it.live("X4 export --out writes a new file: it follows no symbolic link and overwrites no file", () =>
    Effect.gen(function* () {
      const root = yield* temporaryDirectory
      const data = ["--data", join(root, "data")]
      const { stdout } = yield* Program.run(["run", "[[say hi]]", "--provider", "demo", "--json", ...data])
      const thread = /"threadId":"(thr_[^"]+)"/.exec(stdout)?.[1] ?? ""
      const [out, precious] = [join(root, "out.json"), join(root, "precious")]
      writeFileSync(precious, "mine")
      symlinkSync(precious, `${out}.part`)
      const again = Program.run(["export", thread, "--out", out, ...data])
      expect(yield* again).toMatchObject({ code: 0 })
      expect(readFileSync(precious, "utf8")).toBe("mine")
      expect(JSON.parse(readFileSync(out, "utf8"))).toMatchObject({ thread: { threadId: thread } })
      expect(yield* again).toMatchObject({ code: 1, stderr: expect.stringContaining("already exists") })
      expect(readdirSync(root).sort()).toEqual(["data", "out.json", "out.json.part", "precious"])
    }).pipe(Effect.scoped)
  )
})
