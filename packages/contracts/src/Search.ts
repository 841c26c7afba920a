/** Search terms for threads. */
import { Schema } from "effect"

/** Words that a title must contain, in any order, ignoring case. At most 200 characters. */
export const Search = Schema.String.pipe(Schema.maxLength(200, { message: () => "the search is longer than 200 characters" }))
