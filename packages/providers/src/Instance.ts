/** A provider instance of the configuration: one of our adapters with its own name, home and settings. One kind may have several instances. */
import { defined } from "@millrace/contracts/Defined"
import { HttpClient } from "@effect/platform"
import * as NodeHttpClient from "@effect/platform-node/NodeHttpClient"
import { ModelName } from "@millrace/contracts/Settings"
import { ProviderError, type ProviderAdapter } from "@millrace/contracts/ProviderAdapter"
import { Context, Effect, Layer, Schema, type Scope } from "effect"
import * as Acp from "./acp/Acp.ts"
import * as Claude from "./claude/Claude.ts"
import * as Codex from "./codex/Codex.ts"
import * as Demo from "./demo/Demo.ts"
import * as OpenAi from "./openai/OpenAi.ts"
import type { Environment } from "./process/Environment.ts"
import type { Ledger } from "./process/Ledger.ts"

const described = (description: string) => ({ description })
const optional = <A, I>(schema: Schema.Schema<A, I>, description: string) =>
  Schema.optionalWith(schema, { exact: true }).annotations(described(description))

/** Rejects NUL characters, which a process cannot receive in an argument or an environment value. */
const withoutNul = (text: string) => !text.includes("\0") || "it has a NUL character, which a process cannot receive"
const Argument = Schema.String.pipe(Schema.filter(withoutNul))
const Path = Schema.String.pipe(
  Schema.filter((text) => (text === "" ? "expected a path, got an empty text" : withoutNul(text))),
  Schema.annotations({ identifier: "Path", description: "Absolute, below ~, or relative to the file that names it." })
)
const Variable = Schema.String.pipe(
  Schema.filter(
    (text) => /^[A-Za-z_][A-Za-z0-9_]*$/.test(text) || "expected the name of an environment variable, like OPENAI_API_KEY"
  ),
  Schema.annotations({ identifier: "Variable", description: "The name of an environment variable of the server." })
)
const Env = Schema.Record({ key: Schema.String, value: Schema.NullOr(Argument) }).pipe(
  Schema.filter(
    (given) =>
      Object.keys(given).every((name) => /^[^=\0]+$/.test(name)) || "expected names of environment variables, without = and NUL"
  )
)
const inherit = optional(
  Schema.Array(Variable),
  "Variables that the agent inherits from the server, in addition to the variables of every agent."
)
const env = optional(Env, "Variables to set, with their values; null removes one. Name a secret in `inherit` instead.")
const home = optional(
  Path,
  "HOME of the agent's process: the directory of its settings, sign-in and conversations. Default: the server's HOME."
)
const binary = optional(Path, "The agent's program. Default: the program on the PATH.")

export const CodexInstance = Schema.Struct({
  kind: Schema.Literal("codex"),
  binary,
  home,
  codexHome: optional(
    Path,
    "The directory of Codex' settings, sign-in and conversations (CODEX_HOME). Each account needs its own."
  ),
  approvalPolicy: optional(Schema.Literal("untrusted", "on-request", "never"), "Overrides the policy in Codex' own settings."),
  sandbox: optional(
    Schema.Literal("read-only", "workspace-write", "danger-full-access"),
    "Overrides the sandbox in Codex' own settings."
  ),
  questions: optional(Schema.Boolean, "Whether Codex may ask questions in every mode. Default true."),
  plugins: optional(
    Schema.Boolean,
    "Whether Codex loads its plugins. It then sends a request to github.com at each start. Default false."
  ),
  env,
  inherit
}).annotations({ identifier: "CodexInstance", description: "Codex, by `codex app-server`." })

export const ClaudeInstance = Schema.Struct({
  kind: Schema.Literal("claude"),
  binary,
  home,
  configDir: optional(
    Path,
    "The directory of Claude's settings, sign-in and conversations (CLAUDE_CONFIG_DIR). Each account needs its own."
  ),
  settingSources: optional(
    Schema.Array(Schema.Literal("user", "project", "local")),
    "The settings files that Claude reads. Default: all."
  ),
  permissionMode: optional(
    Schema.Literal("default", "acceptEdits", "plan", "dontAsk"),
    "Overrides the permission mode in Claude's own settings."
  ),
  env,
  inherit
}).annotations({ identifier: "ClaudeInstance", description: "Claude Code, by `claude -p` with stream-json." })

export const AcpInstance = Schema.Struct({
  kind: Schema.Literal("acp"),
  command: Path.annotations(described("The program: a name on the PATH, or a path.")),
  args: optional(Schema.Array(Argument), "Arguments of the program, such as `--experimental-acp`."),
  env,
  inherit,
  install: optional(Schema.String, "Instruction for a person when the program is missing.")
}).annotations({ identifier: "AcpInstance", description: "Any program that speaks the Agent Client Protocol on its pipes." })

const BaseUrl = Schema.String.pipe(
  Schema.filter((text) => {
    const url = URL.canParse(text) ? new URL(text) : undefined
    if (url === undefined || !/^https?:$/.test(url.protocol))
      return "expected an http or https URL, like http://127.0.0.1:8000/v1"
    if (url.username !== "" || url.password !== "" || url.search !== "" || url.hash !== "")
      return "expected a URL without user, password or query: name the key with apiKeyEnv or apiKeyFile"
    return true
  }),
  Schema.annotations(
    described("URL prefix of /chat/completions and /models, like http://127.0.0.1:11434/v1; without a path, /v1 is added.")
  )
)
const Tool = Schema.Struct({
  name: Schema.String,
  description: optional(Schema.String, "The description for the model."),
  parameters: optional(Schema.Record({ key: Schema.String, value: Schema.Unknown }), "JSON Schema of the tool's arguments.")
})

export const OpenAiInstance = Schema.Struct({
  kind: Schema.Literal("openai"),
  baseUrl: BaseUrl,
  api: optional(Schema.Literal("chat", "responses"), "chat (default): /chat/completions; responses: /responses."),
  model: optional(ModelName, "Model for threads without one. Default: the only model that the endpoint lists."),
  apiKeyEnv: optional(Variable, "The server's environment variable that holds the key."),
  apiKeyFile: optional(Path, "A file that holds the key and nothing else."),
  instructions: optional(Schema.String, "System instructions, sent before the conversation."),
  parameters: optional(
    Schema.Record({ key: Schema.String, value: Schema.Unknown }),
    "Further members of each request, such as temperature or max_tokens."
  ),
  tools: optional(
    Schema.Array(Tool),
    "Functions that the model may call; each call becomes a request to the client. The client's answer is the result of the call."
  ),
  historyBytes: optional(Schema.Int.pipe(Schema.positive()), "Maximum bytes of the conversation in a request. Default 262144."),
  historyTurns: optional(
    Schema.Int.pipe(Schema.positive()),
    "Number of turns that are read from the log when a session opens. Default 200."
  )
}).annotations({
  identifier: "OpenAiInstance",
  description: "An endpoint that speaks the OpenAI API: vLLM, llama.cpp, Ollama, LM Studio, exo."
})

export const DemoInstance = Schema.Struct({ kind: Schema.Literal("demo") }).annotations({
  identifier: "DemoInstance",
  description: "The scripted demo agent, under another name."
})

/** The union of all kinds of instances, discriminated by `kind`. */
export const Instance = Schema.Union(CodexInstance, ClaudeInstance, AcpInstance, OpenAiInstance, DemoInstance)
export type Instance = typeof Instance.Type

/** Name of an instance. It has no slash, because `name/model` names a model of the instance. */
export const Name = Schema.String.pipe(
  Schema.pattern(/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/, {
    message: () => "expected a name of letters, digits, dots, dashes and underscores, at most 64"
  })
)

const variables = (given: typeof Env.Type = {}): Environment =>
  Object.fromEntries(Object.entries(given).map(([variable, value]) => [variable, value ?? undefined]))

const adapterOf = (name: string, instance: Instance): Effect.Effect<ProviderAdapter, never, Ledger | Scope.Scope> => {
  switch (instance.kind) {
    case "codex":
      return Codex.make({ ...instance, env: variables(instance.env) })
    case "claude":
      return Claude.make({ ...instance, env: variables(instance.env) })
    case "acp":
      return Acp.make({ ...instance, name, env: variables(instance.env) })
    case "openai":
      return Effect.map(Layer.build(NodeHttpClient.layer), (context) =>
        OpenAi.make({ ...instance, name }, Context.get(context, HttpClient.HttpClient))
      )
    case "demo":
      return Demo.make()
  }
}

/** The adapter under the instance's name. Its status and errors have that name too. */
export const make = (name: string, instance: Instance): Effect.Effect<ProviderAdapter, never, Ledger | Scope.Scope> =>
  Effect.map(adapterOf(name, instance), (adapter) => ({
    name,
    ...defined({
      history: adapter.history,
      settable: adapter.settable,
      settableIn: adapter.settableIn,
      defaults: adapter.defaults
    }),
    probe: Effect.map(adapter.probe, (status) => ({ ...status, provider: name, kind: instance.kind })),
    open: (input) =>
      Effect.mapError(
        adapter.open(input),
        ({ failure, operation, outcome }) => new ProviderError({ provider: name, operation, outcome, failure })
      )
  }))
