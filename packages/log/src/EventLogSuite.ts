/**
 * The tests that every EventLog must pass. To test your own store, call `suite("my store", (options) => ...a new, empty log...)` in a file that vitest
 * runs.
 */
import { blobs } from "./suite/blobs.ts"
import { bounds } from "./suite/bounds.ts"
import { faults } from "./suite/faults.ts"
import { forgets } from "./suite/forget.ts"
import { order } from "./suite/order.ts"
import { rows } from "./suite/rows.ts"
import { describeSubject, type Open } from "./suite/subject.ts"

export type { Open, SubjectOptions } from "./suite/subject.ts"

export const suite = (name: string, open: Open): void =>
  describeSubject(name, open, [order, bounds, faults, rows, forgets, blobs])
