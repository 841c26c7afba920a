/**
 * Strict decoding: an unknown field, parameter or `x-millrace-` header is a `BadRequest` with its path (C6). A client that is newer than the server
 * requests lenient decoding, which ignores unknown names. Both modes check values.
 */
import type { Headers } from "@effect/platform"
import { Effect, ParseResult, Schema } from "effect"
import { CommandBody, Command, type CommandType } from "@millrace/contracts/Command"
import { BadRequest } from "@millrace/contracts/Errors"
import { cut } from "@millrace/contracts/Text"

export type Mode = "strict" | "lenient"

/** Reads a value of unknown shape. */
export type Decoder<A> = (value: unknown, mode: Mode) => Effect.Effect<A, BadRequest>

const maxPath = 200
const maxMessage = 500

/** The error of the first invalid field. Its message quotes the input. It is cut, because the input may be large. */
const refusal = (where: string, path: string, message: string) => {
  const at = cut(path, maxPath)
  return new BadRequest({
    message: `${at === "" ? where : `${where}: ${at}`}: ${cut(message, maxMessage)}`,
    ...(at !== "" && { path: at })
  })
}

/** Rewords the library's message about an unknown name, which lists the expected names as a type. */
const worded = (message: string): string => {
  if (!message.startsWith("is unexpected")) return message
  const names = [...message.matchAll(/"([^"]+)"/g)].map(([, name]) => name)
  return `there is no such field; this server knows ${names.length === 0 ? "none" : names.join(", ")}`
}

const badRequest = (where: string) => (error: ParseResult.ParseError) => {
  const [issue] = ParseResult.ArrayFormatter.formatErrorSync(error)
  return refusal(where, issue?.path.map(String).join(".") ?? "", worded(issue?.message ?? "it cannot be read"))
}

export const decoder = <A, I>(schema: Schema.Schema<A, I>, where: string): Decoder<A> => {
  const strict = Schema.decodeUnknown(schema, { errors: "first", onExcessProperty: "error" })
  const lenient = Schema.decodeUnknown(schema, { errors: "first" })
  return (value, mode) => Effect.mapError((mode === "strict" ? strict : lenient)(value), badRequest(where))
}

/** Decoder where no value is expected: accepts no value, or an object without fields. */
export const nothing =
  (where: string): Decoder<void> =>
  (value, mode) => {
    if (value === undefined || value === null || mode === "lenient") return Effect.void
    if (typeof value !== "object" || Array.isArray(value))
      return Effect.fail(refusal(where, "", "nothing is expected here, or an object without fields"))
    const [name] = Object.keys(value)
    return name === undefined ? Effect.void : Effect.fail(refusal(where, name, worded("is unexpected")))
  }

const types = Object.keys(CommandBody).join(", ")
const isType = (type: unknown): type is CommandType => typeof type === "string" && Object.hasOwn(CommandBody, type)

/** Decodes a command by its `type`, because an error of the union would not name the field. The error for an unknown type lists the known types. */
export const command = (where: string): Decoder<Command> => {
  const members = new Map<string, Decoder<Command>>(
    Command.members.map((member) => [
      member.fields.type.literals[0],
      decoder<Command, unknown>(member as unknown as Schema.Schema<Command, unknown>, where)
    ])
  )
  return (value, mode) => {
    const type: unknown = typeof value === "object" && value !== null && "type" in value ? value.type : undefined
    const known = isType(type) ? members.get(type) : undefined
    if (known !== undefined) return known(value, mode)
    const problem = type === undefined ? "it has no `type`" : `unknown command type ${cut(JSON.stringify(type) ?? "", 100)}`
    return Effect.fail(refusal(where, "type", `${problem}. Send one of: ${types}.`))
  }
}

/** The query parameters. Rejects a repeated parameter that is not in `repeated`. */
export const query = (
  search: Readonly<Record<string, string | ReadonlyArray<string>>>,
  repeated: ReadonlySet<string> = new Set()
): Effect.Effect<Readonly<Record<string, string | ReadonlyArray<string>>>, BadRequest> => {
  const wrong = Object.entries(search).find(([name, value]) => typeof value !== "string" && !repeated.has(name))
  return wrong === undefined
    ? Effect.succeed(search)
    : Effect.fail(refusal("query", wrong[0], `it is given ${wrong[1].length} times; give it once`))
}

const flag = (where: string, path: string, value: string | undefined): Effect.Effect<Mode, BadRequest> =>
  value === undefined || value === "0"
    ? Effect.succeed("strict")
    : value === "1"
      ? Effect.succeed("lenient")
      : Effect.fail(refusal(where, path, "expected 1, to ignore unknown fields, or 0"))

const ours = "x-millrace-"
const lenientHeader = "x-millrace-lenient"

/** The mode that the request asks for. Strict mode rejects an unknown header that begins with `x-millrace-`. */
export const modeOf = (headers: Headers.Headers): Effect.Effect<Mode, BadRequest> =>
  Effect.filterOrFail(
    flag("headers", lenientHeader, headers[lenientHeader]),
    (mode) => mode === "lenient" || unknownHeader(headers) === undefined,
    () => refusal("headers", unknownHeader(headers) ?? "", `there is no such header; this server knows ${lenientHeader} here`)
  )
const unknownHeader = (headers: Headers.Headers) =>
  Object.keys(headers).find((name) => name.startsWith(ours) && name !== lenientHeader)

/** The mode of a WebSocket. `lenient=1` in the query is an alternative to the header, which a browser cannot set. */
export const modeOfSocket = (
  search: Readonly<Record<string, string | ReadonlyArray<string>>>,
  headers: Headers.Headers
): Effect.Effect<Mode, BadRequest> =>
  Effect.gen(function* () {
    const { lenient, ...others } = yield* query(search)
    const byHeader = yield* modeOf(headers)
    const mode = byHeader === "lenient" ? byHeader : yield* flag("query", "lenient", lenient as string | undefined)
    yield* nothing("query")(others, mode)
    return mode
  })
