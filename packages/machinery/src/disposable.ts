// Lifetimes: what was acquired is given back in reverse order, all of it, even when one fails.

type Cleanup = AsyncDisposable | Disposable | (() => void | Promise<void>);

export class DisposableStore implements AsyncDisposable {
  readonly #items: Cleanup[] = [];

  /** Takes charge of `item` and returns it. */
  add<T extends Cleanup>(item: T): T {
    this.#items.push(item);
    return item;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const errors: unknown[] = [];
    for (let item = this.#items.pop(); item !== undefined; item = this.#items.pop()) {
      try {
        if (typeof item === "function") await item();
        else if (Symbol.asyncDispose in item) await item[Symbol.asyncDispose]();
        else item[Symbol.dispose]();
      } catch (error) {
        errors.push(error);
      }
    }
    if (errors.length === 1) throw errors[0];
    if (errors.length > 1) throw new AggregateError(errors, "several things could not be disposed of");
  }
}
