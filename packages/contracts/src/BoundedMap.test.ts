import { FastCheck as fc } from "effect"
import { expect, it } from "vitest"
import { BoundedMap, BoundedSet } from "./BoundedMap.ts"

it("renewing an existing entry makes it the newest one and evicts no other", () => {
  const full = new Map([
    ["a", 1],
    ["b", 2],
    ["c", 3]
  ])
  expect([...new BoundedMap(3, full).renew("a", 4)]).toEqual([
    ["b", 2],
    ["c", 3],
    ["a", 4]
  ])
  expect([...new BoundedMap(3, full).renew("d", 4).keys()]).toEqual(["b", "c", "d"])
  expect([...full.keys()]).toEqual(["a", "b", "c"])
})

it("R7 a bounded map and set keep the newest entries and report each evicted one once", () => {
  const step = fc.record({ how: fc.constantFrom("set", "renew", "delete"), key: fc.integer({ min: 0, max: 9 }) })
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 6 }), fc.array(step, { maxLength: 60 }), (most, steps) => {
      const evicted: Array<number> = []
      const map = new BoundedMap<number, number>(most, [], (key) => evicted.push(key))
      const set = new BoundedSet<number>(most, (value) => evicted.push(value))
      let expected: Array<number> = []
      const evictedKeys: Array<number> = []
      for (const [n, { how, key }] of steps.entries()) {
        if (how === "delete" || how === "renew") expected = expected.filter((other) => other !== key)
        if (how !== "delete" && !expected.includes(key)) expected.push(key)
        if (expected.length > most) evictedKeys.push(...expected.splice(0, 1).flatMap((oldest) => [oldest, oldest]))
        if (how === "delete") {
          map.delete(key)
          set.delete(key)
        } else if (how === "renew") {
          map.renew(key, n)
          set.renew(key)
        } else {
          map.set(key, n)
          set.add(key)
        }
        expect([...map.keys()]).toEqual(expected)
        expect([...set]).toEqual(expected)
      }
      expect(evicted).toEqual(evictedKeys)
    })
  )
})
