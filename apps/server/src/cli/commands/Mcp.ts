/** `--mcp FILE|JSON`: the MCP servers of a thread, in the shape that agents share. */
import { McpServers } from "@millrace/contracts/Settings"
import { Effect, ParseResult, Schema } from "effect"
import { readFileSync } from "node:fs"
import { type CliFailure, usage } from "../Failure.ts"
import { messageOf } from "../../NodeError.ts"

/** Most characters of the file. The setting has at most 16,384 characters. */
const maxCharacters = 1024 * 1024

const decode = Schema.decodeUnknown(McpServers, { onExcessProperty: "error", errors: "first" })
const isWrapped = (value: unknown): value is { readonly mcpServers: unknown } =>
  typeof value === "object" && value !== null && "mcpServers" in value && Object.keys(value).length === 1

/** The text of the argument or of the file that it names. */
const textOf = (given: string): Effect.Effect<string, CliFailure> =>
  given.trimStart().startsWith("{")
    ? Effect.succeed(given)
    : Effect.try({
        try: () => {
          const text = readFileSync(given, "utf8")
          if (text.length > maxCharacters) throw new Error(`it is longer than ${maxCharacters} characters`)
          return text
        },
        catch: (cause) => usage(`--mcp: ${given} cannot be read: ${messageOf(cause)}`)
      })

/**
 * Reads `{NAME: {command, args?, env?} | {url, headers?}}`, also as the value of a single field `mcpServers`, which files of other programs have.
 * Fails with exit code 2. An error names the position and shows no value, because a value may be a secret.
 */
export const read = (given: string): Effect.Effect<McpServers, CliFailure> =>
  Effect.flatMap(textOf(given), (text) =>
    Effect.try({ try: (): unknown => JSON.parse(text), catch: () => usage("--mcp: expected a JSON object or a file with one") })
  ).pipe(
    Effect.flatMap((value) => decode(isWrapped(value) ? value.mcpServers : value)),
    Effect.catchTag("ParseError", (error) => {
      const path = ParseResult.ArrayFormatter.formatErrorSync(error)[0]?.path.map(String).join(".") ?? ""
      return usage(
        `--mcp: ${path === "" ? "the value" : path} is not an MCP server: expected {NAME: {command, args?, env?}} or {NAME: {url, headers?}}`
      )
    })
  )
