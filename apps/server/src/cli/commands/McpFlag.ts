/** `--mcp FILE|JSON`: the MCP servers of a thread, in the shape that agents share. */
import { isSecretName, McpServers } from "@millrace/contracts/Settings"
import { Effect, ParseResult, Schema } from "effect"
import { readFileSync } from "node:fs"
import { type CliFailure, usage } from "../Failure.ts"
import { messageOf } from "../../NodeError.ts"

/** Maximum characters of the file. The setting has at most 16,384 characters. */
const maxCharacters = 1024 * 1024

const decode = Schema.decodeUnknown(McpServers, { onExcessProperty: "error", errors: "first" })
const isWrapped = (value: unknown): value is { readonly mcpServers: unknown } =>
  typeof value === "object" && value !== null && "mcpServers" in value && Object.keys(value).length === 1

const isInline = (given: string): boolean => given.trimStart().startsWith("{")

/** The text of the argument or of the file that it names. */
const textOf = (given: string): Effect.Effect<string, CliFailure> =>
  isInline(given)
    ? Effect.succeed(given)
    : Effect.try({
        try: () => {
          const text = readFileSync(given, "utf8")
          if (text.length > maxCharacters) throw new Error(`it is longer than ${maxCharacters} characters`)
          return text
        },
        catch: (cause) => usage(`--mcp: ${given} cannot be read: ${messageOf(cause)}`)
      })

const isSecretHeader = (name: string): boolean => isSecretName(name) || /^(proxy-)?authorization$|cookie/i.test(name)

/** Where a value stands that is a secret by its name; `undefined`: nowhere. */
const secretIn = (servers: McpServers): string | undefined => {
  for (const [server, has] of Object.entries(servers)) {
    const named = [
      ["env", "env" in has ? has.env : undefined, isSecretName],
      ["headers", "headers" in has ? has.headers : undefined, isSecretHeader]
    ] as const
    for (const [field, values, isSecret] of named)
      for (const [name, value] of Object.entries(values ?? {}))
        if (isSecret(name) && typeof value === "string") return `${server}.${field}.${name}`
  }
  return undefined
}

/** Every user of the machine can read the arguments of a program. */
const notInArguments = (given: string, servers: McpServers): Effect.Effect<McpServers, CliFailure> => {
  const secret = isInline(given) ? secretIn(servers) : undefined
  return secret === undefined
    ? Effect.succeed(servers)
    : usage(
        `--mcp: other users of this machine can see ${secret} in the arguments. Put the object into a file, or store the value with millrace secret set NAME and give {"secret": "NAME"}.`
      )
}

/**
 * Reads `{NAME: {command, args?, env?} | {url, headers?}}`, also as the value of a single field `mcpServers`, which files of other programs have.
 * Fails with exit code 2. An error names the position and shows no value, because a value may be a secret.
 */
export const read = (given: string): Effect.Effect<McpServers, CliFailure> =>
  Effect.flatMap(textOf(given), (text) =>
    Effect.try({ try: (): unknown => JSON.parse(text), catch: () => usage("--mcp: expected a JSON object or a file with one") })
  ).pipe(
    Effect.flatMap((value) => decode(isWrapped(value) ? value.mcpServers : value)),
    Effect.flatMap((servers) => notInArguments(given, servers)),
    Effect.catchTag("ParseError", (error) => {
      const path = ParseResult.ArrayFormatter.formatErrorSync(error)[0]?.path.map(String).join(".") ?? ""
      return usage(
        `--mcp: ${path === "" ? "the value" : path} is not an MCP server: expected {NAME: {command, args?, env?}} or {NAME: {url, headers?}}`
      )
    })
  )
