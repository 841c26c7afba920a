/** `GET /api/capabilities`: the version and the features of a server, for older and newer clients. */
import { Schema } from "effect"

/** The version of the program and its packages. */
export const version = "0.1.0"

/** The names of optional parts of the interface. A server lists those that it supports. */
export const Feature = Schema.Literal(
  "filters",
  "labels",
  "blobs",
  "settings",
  "workspace",
  "search",
  "log",
  "runners",
  "mcp",
  "acp",
  "webhooks",
  "schedules",
  "budgets",
  "scopes",
  "durable-streams",
  "tools",
  "agui"
)
export type Feature = typeof Feature.Type

/** `features` is an open set: a newer server may list names that this version does not know. */
export const Capabilities = Schema.Struct({ version: Schema.String, features: Schema.Array(Schema.String) }).annotations({
  identifier: "Capabilities"
})
export type Capabilities = typeof Capabilities.Type

/** The features of this version. */
const features: ReadonlyArray<Feature> = ["filters", "labels", "blobs", "settings", "workspace", "search", "log", "mcp", "scopes"]
export const served: Capabilities = { version, features }
