/** `GET /api/capabilities`: what a server knows, for clients that are older or newer than it. */
import { Schema } from "effect"

/** Of the program and its packages. */
export const version = "0.1.0"

/** Words that stand for parts of the interface. A server lists those that it has. */
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

/** A client may read words of a newer server. */
export const Capabilities = Schema.Struct({ version: Schema.String, features: Schema.Array(Schema.String) })
export type Capabilities = typeof Capabilities.Type

/** What this version has. */
const features: ReadonlyArray<Feature> = ["filters", "labels"]
export const served: Capabilities = { version, features }
