/** The JSON of an OpenAPI document, as far as we change it, and its references between schemas. */

export type Json = { [key: string]: unknown }
export interface Operation extends Json {
  operationId: string
  summary?: string
  tags: ReadonlyArray<string>
  security: ReadonlyArray<Record<string, ReadonlyArray<string>>>
  responses: Record<string, Answer>
  requestBody?: { content: Content }
  parameters: ReadonlyArray<{ name: string; in: string; required: boolean; description?: string; schema: Json }>
}
export interface Answer extends Json {
  description: string
  content?: Content
  headers?: Json
}
export type Content = Record<string, { schema: Json; example?: unknown }>
export interface Document {
  openapi: string
  info: Json
  servers: ReadonlyArray<Json>
  tags: ReadonlyArray<{ name: string; description: string }>
  paths: Record<string, Record<string, Operation>>
  components: { schemas: Record<string, Json>; securitySchemes: Json; headers: Json }
}

export const isObject = (value: unknown): value is Json => typeof value === "object" && value !== null && !Array.isArray(value)

/** Replaces each object of a JSON tree, inner objects first. */
export const mapObjects = (value: unknown, change: (object: Json) => Json): unknown =>
  Array.isArray(value)
    ? value.map((one) => mapObjects(one, change))
    : isObject(value)
      ? change(Object.fromEntries(Object.entries(value).map(([key, one]) => [key, mapObjects(one, change)])))
      : value

export const prefix = "#/components/schemas/"
export const refOf = (schema: unknown): string | undefined =>
  isObject(schema) && typeof schema["$ref"] === "string" ? schema["$ref"].slice(prefix.length) : undefined
