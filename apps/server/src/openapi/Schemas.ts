/** Schemas of the generator, cleaned, named and with discriminators. */
import { isObject, type Json, mapObjects, prefix, refOf } from "./Json.ts"

const discriminators = ["type", "_tag", "kind", "status"]

/** A union of named schemas that differ in the value of one field, as `oneOf` with the discriminator. */
export const discriminated =
  (schemas: Record<string, Json>) =>
  (schema: Json): Json => {
    const members = schema["anyOf"]
    if (!Array.isArray(members)) return schema
    const names = members.flatMap((member) => refOf(member) ?? [])
    if (names.length !== members.length) return schema
    const valuesOf = (name: string, field: string): ReadonlyArray<string> => {
      const properties = schemas[name]?.["properties"]
      const its = isObject(properties) ? properties[field] : undefined
      return isObject(its) && Array.isArray(its["enum"]) ? its["enum"] : []
    }
    const propertyName = discriminators.find((field) => {
      const values = names.map((name) => valuesOf(name, field))
      return values.every((some) => some.length > 0) && new Set(values.flat()).size === values.flat().length
    })
    if (propertyName === undefined) return schema
    const { anyOf, ...rest } = schema
    const mapping = Object.fromEntries(
      names.flatMap((name) => valuesOf(name, propertyName).map((value) => [value, prefix + name]))
    )
    return { ...rest, oneOf: anyOf, discriminator: { propertyName, mapping } }
  }

/** Schemas of the library for errors that this server reports as `BadRequest`. */
export const unused = ["HttpApiDecodeError", "Issue", "PropertyKey"]

const isLibraryTitle = (title: unknown) => typeof title === "string" && /^[a-z][A-Za-z]*(\(.*\))?$/.test(title)
const isLibraryDescription = (description: unknown) =>
  typeof description === "string" && /^an? (string|number|integer|positive|negative|non-|array)/.test(description)

/** The members of a union. The generator nests a union of several payloads, answers or errors. */
const membersOf = (schema: Json): ReadonlyArray<Json> => {
  const members = schema["anyOf"]
  return Array.isArray(members) && Object.keys(schema).length === 1 ? members : [schema]
}

/** Removes the library's additions: nested unions, ids that are not addresses, titles and descriptions that repeat the type, and its own error. */
export const cleaned = (object: Json): Json => {
  const { anyOf } = object
  if (Array.isArray(anyOf)) {
    const [only, ...others] = anyOf.flatMap(membersOf).filter((member) => refOf(member) !== unused[0])
    return others.length === 0 && only !== undefined ? only : { ...object, anyOf: [only, ...others] }
  }
  if (!["type", "$ref", "$id"].some((key) => typeof object[key] === "string")) return object
  const { $id: _, $ref, description, title, ...rest } = object
  return {
    ...rest,
    ...(refOf(object) === "Int" ? { type: "integer" } : $ref !== undefined && { $ref }),
    ...(title !== undefined && !isLibraryTitle(title) && { title }),
    ...(description !== undefined && !isLibraryDescription(description) && { description })
  }
}

const shapeOf = (schema: Json) => JSON.stringify({ ...schema, description: undefined, examples: undefined })

/** Replaces an object or a union that has the shape of a named schema by its name: the generator writes a payload and an answer in full. */
export const byName = (schemas: Record<string, Json>) => {
  const names = new Map(
    Object.entries(schemas).flatMap(([name, schema]) =>
      "properties" in schema || "oneOf" in schema || "anyOf" in schema ? [[shapeOf(schema), name] as const] : []
    )
  )
  return (schema: Json): Json => {
    const name = names.get(shapeOf(schema))
    return name === undefined ? schema : { $ref: prefix + name, ...("examples" in schema && { examples: schema["examples"] }) }
  }
}

/** The names of the schemas that these values refer to, also through other schemas. */
export const reachable = (schemas: Record<string, Json>, from: unknown): ReadonlySet<string> => {
  const found = new Set<string>()
  const visit = (value: unknown) =>
    mapObjects(value, (object) => {
      const name = refOf(object)
      if (name !== undefined && !found.has(name)) {
        found.add(name)
        visit(schemas[name])
      }
      return object
    })
  visit(from)
  return found
}

/** A newer server may add fields to an answer. */
export const open = (object: Json): Json => {
  const { additionalProperties, ...rest } = object
  return additionalProperties === false ? rest : object
}
