/** Answers a request from one synchronous view of a store. */
import type { Answer, Part, Request, RowKey } from "./Query.ts"
import type { StorageView } from "./Storage.ts"

const rankOf = (view: StorageView, bound: number | RowKey | undefined): number | undefined =>
  typeof bound === "object" ? view.rankOf(bound) : bound

const answerPart = (view: StorageView, part: Part): unknown => {
  switch (part._tag) {
    case "Row":
      return view.row(part.collection, part.key)
    case "RowsByKey": {
      const found = part.keys.flatMap((key) => view.row(part.collection, key) ?? [])
      return new Map(found.map((row) => [row.key, row]))
    }
    case "Rows": {
      const before = rankOf(view, part.before) ?? Number.MAX_SAFE_INTEGER
      const since = part.since === undefined ? 0 : (rankOf(view, part.since) ?? Number.MAX_SAFE_INTEGER)
      return view.rows({ ...part, before, since })
    }
    case "Count":
      return part.parents === undefined
        ? view.count(part.collection)
        : part.parents.reduce((sum, parent) => sum + view.count(part.collection, parent), 0)
    case "Events":
      return view.events(part.options)
  }
}

export const answer = <R extends Request>(view: StorageView, request: R): Answer<R> => {
  const { head, retainedFrom } = view
  const parts = Object.entries(request).map(([name, part]) => [name, answerPart(view, part)] as const)
  // The writer of a collection guarantees the type of its values. Only this place casts parsed JSON to that type.
  return { head, retainedFrom, ...Object.fromEntries(parts) } as Answer<R>
}
