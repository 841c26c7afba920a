/** Adds to the document of the platform's generator what that cannot express. */
import { type Document, type Json, mapObjects, type Operation } from "./Json.ts"
import { finishOperation, headers, special, tags } from "./Operations.ts"
import { byName, cleaned, discriminated, open, reachable, unused } from "./Schemas.ts"

const plainError = (description: string, ...tags: ReadonlyArray<string>): Json => ({
  type: "object",
  required: ["_tag", "message"],
  properties: { _tag: { type: "string", enum: tags }, message: { type: "string" } },
  description
})
/** Errors that no handler returns (`Guard.ts`, `NotReady.ts`). */
const ofGuard = {
  InternalError: plainError("A fault of the server. Its log has the `x-request-id` of the answer.", "InternalError"),
  NotReady: plainError("The server starts, shuts down or is unavailable.", "Starting", "ShuttingDown", "Unavailable")
}

/** `cookie`: the name of the session cookie. */
export const finish = (
  generated: object,
  { cookie, version }: { readonly cookie: string; readonly version: string }
): Document => {
  const raw = JSON.parse(JSON.stringify(generated)) as Document
  const clean = mapObjects(raw.components.schemas, cleaned) as Record<string, Json>
  const { Int: _, ...used } = Object.fromEntries(Object.entries(clean).filter(([name]) => !unused.includes(name)))
  const schemas: Record<string, Json> = { ...used, ...ofGuard }
  const union = discriminated(schemas)
  const known = mapObjects(schemas, union) as Record<string, Json>
  const named = {
    ...raw,
    paths: mapObjects(mapObjects(mapObjects(raw.paths, cleaned), union), byName(known)) as Document["paths"],
    components: { schemas: known }
  }
  const paths = Object.fromEntries(
    Object.entries(named.paths).map(([path, item]) => [
      path,
      Object.fromEntries(
        Object.entries(item).map(([method, operation]) => {
          const done = finishOperation(path, operation)
          return [method, special[done.operationId]?.(done) ?? done]
        })
      )
    ])
  )
  // Bodies under /api are strict: the server refuses an unknown field.
  const strict = reachable(
    named.components.schemas,
    Object.entries(paths).flatMap(([path, item]) =>
      path.startsWith("/v1/") ? [] : Object.values(item).map(({ parameters, requestBody }) => [parameters, requestBody])
    )
  )
  const opened = Object.fromEntries(
    Object.entries(named.components.schemas).map(([name, schema]) => [name, strict.has(name) ? schema : mapObjects(schema, open)])
  ) as Record<string, Json>
  const openAnswers = (item: Record<string, Operation>) =>
    Object.fromEntries(
      Object.entries(item).map(([method, operation]) => [
        method,
        { ...operation, responses: mapObjects(operation.responses, open) }
      ])
    )
  const info = { ...named.info, version, license: { name: "Apache-2.0", identifier: "Apache-2.0" } }
  return {
    openapi: named.openapi,
    info,
    servers: [{ url: "/" }],
    tags: Object.entries(tags).map(([name, description]) => ({ name, description })),
    paths: Object.fromEntries(Object.entries(paths).map(([path, item]) => [path, openAnswers(item)])) as Document["paths"],
    components: {
      schemas: opened,
      headers,
      securitySchemes: {
        bearer: { type: "http", scheme: "bearer", description: "A token: `millrace token create`, or `POST /pair`." },
        session: {
          type: "apiKey",
          in: "cookie",
          name: cookie,
          description: "The session of a paired browser. A change also needs the server's own `Origin`."
        }
      }
    }
  }
}
