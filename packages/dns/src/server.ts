// The DNS server of a cluster: its informers, its resolver and its sockets.
import { InformerFactory, withoutManagedFields, type Client } from "@knots/client";
import type { Clock, Logger } from "@knots/machinery";
import type { Answer } from "dns-packet";
import type { Upstream } from "./forward/exchange.ts";
import { Forwarder } from "./forward/forwarder.ts";
import { Listeners } from "./listeners.ts";
import { Resolver } from "./resolver.ts";
import { nameServersOf } from "./zone/reverse.ts";
import { informerSource } from "./zone/source.ts";

export interface DnsServerOptions {
  readonly client: Client;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly bindAddress: string;
  /** 0: any free one. */
  readonly port: number;
  /** Such as cluster.local. */
  readonly clusterDomain: string;
  /** `address` or `address:port`; IPv6 with a port in brackets. */
  readonly upstreams: readonly string[];
}

export class DnsServer implements AsyncDisposable {
  readonly #options: DnsServerOptions;
  readonly #stack = new AsyncDisposableStack();
  #ready = false;

  constructor(options: DnsServerOptions) {
    this.#options = options;
  }

  /** Listens at once and answers for other names; the cluster's follow when its Services are read. Resolves to the port. */
  async start(): Promise<number> {
    const { client, clock, logger, bindAddress, port, clusterDomain, upstreams } = this.#options;
    const informers = this.#stack.use(new InformerFactory(client, { clock, logger, transform: withoutManagedFields }));
    const seconds = (): number => Math.floor(clock.now() / 1000);
    let serial = seconds();
    const source = informerSource(informers, () => (serial = seconds()));
    const domain = clusterDomain.toLowerCase().replace(/\.$/, "");
    let own = port;
    const resolver = new Resolver({
      zone: {
        source,
        domain,
        serial: () => serial,
        nameServers: () => nameServersOf({ source, domain }, [bindAddress], own),
      },
      forwarder: new Forwarder(upstreams.map(parseUpstream), logger),
      ready: () => this.#ready,
      shuffle,
    });
    const listeners = this.#stack.use(new Listeners((message, maxSize) => resolver.answer(message, maxSize), logger));
    own = await listeners.listen(bindAddress, port);
    informers.start();
    const abort = new AbortController();
    this.#stack.defer(() => abort.abort());
    informers.waitForSync(abort.signal).then(
      () => {
        this.#ready = true;
        logger.info({ address: bindAddress, port: own }, "serving the cluster's names");
      },
      (error: unknown) => {
        if (!abort.signal.aborted) logger.error({ error: String(error) }, "cannot read the cluster's Services");
      },
    );
    return own;
  }

  get ready(): boolean {
    return this.#ready;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stack.disposeAsync();
  }
}

export function parseUpstream(text: string): Upstream {
  const match = /^\[(.+)\]:(\d+)$/.exec(text) ?? /^([^:]+):(\d+)$/.exec(text);
  return match === null ? { address: text, port: 53 } : { address: match[1] ?? "", port: Number(match[2]) };
}

/** Aliases stay where they are; the rest comes in an order of chance, so that callers spread. */
function shuffle(answers: Answer[]): void {
  const first = answers.findIndex((each) => each.type !== "CNAME");
  if (first < 0) return;
  for (let i = answers.length - 1; i > first; i--) {
    const j = first + Math.floor(Math.random() * (i - first + 1));
    const [a, b] = [answers[i], answers[j]];
    if (a !== undefined && b !== undefined) {
      answers[i] = b;
      answers[j] = a;
    }
  }
}
