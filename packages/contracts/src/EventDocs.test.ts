import { expect, it } from "vitest"
import { Schema } from "effect"
import * as EventDocs from "./EventDocs.ts"

it.each(EventDocs.documentedTypes)("C7 L6 each example of %s decodes and encodes to itself", (type) => {
  const schema = EventDocs.eventSchema(type)
  for (const example of EventDocs.exampleEvents(type)) {
    const decoded = Schema.decodeUnknownSync(schema, { onExcessProperty: "error" })(example)
    expect(Schema.encodeSync(schema)(decoded)).toEqual(example)
  }
})
