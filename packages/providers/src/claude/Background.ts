/** Claude's tasks (shells and sub-agents) that outlive their turn. They are reported when their turn ends, because most end before it. */
import { BoundedMap } from "@millrace/contracts/BoundedMap"
import { maxTools } from "../Bounds.ts"
import type { NativeEvent } from "../NativeEvent.ts"

const report = (method: "background/started" | "background/ended", task: string): NativeEvent => ({
  _tag: "Opaque",
  method,
  payload: { task }
})

export class Background {
  /** Key: the id of a running task. Value: whether the task was reported. */
  readonly #running = new BoundedMap<string, boolean>(maxTools)

  started(task: string): void {
    if (!this.#running.has(task)) this.#running.set(task, false)
  }

  ended(task: string): ReadonlyArray<NativeEvent> {
    const reported = this.#running.get(task) === true
    this.#running.delete(task)
    return reported ? [report("background/ended", task)] : []
  }

  /** Call when a turn ends. */
  turnEnded(): ReadonlyArray<NativeEvent> {
    const left = [...this.#running].flatMap(([task, reported]) => (reported ? [] : [task]))
    for (const task of left) this.#running.set(task, true)
    return left.map((task) => report("background/started", task))
  }
}
