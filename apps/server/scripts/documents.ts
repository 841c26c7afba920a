/**
 * Writes the documents that are made from the schemas: docs/events.md, and the types that `openapi-typescript` makes of the OpenAPI document
 * (examples/millrace-api.d.ts), as a user gets them. `--check` only compares.
 */
import { readFileSync, writeFileSync } from "node:fs"
import { join, resolve } from "node:path"
import openapiTS, { astToString, type OpenAPI3 } from "openapi-typescript"
import { documentedTypes, EventDocs, exampleEvents } from "@millrace/contracts/EventDocs"
import { schemaName } from "@millrace/contracts/Text"
import * as Document from "../src/openapi/Document.ts"
import type { Json } from "../src/openapi/Finish.ts"

const root = resolve(import.meta.dirname, "../../..")
const document = Document.make(7717)

const areas: Record<string, string> = {
  project: "Projects",
  thread: "Threads",
  session: "Sessions",
  background: "Background work",
  turn: "Turns",
  continuation: "Interrupted work",
  goal: "Goals",
  queue: "The queue",
  item: "Items",
  request: "Requests",
  log: "The log",
  provider: "Other messages of agents"
}
const areaOf = (type: string): string => areas[type.replace(/\..*/, "")] ?? "Other"

const isObject = (value: unknown): value is Json => typeof value === "object" && value !== null && !Array.isArray(value)
const resolved = (schema: Json): Json => {
  const ref = schema["$ref"]
  return typeof ref === "string" ? (document.components.schemas[ref.replace(/^.*\//, "")] ?? {}) : schema
}

/** The type of a field in a few characters. */
const typeOf = (schema: Json): string => {
  if (typeof schema["$ref"] === "string") return schema["$ref"].replace(/^.*\//, "")
  if (Array.isArray(schema["enum"])) return schema["enum"].map((value) => JSON.stringify(value)).join(" or ")
  if (schema["type"] === "array" && isObject(schema["items"])) return `list of ${typeOf(schema["items"])}`
  return typeof schema["type"] === "string" ? schema["type"] : "any value"
}

const members = (schema: Json): ReadonlyArray<Json> => {
  const any = schema["oneOf"] ?? schema["anyOf"]
  return Array.isArray(any) ? any.map(resolved).flatMap(members) : [schema]
}

/** The fields of the data, of all its forms. A field is optional if a form does not require it. */
const fieldsOf = (data: Json): ReadonlyArray<string> => {
  const forms = members(data)
  const names = [...new Set(forms.flatMap(({ properties }) => (isObject(properties) ? Object.keys(properties) : [])))]
  return names.flatMap((name) => {
    const having = forms.flatMap(({ properties }) => {
      const field = isObject(properties) ? properties[name] : undefined
      return isObject(field) && !("not" in field) ? [field] : []
    })
    const types = [...new Set(having.map(typeOf))].join(" or ")
    const isRequired = forms.every(({ required }) => Array.isArray(required) && required.includes(name))
    const about = having.map(({ description }) => description).find((text) => typeof text === "string")
    return [`- \`${name}\`${isRequired ? "" : " (optional)"}: ${types}${about === undefined ? "" : `. ${String(about)}`}`]
  })
}

const eventPart = (type: (typeof documentedTypes)[number]): string => {
  const properties = document.components.schemas[`${schemaName(type)}Event`]?.["properties"]
  const data = isObject(properties) && isObject(properties["data"]) ? resolved(properties["data"]) : {}
  const examples = exampleEvents(type).map(({ data: example }) => `\`\`\`json\n${JSON.stringify(example, null, 2)}\n\`\`\``)
  return [`### ${type}`, EventDocs[type].when, fieldsOf(data).join("\n"), ...examples].join("\n\n")
}

const events = (): string => {
  return `${[
    "# Events",
    "Every event type: when the server writes it, the fields of its `data`, and examples of `data`. [clients.md](clients.md) describes the envelope, cursors and frames. Ignore a type that you do not know: a newer server may send it.",
    "This file is written by `pnpm documents` from the schemas of `@millrace/contracts`. `/openapi.json` has the same schemas; a name with a capital, such as `Usage`, is a schema there.",
    ...[...new Set(documentedTypes.map(areaOf))].map((area) =>
      [`## ${area}`, ...documentedTypes.filter((type) => areaOf(type) === area).map(eventPart)].join("\n\n")
    )
  ].join("\n\n")}\n`
}

const types = async (): Promise<string> => {
  const nodes = await openapiTS(document as unknown as OpenAPI3)
  return `// Written by \`pnpm documents\`: what \`npx openapi-typescript URL/openapi.json\` prints.\n${astToString(nodes)}`
}

const stale: Array<string> = []
for (const [name, text] of [
  ["docs/events.md", events()],
  ["examples/millrace-api.d.ts", await types()]
] as const) {
  const file = join(root, name)
  if (!process.argv.includes("--check")) writeFileSync(file, text)
  else if (readFileSync(file, "utf8") !== text) stale.push(name)
}
if (stale.length > 0) {
  console.error(`${stale.join(", ")} is stale: run pnpm documents`)
  process.exitCode = 1
}
