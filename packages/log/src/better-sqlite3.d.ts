/** The part of better-sqlite3 that the log uses; the package has no types. */
declare module "better-sqlite3" {
  export interface Statement {
    readonly reader: boolean
    run(...params: ReadonlyArray<unknown>): { readonly changes: number }
    get(...params: ReadonlyArray<unknown>): unknown
    all(...params: ReadonlyArray<unknown>): Array<unknown>
    iterate(...params: ReadonlyArray<unknown>): IterableIterator<unknown>
    /** Rows as arrays. Sticks to the statement. */
    raw(on?: boolean): this
    /** First column only. Sticks to the statement. */
    pluck(on?: boolean): this
  }
  export default class Database {
    static readonly SqliteError: new (message: string, code: string) => Error & { readonly code: string }
    constructor(
      file: string,
      options?: { readonly readonly?: boolean; readonly fileMustExist?: boolean; readonly timeout?: number }
    )
    readonly open: boolean
    readonly inTransaction: boolean
    prepare(sql: string): Statement
    exec(sql: string): this
    pragma(text: string, options?: { readonly simple?: boolean }): unknown
    table(
      name: string,
      definition: { readonly columns: ReadonlyArray<string>; readonly rows: () => Generator<ReadonlyArray<unknown>> }
    ): this
    unsafeMode(on: boolean): this
    close(): this
  }
}
