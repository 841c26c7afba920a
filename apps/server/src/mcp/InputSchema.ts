/** JSON schemas of tools' arguments. Definitions are written in place, because some agents do not follow references. */
import { JSONSchema, type Schema } from "effect"
import { isObject, type Json, mapObjects } from "../openapi/Json.ts"
import { cleaned } from "../openapi/Schemas.ts"

export type InputSchema = { readonly type: "object" } & Json

const definitions = "#/$defs/"

/** Replaces each reference by its definition. No definition refers to itself. */
const inlined = (value: unknown, known: Json): unknown =>
  mapObjects(value, (object) => {
    const { $ref, ...rest } = object
    if (typeof $ref !== "string" || !$ref.startsWith(definitions)) return object
    const definition = inlined(known[$ref.slice(definitions.length)], known)
    return { ...(isObject(definition) ? definition : {}), ...rest }
  })

/** The schema of an object of arguments. */
export const of = <A, I>(input: Schema.Schema<A, I>): InputSchema => {
  const { $defs, $schema: _, ...schema } = JSON.parse(JSON.stringify(JSONSchema.make(input))) as Json
  const plain = mapObjects(inlined(schema, isObject($defs) ? $defs : {}), cleaned)
  return { ...(isObject(plain) ? plain : {}), type: "object" }
}
