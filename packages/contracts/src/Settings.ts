/** The schemas of a thread's settings: what its agent is started and asked with. A change is a `thread.updated` event and takes effect with the next turn. */
import { Schema } from "effect"
import { oneOf } from "./OneOf.ts"
import { permissionModes } from "./SettingValues.ts"

export {
  type Changes,
  differing,
  effective,
  permissionModes,
  settingNames,
  type SettingName,
  type Settings,
  settingsOf,
  type SomeSettings
} from "./SettingValues.ts"

/**
 * What the agent may do without a person. `plan`: it proposes a plan and changes nothing. `read-only`: it reads and changes nothing. `ask`: it asks before
 * it changes files or runs commands. `accept-edits`: it changes files of the workspace and asks before it runs commands. `full-access`: it does not ask.
 */
export const PermissionMode = oneOf(...permissionModes)
export type PermissionMode = typeof PermissionMode.Type

const argument = (what: string, characters: number, hint = "") =>
  Schema.String.pipe(
    Schema.minLength(1, { message: () => `${what} must not be empty${hint}` }),
    Schema.maxLength(characters, { message: () => `${what} is longer than ${characters} characters` }),
    Schema.filter((text) => {
      if (/[\p{Cc}\u2028\u2029]/u.test(text)) return `${what} has control characters`
      return text.startsWith("-") ? `${what} begins with "-", so an agent would read it as a flag` : true
    })
  )

/** A model's name. Adapters pass it as a command-line argument or a protocol field, so it must not look like a flag or hold control characters. */
export const ModelName = Schema.String.pipe(
  Schema.maxLength(200, { message: () => "the model's name is longer than 200 characters" }),
  Schema.filter((name) => {
    if (name.trim() === "") return "the model's name is empty; omit model to use the agent's default"
    if (/[\p{Cc}\u2028\u2029]/u.test(name)) return "the model's name has control characters"
    return name.startsWith("-") ? `the model's name begins with "-", so an agent would read it as a flag` : true
  })
)

/** How much the model thinks, in the agent's own word, such as `low` or `high`. */
export const Effort = argument("the effort", 100, "; use null for the agent's default")

/** A thread's summary carries its settings, and lists hold many summaries. */
const maxJson = 16_384
const fits = (what: string) => (value: unknown) =>
  JSON.stringify(value).length <= maxJson || `${what} are longer than ${maxJson} characters as JSON`

const Directory = Schema.String.pipe(
  Schema.maxLength(4096, { message: () => "the path is longer than 4096 characters" }),
  Schema.filter((path) => !path.includes("\0") || "the path contains a NUL character, which no directory name allows")
)
export const Directories = Schema.Array(Directory).pipe(
  Schema.maxItems(32, { message: () => "a thread has at most 32 further directories" }),
  Schema.filter(fits("the directories"))
)

export const SecretName = Schema.String.pipe(
  Schema.pattern(/^[A-Za-z0-9_.-]{1,100}$/, {
    message: () => "a secret's name has 1 to 100 letters, digits, dots, dashes and underscores"
  })
)
/** A value, or the name of a stored secret. */
export const SecretValue = Schema.Union(
  Schema.String.pipe(Schema.maxLength(8192, { message: () => "the value is longer than 8192 characters" })),
  Schema.Struct({ secret: SecretName })
).annotations({
  identifier: "SecretValue",
  description: "A value, or `{secret: NAME}`."
})
export type SecretValue = typeof SecretValue.Type
const Values = Schema.Record({ key: Schema.String, value: SecretValue })

const Variable = Schema.String.pipe(
  Schema.pattern(/^(?!MILLRACE_)[A-Za-z_][A-Za-z0-9_]{0,99}$/, {
    message: () => "a variable has letters, digits and underscores, at most 100, and does not begin with MILLRACE_"
  })
)
/** Variables of the agents of a project. If a variable's name looks like that of a secret (`isSecretName`), the server stores a plain value as a secret, and a read returns the name of the secret. */
export const ProjectEnv = Schema.Record({ key: Variable, value: SecretValue }).pipe(
  Schema.filter((env) => Object.keys(env).length <= 100 || "a project has at most 100 variables"),
  Schema.filter(fits("the variables"))
)
export type ProjectEnv = typeof ProjectEnv.Type

/** Command line of a shell that prepares a new worktree of a project. */
export const Setup = Schema.String.pipe(
  Schema.maxLength(4096, { message: () => "setup is longer than 4096 characters; put it into a script of the project" }),
  Schema.filter((command) => {
    if (command.trim() === "") return "setup is empty; use null for none"
    return !command.includes("\0") || "setup contains a NUL character, which no shell accepts"
  })
)

/** Whether the name of a variable says that its value is a secret. */
export const isSecretName = (variable: string): boolean => /KEY|TOKEN|SECRET|PASSWORD|CREDENTIAL/i.test(variable)

/** An MCP server of a thread, in the shape that agents share. */
export const McpServer = Schema.Union(
  Schema.Struct({
    command: argument("the command", 4096),
    args: Schema.optional(Schema.Array(Schema.String.pipe(Schema.maxLength(8192))).pipe(Schema.maxItems(256))),
    env: Schema.optional(Values)
  }),
  Schema.Struct({
    url: Schema.String.pipe(
      Schema.maxLength(4096),
      Schema.filter((url) => /^https?:\/\//.test(url) || "expected an http or https URL")
    ),
    headers: Schema.optional(Values)
  }),
  Schema.Struct({ builtin: Schema.Literal(true) })
).annotations({ identifier: "McpServer", description: "An MCP server: a command, a URL, or a server that Millrace provides." })
export type McpServer = typeof McpServer.Type

export const McpServers = Schema.Record({
  key: Schema.String.pipe(
    Schema.pattern(/^[A-Za-z0-9_-]{1,64}$/, {
      message: () => "the name of an MCP server has 1 to 64 letters, digits, dashes and underscores"
    })
  ),
  value: McpServer
}).pipe(
  Schema.filter((servers) => Object.keys(servers).length <= 32 || "a thread has at most 32 MCP servers"),
  Schema.filter(fits("the MCP servers"))
)
export type McpServers = typeof McpServers.Type

export const Instructions = Schema.String.pipe(
  Schema.maxLength(8192, {
    message: () => "the instructions are longer than 8192 characters; put them into a file of the project"
  })
)

const descriptions = {
  model: "The model, as the agent names it.",
  effort: "How much the model thinks, as the agent names it.",
  permissionMode: "What the agent may do without a person.",
  directories: "Further directories of the agent. Replaces the whole list.",
  mcpServers: "MCP servers of the agent. Replaces all of them.",
  instructions: "Added to the agent's own instructions."
}

/** The fields of `thread.create` that choose settings. */
export const setting = {
  model: Schema.optional(ModelName).annotations({ description: descriptions.model }),
  effort: Schema.optional(Effort).annotations({ description: descriptions.effort }),
  permissionMode: Schema.optional(PermissionMode).annotations({ description: descriptions.permissionMode }),
  directories: Schema.optional(Directories).annotations({ description: descriptions.directories }),
  mcpServers: Schema.optional(McpServers).annotations({ description: descriptions.mcpServers }),
  instructions: Schema.optional(Instructions).annotations({ description: descriptions.instructions })
}

const orNull = <A, I>(schema: Schema.Schema<A, I>, description: string) =>
  Schema.optional(Schema.NullOr(schema)).annotations({
    description: `${description} null: use the value of the provider instance.`
  })

/** The fields of `thread.configure` and of `thread.updated`. `null`: use the value of the provider instance. */
export const resetting = {
  model: orNull(ModelName, descriptions.model),
  effort: orNull(Effort, descriptions.effort),
  permissionMode: orNull(PermissionMode, descriptions.permissionMode),
  directories: orNull(Directories, descriptions.directories),
  mcpServers: orNull(McpServers, descriptions.mcpServers),
  instructions: orNull(Instructions, descriptions.instructions)
}

/** The same fields in `thread.created` and in views. For an absent field the value of the provider instance applies. */
export const settled = {
  model: Schema.optional(Schema.String),
  effort: Schema.optional(Schema.String),
  permissionMode: Schema.optional(PermissionMode),
  directories: Schema.optional(Schema.Array(Schema.String)),
  mcpServers: Schema.optional(McpServers),
  instructions: Schema.optional(Schema.String)
}

/** The settings that apply to a thread: its own, else those of the provider instance. Absent: the agent's own choice. */
export const Effective = Schema.Struct({
  model: Schema.optional(Schema.String),
  effort: Schema.optional(Schema.String),
  permissionMode: Schema.optional(PermissionMode)
}).annotations({ identifier: "EffectiveSettings" })
export type Effective = typeof Effective.Type
