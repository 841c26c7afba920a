/** The OpenAPI document of this server, from the schemas of the contract. */
import { HttpApi, OpenApi } from "@effect/platform"
import { Schema } from "effect"
import { ApiGroup } from "@millrace/contracts/Api"
import { Command, CommandStatus } from "@millrace/contracts/Command"
import { served } from "@millrace/contracts/Capabilities"
import * as EventDocs from "@millrace/contracts/EventDocs"
import { ControlFrame, EventFrame, OpenFrame } from "@millrace/contracts/Frame"
import { schemaName } from "@millrace/contracts/Text"
import * as Access from "../auth/Access.ts"
import { finish } from "./Finish.ts"
import type { Document } from "./Json.ts"
import * as OtherRoutes from "./OtherRoutes.ts"

const events = EventDocs.documentedTypes.map((type) =>
  EventDocs.eventSchema(type).annotations({
    identifier: `${schemaName(type)}Event`,
    description: EventDocs.EventDocs[type].when
  })
)
const Event = Schema.Union(...events).annotations({
  identifier: "Event",
  description: "An event of the log. `type` selects its `data`. Ignore a type that you do not know: a newer server may send it."
})
const Frame = Schema.Union(EventFrame, ...ControlFrame.members, OpenFrame).annotations({
  identifier: "Frame",
  description: "What a subscriber receives. Only events change state. Ignore a frame with an unknown `_tag`."
})

const api = HttpApi.make("millrace")
  .add(ApiGroup)
  .add(OtherRoutes.pairing)
  .add(OtherRoutes.openai)
  .add(OtherRoutes.mcp)
  .add(OtherRoutes.operation)
  .annotate(OpenApi.Title, "Millrace")
  .annotate(OpenApi.Description, "An orchestration server for coding agents: one durable, ordered log, served without loss.")
  .annotate(HttpApi.AdditionalSchemas, [Event, Frame, Command, CommandStatus, OtherRoutes.OpenAiError])

/** `port`: of the server; the session cookie is named after it. */
export const make = (port: number): Document => {
  const document = finish(OpenApi.fromApi(api), { cookie: Access.cookieName(port), version: served.version })
  for (const type of EventDocs.documentedTypes) {
    const schema = document.components.schemas[`${schemaName(type)}Event`]
    if (schema !== undefined) schema["examples"] = EventDocs.exampleEvents(type)
  }
  return document
}
