/** Mistakes of a search index, planted one at a time. */
import { expect, it } from "@effect/vitest"
import type { ThreadView } from "@millrace/contracts/State"
import type * as SearchFile from "@millrace/log/search/SearchFile"
import { findsEach, inModule, type ModuleMutant, plant } from "@millrace/testing/MutantRunner"
import { Effect } from "effect"
import { checks } from "../../test/SearchChecks.ts"
import type * as Documents from "./Documents.ts"

type Name = keyof typeof checks

const mutant = <Module>(
  check: Name,
  name: string,
  module: string,
  change: (right: Module) => Partial<Module>
): ModuleMutant & { readonly check: Name } => ({ ...inModule(name, "Q1", module, change), check })

/** Changes the class of one copy of the module, which only this mutant imports. */
const index = (check: Name, name: string, change: (prototype: SearchFile.SearchFile) => void) =>
  mutant<typeof SearchFile>(check, name, "log/search/SearchFile", ({ SearchFile }) => {
    change(SearchFile.prototype)
    return {}
  })

const mutants = [
  index("deletedThread", "a deletion leaves the text in the index", (prototype) => {
    prototype.forget = () => false
  }),
  index("deletedThread", "the words of removed documents are not merged away", (prototype) => {
    prototype.merge = () => false
  }),
  index("likeScan", "a search reads the newest part only", (prototype) => {
    const { get = () => [] } = Object.getOwnPropertyDescriptor(prototype, "parts") ?? {}
    Object.defineProperty(prototype, "parts", {
      get(this: SearchFile.SearchFile) {
        const parts: SearchFile.SearchFile["parts"] = get.call(this)
        return parts.slice(0, 1)
      }
    })
  }),
  index("likeScan", "a page begins one document late", (prototype) => {
    const { find } = prototype
    prototype.find = function (this: SearchFile.SearchFile, part, terms, filter, before, limit) {
      return find.call(this, part, terms, filter, before - 2, limit)
    }
  }),
  index("likeScan", "an odd `before`, that of a title, is rounded up", (prototype) => {
    const { find } = prototype
    prototype.find = function (this: SearchFile.SearchFile, part, terms, filter, before, limit) {
      return find.call(this, part, terms, filter, before + (before % 2), limit)
    }
  }),
  index("likeScan", "a page repeats the document at its cursor", (prototype) => {
    const { find } = prototype
    prototype.find = function (this: SearchFile.SearchFile, part, terms, filter, before, limit) {
      return find.call(this, part, terms, filter, before + 1, limit)
    }
  }),
  mutant<typeof Documents>(
    "laggingIndex",
    "a hit of a deleted thread is returned",
    "orchestration/search/Documents",
    ({ threadsOf }) => {
      const seen = new Map<string, ThreadView>()
      return {
        threadsOf: (log, ids) =>
          Effect.map(threadsOf(log, ids), (found) => {
            for (const [id, thread] of found) seen.set(id, thread)
            return seen
          })
      }
    }
  )
]

it.each(Object.keys(checks) as ReadonlyArray<Name>)("Q1 %s holds", async (name) => {
  expect(await checks[name]()).toEqual([])
})

findsEach(mutants, async (one) => (await plant(one, () => import("../../test/SearchChecks.ts"))).checks[one.check]())
