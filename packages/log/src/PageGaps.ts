/**
 * The unused space of the pages of a SQLite file (https://www.sqlite.org/fileformat2.html#b_tree_pages). It is what lies between the list of cells and the
 * first cell. When SQLite distributes cells to other pages, copies of them stay there, also with `secure_delete`.
 */

const kinds: ReadonlySet<number> = new Set([2, 5, 10, 13])
/** Inner pages have 4 bytes more in their header. */
const innerKinds: ReadonlySet<number> = new Set([2, 5])
/** The header of the file precedes that of page 1. */
const fileHeader = 100
/** Entries of a pointer map page: a type and a page number. Types 1 and 5 are pages of trees. */
const entryBytes = 5
const treeTypes: ReadonlySet<number> = new Set([1, 5])
/** The page with this byte is never used. */
const lockByte = 0x4000_0000

export interface Layout {
  readonly pageSize: number
  /** Bytes of a page that SQLite uses. */
  readonly usable: number
}

/** Read from the first 100 bytes of the file. `undefined`: the file has no pointer map, so the kinds of its pages are unknown. */
export const layoutOf = (header: Buffer): Layout | undefined => {
  if (header.toString("latin1", 0, 16) !== "SQLite format 3\0" || header.readUInt32BE(52) === 0) return undefined
  const size = header.readUInt16BE(16)
  const pageSize = size === 1 ? 65_536 : size
  return { pageSize, usable: pageSize - header.readUInt8(20) }
}

/** The pointer map page that describes a page; it is its own. Pages are numbered from 1. Undefined: none does. */
export const mapPageOf = ({ pageSize, usable }: Layout, page: number): number | undefined => {
  if (page < 2) return undefined
  const group = Math.floor(usable / entryBytes) + 1
  const found = Math.floor((page - 2) / group) * group + 2
  return found === lockByte / pageSize + 1 ? found + 1 : found
}

/** Whether the page is one of a tree. `map`: the content of its pointer map page. */
export const isTree = (layout: Layout, page: number, map: Buffer | undefined): boolean => {
  if (page === 1) return true
  const at = mapPageOf(layout, page)
  if (map === undefined || at === undefined || page <= at || page === lockByte / layout.pageSize + 1) return false
  return treeTypes.has(map[entryBytes * (page - at - 1)] ?? 0)
}

export interface Gap {
  readonly start: number
  readonly end: number
}

/** The unused space of a page of a tree, if it is not zero. Undefined also if the page is damaged: nothing is known about it then. */
export const dirtyGap = ({ usable }: Layout, page: number, content: Buffer, zeros: Buffer): Gap | undefined => {
  const header = page === 1 ? fileHeader : 0
  const kind = content[header]!
  if (!kinds.has(kind)) return undefined
  const cells = header + (innerKinds.has(kind) ? 12 : 8)
  const start = cells + 2 * content.readUInt16BE(header + 3)
  const end = content.readUInt16BE(header + 5) || 65_536
  if (start > end || end > usable || content.compare(zeros, 0, end - start, start, end) === 0) return undefined
  const firstFree = content.readUInt16BE(header + 1)
  if (firstFree !== 0 && firstFree < end) return undefined
  for (let cell = cells; cell < start; cell += 2) {
    const at = content.readUInt16BE(cell)
    if (at < end || at >= usable) return undefined
  }
  return { start, end }
}
