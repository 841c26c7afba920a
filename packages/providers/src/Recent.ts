/** Bounds the entries of many maps together: an entry beyond the bound removes the oldest one from its map. Constant work per entry. */

interface Entry<V> {
  readonly map: Map<string, V>
  readonly key: string
  readonly value: V
}

export class Recent<V> {
  private readonly ring: Array<Entry<V>> = []
  private next = 0
  private readonly bound: number

  /** `bound`: maximum entries over all maps. */
  constructor(bound: number) {
    this.bound = bound
  }

  /** Counts an entry that is already in the map. An entry whose value was replaced in its map since is not removed. */
  add(map: Map<string, V>, key: string, value: V): void {
    const oldest = this.ring[this.next]
    if (oldest?.map.get(oldest.key) === oldest?.value) oldest?.map.delete(oldest.key)
    this.ring[this.next] = { map, key, value }
    this.next = (this.next + 1) % this.bound
  }
}
