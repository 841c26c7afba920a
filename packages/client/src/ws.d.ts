/** What this room uses of `ws`. */
declare module "ws" {
  export class WebSocket {
    constructor(
      url: string,
      options?: { readonly headers?: Readonly<Record<string, string>>; readonly handshakeTimeout?: number }
    )
  }
}
