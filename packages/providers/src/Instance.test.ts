import { describe, expect, it } from "@effect/vitest"
import { CommandBody } from "@millrace/contracts/Command"
import { ThreadId } from "@millrace/contracts/Ids"
import { Providers } from "@millrace/contracts/ProviderAdapter"
import { Effect, Either, Layer, Schema } from "effect"
import * as ClaudeProcess from "./claude/Process.ts"
import * as CodexProcess from "./codex/Process.ts"
import * as Instance from "./Instance.ts"
import * as Environment from "./process/Environment.ts"
import * as Ledger from "./process/Ledger.ts"
import * as Registry from "./Registry.ts"

const registry = (options: Registry.RegistryOptions) =>
  Layer.provide(Registry.layer({ acp: false, codex: false, claude: false, ...options }), Ledger.layerMemory)

describe("instances", () => {
  it.scopedLive("several instances of one kind have separate names; a built-in can be replaced or removed", () =>
    Effect.gen(function* () {
      const { adapters } = yield* Providers
      expect([...adapters.keys()]).toEqual(["work", "private", "agent", "codex"])
      const statuses = yield* Effect.forEach(adapters.values(), ({ probe }) => probe)
      expect(statuses.map(({ kind, provider }) => [provider, kind])).toEqual([
        ["work", "codex"],
        ["private", "codex"],
        ["agent", "acp"],
        ["codex", "openai"]
      ])
      const missing = yield* Effect.flip(
        Effect.scoped(
          adapters.get("private")?.open({ threadId: ThreadId.make("thr_1"), epoch: 1, cwd: "/" }) ?? Effect.dieMessage("no such")
        )
      )
      expect(missing).toMatchObject({ provider: "private", failure: { kind: "not-installed" } })
    }).pipe(
      Effect.provide(
        registry({
          instances: {
            work: { kind: "codex", binary: "/nowhere/codex" },
            private: { kind: "codex", binary: "/nowhere/codex" },
            agent: { kind: "acp", command: "/nowhere/agent" },
            codex: { kind: "openai", baseUrl: "http://127.0.0.1:9/v1" },
            demo: false
          }
        })
      )
    )
  )

  it("X4 a value that no process accepts, or that looks like a flag, is rejected in the configuration", () => {
    const command = Schema.decodeUnknownEither(CommandBody["thread.create"])
    const made = (model: string) => command({ provider: "demo", cwd: "/work", model })
    for (const model of ["-p", "--dangerously-skip-permissions", "a\0b", "a\nb", "\u001b[2J", "\u2028", "", " "])
      expect([model, String(Either.flip(made(model)))]).toEqual([model, expect.stringContaining("the model's name")])
    for (const model of ["gpt-5.1-codex", "openrouter/meta-llama/llama-3:free", "claude-opus-4 (1M)", "模型"])
      expect([model, Either.isRight(made(model))]).toEqual([model, true])
    expect(Either.isLeft(Schema.decodeUnknownEither(CommandBody["project.create"])({ cwd: "/tmp\0" }))).toBe(true)
    const instance = Schema.decodeUnknownEither(Instance.Instance)
    for (const wrong of [
      { kind: "codex", binary: "/bin/co\0dex" },
      { kind: "claude", env: { A: "b\0" } },
      { kind: "claude", env: { "A=B": "c" } },
      { kind: "acp", command: "agent", args: ["--x\0"] },
      { kind: "openai", baseUrl: "http://127.0.0.1:1/v1", model: "a\nb" }
    ])
      expect([wrong, Either.isLeft(instance(wrong))]).toEqual([wrong, true])
  })

  it("X4 proxies, certificates and directories of tools are inherited; access to other machines is not", () => {
    const server = {
      ALL_PROXY: "socks5://p",
      all_proxy: "socks5://p",
      NVM_DIR: "/n",
      KUBECONFIG: "/k",
      GIT_SSH_COMMAND: "ssh -i k"
    }
    expect(Object.keys(Environment.select(server, {}))).toEqual(["ALL_PROXY", "all_proxy", "NVM_DIR"])
    expect(Environment.select(server, { ALL_PROXY: undefined })).not.toHaveProperty("ALL_PROXY")
  })

  it("X4 an instance with a separate home gets none of the server's directories; a variable can be removed", () => {
    const server = { CODEX_HOME: "/of/server", CLAUDE_CONFIG_DIR: "/of/server", OPENAI_API_KEY: "k", ANTHROPIC_API_KEY: "k" }
    const codex = { home: "/own", env: { OPENAI_API_KEY: undefined, A: "1" } }
    expect(CodexProcess.environment(codex, server)).toMatchObject({
      HOME: "/own",
      CODEX_HOME: undefined,
      OPENAI_API_KEY: undefined,
      A: "1"
    })
    const claude = { home: "/own", env: { ANTHROPIC_API_KEY: undefined } }
    expect(ClaudeProcess.environment(claude, server)).toMatchObject({ HOME: "/own", CLAUDE_CONFIG_DIR: undefined })
    expect([ClaudeProcess.signedIn(claude, server), ClaudeProcess.signedIn({}, server)]).toEqual(["unknown", "yes"])
  })
})
