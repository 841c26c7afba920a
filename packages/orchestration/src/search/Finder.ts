/** Finds documents: over an index that follows the log (`IndexFollower.ts`), or over the rows of the log (`Scan.ts`). Both give the same answers. */
import type { StorageUnavailable } from "@millrace/contracts/Errors"
import type { SearchPage } from "@millrace/contracts/Search"
import type { Filter, Found } from "@millrace/log/search/SearchFile"
import type { Terms } from "@millrace/log/search/Terms"
import type { Effect } from "effect"

export interface Wanted {
  readonly terms: Terms
  readonly filter: Filter
  /** Documents with a smaller position. */
  readonly before: number
  readonly limit: number
}

export interface Page extends Pick<SearchPage, "indexing"> {
  /** Newest first. */
  readonly found: ReadonlyArray<Found>
  /** `before` of the next page, if there is one. */
  readonly next?: number
}

export interface Finder {
  readonly find: (wanted: Wanted) => Effect.Effect<Page, StorageUnavailable>
}
