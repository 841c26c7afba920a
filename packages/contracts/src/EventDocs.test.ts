import { expect, it } from "vitest"
import { Schema } from "effect"
import { EventData } from "./Event.ts"
import { eventTypes } from "./EventTypes.ts"
import * as EventDocs from "./EventDocs.ts"

it.each(EventDocs.documentedTypes)("C7 L6 each example of %s decodes and encodes to itself", (type) => {
  const schema = EventDocs.eventSchema(type)
  for (const example of EventDocs.exampleEvents(type)) {
    const decoded = Schema.decodeUnknownSync(schema, { onExcessProperty: "error" })(example)
    expect(Schema.encodeSync(schema)(decoded)).toEqual(example)
  }
})

it("C7 the list of event types is that of the schemas", () => {
  expect([...eventTypes].toSorted()).toEqual(Object.keys(EventData).toSorted())
})
