/** A tool of the MCP server: its name, its input as a JSON schema, the operation that the token's scope must permit, and the call. */
import { Effect, type Schema } from "effect"
import type { Operation } from "../auth/Scopes.ts"
import type { Session } from "../auth/Session.ts"
import type * as Respond from "../http/Respond.ts"
import * as Strict from "../http/Strict.ts"
import * as InputSchema from "./InputSchema.ts"

export interface Tool {
  readonly name: string
  readonly description: string
  readonly inputSchema: InputSchema.InputSchema
  readonly annotations: { readonly readOnlyHint: boolean; readonly destructiveHint?: boolean; readonly openWorldHint: boolean }
  readonly operation: Operation
  /** Fails with `BadRequest` and the path of the first argument that the schema does not accept. */
  readonly call: (given: unknown) => Effect.Effect<object, Respond.WireError, Session>
}

/** `changes`: the tool changes something; absent: it only reads. */
export const make = <A, I>(options: {
  readonly name: string
  readonly operation: Operation
  readonly changes?: "adds" | "ends"
  readonly description: string
  readonly input: Schema.Schema<A, I>
  readonly call: (input: A) => Effect.Effect<object, Respond.WireError, Session>
}): Tool => {
  const { call, changes, description, input, name, operation } = options
  const decode = Strict.decoder(input, "arguments")
  return {
    name,
    description,
    operation,
    inputSchema: InputSchema.of(input),
    annotations: {
      readOnlyHint: changes === undefined,
      ...(changes !== undefined && { destructiveHint: changes === "ends" }),
      openWorldHint: false
    },
    call: (given) => Effect.flatMap(decode(given, "strict"), call)
  }
}
