/** Bounds the entries of many maps together: one entry more removes the oldest one from its map. Constant work for each entry. */

interface Entry<V> {
  readonly map: Map<string, V>
  readonly key: string
  readonly value: V
}

export class Recent<V> {
  private readonly ring: Array<Entry<V>> = []
  private next = 0
  private readonly bound: number

  /** `bound`: the most entries that are kept over all maps. */
  constructor(bound: number) {
    this.bound = bound
  }

  /** Counts an entry that is in the map already. An entry that its map has replaced since is not removed. */
  add(map: Map<string, V>, key: string, value: V): void {
    const oldest = this.ring[this.next]
    if (oldest?.map.get(oldest.key) === oldest?.value) oldest?.map.delete(oldest.key)
    this.ring[this.next] = { map, key, value }
    this.next = (this.next + 1) % this.bound
  }
}
