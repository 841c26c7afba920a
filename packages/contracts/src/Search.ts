/** Search terms for threads, and the search of all texts. */
import { Schema } from "effect"
import { ItemId, ProjectId, ThreadId, TurnId } from "./Ids.ts"

/** Words that a title must contain, in any order, ignoring case. At most 200 characters. */
export const Search = Schema.String.pipe(Schema.maxLength(200, { message: () => "the search is longer than 200 characters" }))

/** The `kind` of a hit that is a thread's title. */
export const titleKind = "title"

/** The fields of a search that every transport encodes in the same way. */
export const SearchFilter = Schema.Struct({
  q: Search.annotations({
    description:
      'Words that must all be found, in any order; the last one may be the beginning of a word. `"a phrase"`, `-without`. Case and accents do not matter.'
  }),
  project: Schema.optional(ProjectId),
  thread: Schema.optional(ThreadId),
  kind: Schema.optional(Schema.String.pipe(Schema.maxLength(100))).annotations({
    description: "Only items of this kind, such as `agent-message` or `command`; `title` for titles of threads."
  })
})

export interface SearchRequest extends Schema.Schema.Type<typeof SearchFilter> {
  /** The `more` of the last page. */
  readonly before?: number | undefined
  /** At most this many hits. Default 20, at most 100. */
  readonly limit?: number | undefined
}

export const SearchHit = Schema.Struct({
  threadId: ThreadId,
  turnId: Schema.optional(TurnId).annotations({ description: "Absent for a title." }),
  itemId: Schema.optional(ItemId).annotations({ description: "Absent for a title." }),
  kind: Schema.String.annotations({ description: "The kind of the item; `title` for the title of a thread." }),
  at: Schema.String.annotations({ description: "When the item or the thread began, ISO 8601." }),
  snippet: Schema.String.annotations({
    description: "One line of about 160 characters around the first match. Each match is between U+2068 and U+2069."
  })
}).annotations({ identifier: "SearchHit" })
export type SearchHit = typeof SearchHit.Type

export const SearchPage = Schema.Struct({
  hits: Schema.Array(SearchHit).annotations({ description: "Newest first." }),
  more: Schema.optional(Schema.Int).annotations({ description: "The `before` of the next page; absent on the last one." }),
  indexing: Schema.optional(
    Schema.Struct({ done: Schema.Int, of: Schema.Int }).annotations({
      description:
        "Present while the index is built: the number of log positions that it covers, and of all. Hits may be missing."
    })
  )
}).annotations({ identifier: "SearchPage" })
export type SearchPage = typeof SearchPage.Type
