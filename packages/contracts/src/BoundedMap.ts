/** A map and a set with a maximum size: a further entry evicts the oldest entry. Constant work per entry. */

export class BoundedMap<K, V> extends Map<K, V> {
  readonly #most: number
  readonly #onEvict: ((key: K, value: V) => void) | undefined

  /** `most`: maximum number of entries. `onEvict` is called for each evicted entry, but not for a deleted or replaced one. */
  constructor(most: number, entries: Iterable<readonly [K, V]> = [], onEvict?: (key: K, value: V) => void) {
    super()
    this.#most = most
    this.#onEvict = onEvict
    for (const [key, value] of entries) this.set(key, value)
  }

  /** Adds an entry as the newest one. A replaced entry keeps its age. */
  override set(key: K, value: V): this {
    super.set(key, value)
    if (this.size > this.#most)
      for (const [oldest, evicted] of this) {
        this.delete(oldest)
        this.#onEvict?.(oldest, evicted)
        break
      }
    return this
  }

  /** Adds or replaces an entry as the newest one. */
  renew(key: K, value: V): this {
    this.delete(key)
    return this.set(key, value)
  }
}

export class BoundedSet<A> extends Set<A> {
  readonly #most: number
  readonly #onEvict: ((value: A) => void) | undefined

  constructor(most: number, onEvict?: (value: A) => void) {
    super()
    this.#most = most
    this.#onEvict = onEvict
  }

  /** Adds a value as the newest one. A value that is already in the set keeps its age. */
  override add(value: A): this {
    super.add(value)
    if (this.size > this.#most)
      for (const oldest of this) {
        this.delete(oldest)
        this.#onEvict?.(oldest)
        break
      }
    return this
  }

  /** Adds or moves a value as the newest one. */
  renew(value: A): this {
    this.delete(value)
    return this.add(value)
  }
}
