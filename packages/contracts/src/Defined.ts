/** Optional fields of an object. */

type OptionalKey<T, K extends keyof T> = undefined extends T[K] ? K : never
export type Defined<T> = { readonly [K in keyof T as Exclude<K, OptionalKey<T, K>>]: T[K] } & {
  readonly [K in keyof T as OptionalKey<T, K>]?: Exclude<T[K], undefined>
}

/** The fields that are not `undefined`, in their order. Spread the result into an object in which an absent field must have no key. */
export const defined = <T extends Readonly<Record<string, unknown>>>(fields: T): Defined<T> => {
  const kept: Record<string, unknown> = {}
  for (const key of Object.keys(fields)) if (fields[key] !== undefined) kept[key] = fields[key]
  // The type of the remaining fields depends on the values.
  return kept as Defined<T>
}
