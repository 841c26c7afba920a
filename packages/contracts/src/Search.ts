/** Words to find threads by. */
import { Schema } from "effect"

/** Words that a title must have, in any order and in any case; at most 200 characters. */
export const Search = Schema.String.pipe(Schema.maxLength(200, { message: () => "the search is longer than 200 characters" }))
