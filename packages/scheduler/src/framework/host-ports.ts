import type { HostPort } from "./pod-info.ts";

const ANY = "0.0.0.0";

/** Host ports in use on a node. The same port on different addresses is no conflict, unless one of them is any address. */
export class HostPorts {
  /** "protocol/port" → address → how many pods use it (two may, when both were bound by hand). */
  readonly #used = new Map<string, Map<string, number>>();

  add({ ip, protocol, port }: HostPort): void {
    const key = `${protocol}/${port}`;
    let addresses = this.#used.get(key);
    if (addresses === undefined) this.#used.set(key, (addresses = new Map()));
    addresses.set(ip, (addresses.get(ip) ?? 0) + 1);
  }

  remove({ ip, protocol, port }: HostPort): void {
    const key = `${protocol}/${port}`;
    const addresses = this.#used.get(key);
    if (addresses === undefined) return;
    const left = (addresses.get(ip) ?? 0) - 1;
    if (left > 0) addresses.set(ip, left);
    else addresses.delete(ip);
    if (addresses.size === 0) this.#used.delete(key);
  }

  conflicts({ ip, protocol, port }: HostPort): boolean {
    const addresses = this.#used.get(`${protocol}/${port}`);
    if (addresses === undefined) return false;
    return ip === ANY || addresses.has(ip) || addresses.has(ANY);
  }

  clone(): HostPorts {
    const copy = new HostPorts();
    for (const [key, addresses] of this.#used) copy.#used.set(key, new Map(addresses));
    return copy;
  }
}
