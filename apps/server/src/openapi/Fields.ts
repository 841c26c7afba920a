/** Lists the fields of a schema of the OpenAPI document, as docs/events.md and `/docs` show them. Pure. */
import { type Document, isObject, type Json, refOf } from "./Json.ts"

export interface Field {
  readonly name: string
  /** The type in a few words. A name with a capital letter is the name of a schema of the document. */
  readonly type: string
  readonly isRequired: boolean
  readonly about: string | undefined
}

export const typeOf = (schema: Json): string => {
  const name = refOf(schema)
  if (name !== undefined) return name
  if (Array.isArray(schema["enum"])) return schema["enum"].map((value) => JSON.stringify(value)).join(" or ")
  if (schema["type"] === "array" && isObject(schema["items"])) return `list of ${typeOf(schema["items"])}`
  const members = schema["oneOf"] ?? schema["anyOf"]
  if (Array.isArray(members)) return [...new Set(members.filter(isObject).map(typeOf))].join(" or ")
  const [all] = Array.isArray(schema["allOf"]) ? schema["allOf"].filter(isObject) : []
  if (all !== undefined) return typeOf(all)
  return typeof schema["type"] === "string" ? schema["type"] : "any value"
}

export const resolved = ({ components }: Document, schema: Json): Json => {
  const name = refOf(schema)
  return name === undefined ? schema : (components.schemas[name] ?? {})
}

/** The forms of a union, or the schema itself. */
const formsOf = (document: Document, schema: Json): ReadonlyArray<Json> => {
  const members = schema["oneOf"] ?? schema["anyOf"]
  return Array.isArray(members) ? members.flatMap((member) => formsOf(document, resolved(document, member))) : [schema]
}

/** The fields of all forms of a schema. A field that a form does not require is optional. */
export const fieldsOf = (document: Document, schema: Json): ReadonlyArray<Field> => {
  const forms = formsOf(document, resolved(document, schema))
  const names = [...new Set(forms.flatMap(({ properties }) => (isObject(properties) ? Object.keys(properties) : [])))]
  return names.map((name) => {
    const having = forms.flatMap(({ properties }) => {
      const field = isObject(properties) ? properties[name] : undefined
      return isObject(field) && !("not" in field) ? [field] : []
    })
    const about = having.map(({ description }) => description).find((text) => typeof text === "string")
    return {
      name,
      type: [...new Set(having.map(typeOf))].join(" or "),
      isRequired: forms.every(({ required }) => Array.isArray(required) && required.includes(name)),
      about: about === undefined ? undefined : String(about)
    }
  })
}
