/** The digest of a command, by which a repeated command is recognised. */
import { describe, expect, it } from "vitest"
import * as Kit from "@millrace/testing/Orchestration"
import * as Receipts from "./Receipts.ts"

describe("C2 the digest of a command", () => {
  const command = Kit.command("thread.create", { provider: "demo", cwd: "/work", turn: { text: "hello" } })

  it("C2 does not depend on the order of its keys, at any depth", () => {
    const { turn, cwd, provider, type, commandId } = command
    const nested = { ...command, turn: { text: "hello", strategy: "enqueue" } }
    const turned = { turn: { strategy: "enqueue", text: "hello" }, cwd, provider, type, commandId }
    expect(Receipts.digest({ turn, cwd, provider, type, commandId })).toBe(Receipts.digest(command))
    expect(Receipts.digest(turned)).toBe(Receipts.digest(nested))
    expect(Receipts.digest(nested)).not.toBe(Receipts.digest(command))
  })

  it("C2 does not depend on the id or on undefined fields; it depends on each value and on the order of a list", () => {
    expect(
      Receipts.digest({ ...command, commandId: Kit.command("session.stop", { threadId: "thr_a" as never }).commandId })
    ).toBe(Receipts.digest(command))
    expect(Receipts.digest({ ...command, title: undefined } as typeof command)).toBe(Receipts.digest(command))
    expect(Receipts.digest({ ...command, cwd: "/other" })).not.toBe(Receipts.digest(command))
    const order = (...turnIds: ReadonlyArray<string>) => Receipts.digest({ ...command, turnIds } as typeof command)
    expect(order("a", "b")).not.toBe(order("b", "a"))
  })
})
