/** What this room uses of `ws`. */
declare module "ws" {
  interface Options {
    readonly headers?: Readonly<Record<string, string>>
    readonly handshakeTimeout?: number
  }
  export const WebSocket: new (url: string, options?: Options) => object
}
