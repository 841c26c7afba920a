/** The driver of each adapter of this package for the kit's scenes. */
import { join } from "node:path"
import { NodeHttpClient } from "@effect/platform-node"
import { HttpClient } from "@effect/platform"
import type { OpenInput, ProviderAdapter } from "@millrace/contracts/ProviderAdapter"
import type { Driver, Scene } from "@millrace/adapter-kit/Driver"
import * as ModelEndpoint from "@millrace/testing/ModelEndpoint"
import { Effect } from "effect"
import * as Acp from "../src/acp/Acp.ts"
import * as Claude from "../src/claude/Claude.ts"
import * as Codex from "../src/codex/Codex.ts"
import * as Demo from "../src/demo/Demo.ts"
import * as OpenAi from "../src/openai/OpenAi.ts"
import type { Ledger } from "../src/process/Ledger.ts"

/** Plays a recording (`FILE#NTH#FAULT`). */
export const player = join(import.meta.dirname, "../../adapter-kit/src/player.mjs")

type Recordings = Readonly<Partial<Record<Scene, string>> & { readonly talk: string }>
/** A scene without its own recording plays the `talk` recording, with the scene's name as the fault. */
const recording = (folder: string, recordings: Recordings, scene: Scene, { epoch }: OpenInput) => {
  const own = recordings[scene]
  const files = (own ?? recordings.talk).split("+").map((name) => join(import.meta.dirname, folder, "fixtures", `${name}.jsonl`))
  return own === undefined ? `${files.join("+")}#1#${scene}` : `${files.join("+")}#${epoch}`
}
const opens = (adapter: Effect.Effect<ProviderAdapter, never, Ledger>, input: OpenInput) =>
  Effect.flatMap(adapter, ({ open }) => open(input))

export const codex: Driver = {
  name: "codex",
  open: (scene, input) => {
    const recordings = {
      talk: "two-turns",
      stream: "interrupt",
      approve: "approval-decline",
      question: "request-user-input",
      waiting: "interrupt-during-approval",
      killed: "kill-resume"
    }
    return opens(Codex.make({ binary: player, codexHome: recording("codex", recordings, scene, input) }), input)
  },
  cannot: {}
}

export const claude: Driver = {
  name: "claude",
  open: (scene, input) => {
    const recordings = {
      talk: "two-turns",
      stream: "interrupt",
      approve: "tool-approval-deny",
      killed: "kill-resume",
      lost: "kill-resume-early"
    }
    return opens(Claude.make({ binary: player, configDir: recording("claude", recordings, scene, input) }), input)
  },
  cannot: {
    question: "no recording contains a question; questions are tested in claude/Mapping.test.ts",
    waiting: "no recording contains an interrupt of an open request"
  }
}

export const acp: Driver = {
  name: "acp",
  open: (scene, input) => {
    const small = { name: "small", command: join(import.meta.dirname, "acp/agent.mjs") }
    if (scene === "waiting") return opens(Acp.make(small), input)
    const recordings = {
      talk: "acp-basic-turn+acp-basic-turn",
      stream: "acp-cancel+acp-basic-turn",
      approve: "acp-tool-approval-reject",
      killed: input.epoch === 1 ? "acp-basic-turn+acp-cancel" : "acp-load-session"
    }
    const TRANSCRIPT = recording("acp", recordings, scene, input)
    return opens(Acp.make({ name: "played", command: player, env: { TRANSCRIPT } }), input)
  },
  prompt: (scene) => (scene === "waiting" ? "cancel" : "go on"),
  cannot: { question: "the protocol has no questions" }
}

const demoScript: Readonly<Partial<Record<Scene, readonly [string, string?]>>> = {
  talk: ["[[say one two]]", "[[say three four]]"],
  stream: ["[[deltas 1000000 5]]", "[[say on it goes]]"],
  approve: ["[[run touch no]] [[say on it goes]]"],
  question: ["[[ask Which colour?]]"],
  waiting: ["[[run touch no]]"],
  exit: ["[[say last words]] [[exit 0]]"],
  garbage: ["[[say one two]] [[garbage]] [[say three]]"],
  burst: ["[[deltas 20000 0]]"],
  killed: ["[[say one two]]", "[[deltas 1000000 5]]"]
}
const noDirective = "no directive of its scripts produces this"

export const demo: Driver = {
  name: "demo",
  open: (_scene, input) => opens(Demo.make(), input),
  prompt: (scene, nth) => demoScript[scene]?.[nth - 1] ?? "",
  cannot: {
    oversize: noDirective,
    twice: noDirective,
    news: `${noDirective}; its mapping is tested in News.test.ts`,
    lost: "it stores no conversation and accepts any key"
  }
}

const modelScript: typeof demoScript = {
  talk: ["[[say one two]]", "[[say three four]]"],
  stream: ["[[say one two]] [[hang]]", "[[say on it goes]]"],
  question: ["[[call colour {}]] [[say on it goes]]"],
  waiting: ["[[call colour {}]]"],
  garbage: ["[[say one two]] [[garbage {no json]] [[say three]]"],
  oversize: ["[[say one two]] [[flood 9000000]] [[hang]]"],
  news: ['[[say one two]] [[garbage {"type":"response.kit_future","future":{}}]] [[say three]]']
}
const model = (api: "chat" | "responses"): Driver => ({
  name: `openai, ${api}`,
  open: (_scene, input) =>
    Effect.gen(function* () {
      const { port } = yield* ModelEndpoint.makeWith({ models: ["tiny"] })
      const client = yield* HttpClient.HttpClient
      return yield* OpenAi.make({ name: "local", api, baseUrl: `http://127.0.0.1:${port}/v1` }, client).open(input)
    }).pipe(Effect.provide(NodeHttpClient.layer)),
  prompt: (scene, nth) => modelScript[scene]?.[nth - 1] ?? "",
  cannot: {
    process: "it has no child process",
    approve: "a model endpoint runs no commands",
    exit: "it has no child process; a broken connection is tested in openai/Session.test.ts",
    twice: "the deltas of an answer have no ids: a duplicate is more text",
    lost: "it stores no conversation: Millrace sends it from the log"
  }
})
export const chat = model("chat")
export const responses = model("responses")

export const all: ReadonlyArray<Driver> = [codex, claude, acp, demo, chat, responses]
