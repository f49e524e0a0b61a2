import type { ApiResponse } from "./types.ts";

/** One reason for all: an error made for each request that ends would cost more than the request. */
const GONE = new Error("the client has gone or the server is stopping");

/** Aborts when the answer is closed, or by abort(). Made only when somebody asks: most requests never do. */
export class RequestSignal {
  readonly #response: ApiResponse;
  #controller: AbortController | undefined;
  #aborted = false;

  constructor(response: ApiResponse) {
    this.#response = response;
  }

  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController();
      if (this.#aborted || this.#response.destroyed) this.#controller.abort(GONE);
      else this.#response.once("close", () => this.abort());
    }
    return this.#controller.signal;
  }

  abort(): void {
    this.#aborted = true;
    this.#controller?.abort(GONE);
  }
}
