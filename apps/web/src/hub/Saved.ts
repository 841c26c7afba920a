/**
 * The state of this browser between visits: the world (state of all threads) and its offset are one value in IndexedDB, so that a reload never finds a
 * cursor without its state. A failure (private window, full disk) is treated as no saved state.
 */
import { isAppState, type AppState } from "@millrace/model/AppState"

export interface SavedState {
  readonly world: AppState
  /** Milliseconds since 1970. */
  readonly savedAt: number
}

const open = (): Promise<IDBObjectStore> =>
  new Promise((resolve, reject) => {
    const request = indexedDB.open("millrace", 1)
    request.addEventListener("upgradeneeded", () => request.result.createObjectStore("place"))
    request.addEventListener("error", () => reject(request.error ?? new Error("IndexedDB")))
    request.addEventListener("success", () => {
      const database = request.result
      const transaction = database.transaction("place", "readwrite")
      transaction.addEventListener("complete", () => database.close())
      resolve(transaction.objectStore("place"))
    })
  })

const resultOf = <A>(request: IDBRequest<A>): Promise<A> =>
  new Promise((resolve, reject) => {
    request.addEventListener("success", () => resolve(request.result))
    request.addEventListener("error", () => reject(request.error ?? new Error("IndexedDB")))
  })

const attempt = async <A>(use: (store: IDBObjectStore) => IDBRequest<A>): Promise<A | undefined> => {
  try {
    return await resultOf(use(await open()))
  } catch {
    return undefined
  }
}

/** The saved state. `undefined` if there is none, or if an incompatible version of the page saved it. */
export const load = async (): Promise<SavedState | undefined> => {
  const value = await attempt<Partial<SavedState> | undefined>((store) => store.get("world"))
  return isAppState(value?.world) && typeof value.savedAt === "number"
    ? { world: value.world, savedAt: value.savedAt }
    : undefined
}
export const save = (world: AppState): Promise<unknown> =>
  attempt((store) => store.put({ world, savedAt: Date.now() } satisfies SavedState, "world"))
export const forget = (): Promise<unknown> => attempt((store) => store.delete("world"))
