/** Runs a check against planted mistakes, one at a time. If a check does not find a mistake, it would also miss the same mistake in the product. */
import { setImmediate } from "node:timers/promises"
import { expect, it, onTestFinished, vi } from "vitest"

/** A planted mistake. */
export interface Mutant {
  readonly name: string
  /** The invariants that the mistake breaks. */
  readonly promise: string
}

/** A mistake that replaces some functions of a module. */
export interface ModuleMutant extends Mutant {
  readonly module: string
  /** Takes the module's correct functions and returns the wrong ones. */
  readonly change: (right: unknown) => object
}

/** A mistake in a module, given as package and module: `orchestration/decide/decideFact`. */
export const inModule = <Module>(
  name: string,
  promise: string,
  module: string,
  change: (right: Module) => Partial<Module>
): ModuleMutant => ({
  name,
  promise,
  module: `@millrace/${module.replace("/", "/internal/")}`,
  // `plant` passes the module of that name.
  change: (right) => change(right as Module)
})

/** Imports a check while the mistake is in place, until the test has finished. `load` imports the module that runs the check. */
export const plant = <Check>({ change, module }: ModuleMutant, load: () => Promise<Check>): Promise<Check> => {
  vi.resetModules()
  vi.doMock(module, async (original: () => Promise<object>) => {
    const right = await original()
    return { ...right, ...change(right) }
  })
  onTestFinished(() => {
    vi.doUnmock(module)
    vi.resetModules()
  })
  return load()
}

/** One test for each mutant. `find` returns the findings of the check. A test fails if its mutant has no finding. */
export const findsEach = <M extends Mutant>(
  mutants: ReadonlyArray<M>,
  find: (mutant: M) => ReadonlyArray<unknown> | Promise<ReadonlyArray<unknown>>
): void => {
  for (const mutant of mutants)
    it(`${mutant.promise} planted: ${mutant.name}`, async () => {
      // Lets the timers of the test runner run between two checks.
      await setImmediate()
      expect(await find(mutant)).not.toEqual([])
    })
}
