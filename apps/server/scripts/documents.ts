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
import { fieldsOf } from "../src/openapi/Fields.ts"
import { isObject, type Json } from "../src/openapi/Json.ts"

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
  workspace: "Workspaces",
  log: "The log",
  provider: "Other messages of agents"
}
const areaOf = (type: string): string => areas[type.replace(/\..*/, "")] ?? "Other"

const fieldLines = (data: Json): string =>
  fieldsOf(document, data)
    .map(
      ({ about, isRequired, name, type }) =>
        `- \`${name}\`${isRequired ? "" : " (optional)"}: ${type}${about === undefined ? "" : `. ${about}`}`
    )
    .join("\n")

const eventPart = (type: (typeof documentedTypes)[number]): string => {
  const properties = document.components.schemas[`${schemaName(type)}Event`]?.["properties"]
  const data = isObject(properties) && isObject(properties["data"]) ? properties["data"] : {}
  const examples = exampleEvents(type).map(({ data: example }) => `\`\`\`json\n${JSON.stringify(example, null, 2)}\n\`\`\``)
  return [`### ${type}`, EventDocs[type].when, fieldLines(data), ...examples].join("\n\n")
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
