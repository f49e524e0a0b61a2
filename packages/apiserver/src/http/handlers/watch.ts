import {
  StatusError,
  forbidden,
  newInvalid,
  newNotAcceptable,
  newResourceExpired,
  notSupported,
} from "@knots/machinery";
import type { FieldError, KubeObject } from "@knots/machinery";
import { parseRevision, waitForRevision } from "../../registry/listing.ts";
import { selectionOf } from "../../registry/selection.ts";
import type { Selection } from "../../registry/selection.ts";
import { apiVersionOf, prepareEntries } from "../../registry/served.ts";
import type { ServedResource } from "../../registry/served.ts";
import type { Entry } from "../../watch-cache/entry.ts";
import type { CacheEvent } from "../../watch-cache/cache-event.ts";
import { Watcher, report } from "../../watch-cache/watcher.ts";
import type { WatchEventType } from "../../watch-cache/watcher.ts";
import { jsonCodec } from "../codecs.ts";
import { listOptions } from "../options.ts";
import type { ListOptions } from "../options.ts";
import { negotiate } from "../negotiate.ts";
import type { Negotiated } from "../negotiate.ts";
import { representation } from "../representation.ts";
import type { Representation } from "../representation.ts";
import type { RequestContext } from "../types.ts";
import type { HandlerDependencies } from "./dependencies.ts";
import { HttpWatchTransport } from "./watch-transport.ts";
import type { WatchTransport } from "./watch-transport.ts";

/** Without timeoutSeconds a watch ends after a random time between this and twice this, so that reconnects spread. */
const MIN_TIMEOUT_SECONDS = 1800;
const BOOKMARK_INTERVAL_MS = 60_000;
const INITIAL_EVENTS_END = "k8s.io/initial-events-end";

/** GET with watch=true, over HTTP. */
export async function handleWatch(
  deps: HandlerDependencies,
  ctx: RequestContext,
  served: ServedResource,
): Promise<void> {
  const negotiated = negotiate(ctx.request.headers.accept, deps.codecs, { transforms: true, custom: served.custom });
  const watch = await prepareWatch(deps, ctx, served, negotiated);
  await watch(new HttpWatchTransport(ctx, deps.fanOut, negotiated.codec.streamMediaType ?? jsonCodec.mediaType));
}

/** What a watch can be asked for as. */
const STREAM_TYPES = ["application/json;stream=watch", "application/vnd.kubernetes.protobuf;stream=watch"];

/** Checks everything that is answered by a Status instead of a stream; the result runs the watch to its end. */
export async function prepareWatch(
  deps: HandlerDependencies,
  ctx: RequestContext,
  served: ServedResource,
  negotiated: Negotiated,
): Promise<(transport: WatchTransport) => Promise<void>> {
  const { info } = ctx;
  const options = listOptions(info.query);
  checkOptions(options);
  if (negotiated.codec.streamMediaType === undefined) throw newNotAcceptable(STREAM_TYPES);
  const selection = selectionOf(served, info.namespace, info.name, options.labelSelector, options.fieldSelector);
  const { resourceVersion } = options;
  const wanted = resourceVersion === "" ? 0 : parseRevision(resourceVersion);
  // Initial states must be at least as new as asked for.
  if (options.sendInitialEvents === true && wanted > 0) await waitForRevision(deps.cacher, deps.clock, wanted);
  return (transport) => new WatchSession(deps, ctx, served, negotiated, options, selection, wanted, transport).run();
}

class WatchSession {
  readonly #deps: HandlerDependencies;
  readonly #ctx: RequestContext;
  readonly #served: ServedResource;
  readonly #negotiated: Negotiated;
  readonly #options: ListOptions;
  readonly #selection: Selection;
  readonly #from: number;
  readonly #transport: WatchTransport;
  readonly #first: Representation;
  readonly #later: Representation;
  #sent = 0;
  /** The end of what is to be sent, where another server converts: events keep their order. */
  #turn: Promise<void> | undefined;

  constructor(
    deps: HandlerDependencies,
    ctx: RequestContext,
    served: ServedResource,
    negotiated: Negotiated,
    options: ListOptions,
    selection: Selection,
    from: number,
    transport: WatchTransport,
  ) {
    this.#deps = deps;
    this.#ctx = ctx;
    this.#served = served;
    this.#negotiated = negotiated;
    this.#options = options;
    this.#selection = selection;
    this.#from = from;
    this.#transport = transport;
    const table = deps.tableOptions(ctx);
    // Only the first table of a watch says what its columns are.
    this.#first = representation(served, negotiated, table);
    this.#later = representation(served, negotiated, { ...table, columns: false });
  }

  async run(): Promise<void> {
    const { cache } = this.#served.storage;
    const { cacher, clock } = this.#deps;
    this.#transport.open();
    const initial = this.#wantsInitialEvents();
    let start = this.#from;
    if (initial) {
      start = cacher.revision;
      this.#sendInitial();
    } else if (this.#from > 0 && this.#from < cache.historyStart) {
      this.#sendError(newResourceExpired(`too old resource version: ${this.#from} (${cache.historyStart})`).status);
      this.#transport.close();
      return;
    }
    this.#ctx.initialized();
    const watcher = this.#watcher(start);
    const seconds = this.#options.timeoutSeconds ?? MIN_TIMEOUT_SECONDS * (1 + Math.random());
    const timeout = clock.setTimeout(() => {
      if (this.#options.allowWatchBookmarks) this.#sendBookmark(false);
      this.#inTurn([], () => this.#transport.close());
    }, seconds * 1000);
    const bookmarks = this.#options.allowWatchBookmarks
      ? clock.setInterval(() => this.#sendBookmark(false), BOOKMARK_INTERVAL_MS)
      : undefined;
    try {
      await this.#transport.closed(this.#ctx.signal);
    } finally {
      watcher[Symbol.dispose]();
      timeout.cancel();
      bookmarks?.cancel();
    }
  }

  #watcher(start: number): Watcher {
    const { cache } = this.#served.storage;
    const { trigger, covers, prepare } = this.#selection;
    if (prepare === undefined)
      return new Watcher(cache, this.#selection, { send: (...event) => this.#send(...event) }, start);
    const send = (_type: WatchEventType, _entry: Entry, event: CacheEvent | undefined): void => {
      if (event !== undefined) this.#sendSelected(event, prepare);
    };
    return new Watcher(cache, { trigger, matches: covers }, { send }, start);
  }

  /** What a change means to this watcher is known once both states are converted. */
  #sendSelected(event: CacheEvent, prepare: NonNullable<Selection["prepare"]>): void {
    const states = event.deleted ? [event.previous] : [event.previous, event.entry];
    this.#afterTurn(async () => {
      await prepare(states.filter((state) => state !== undefined));
      const shown: [WatchEventType, Entry, CacheEvent | undefined][] = [];
      report(event, this.#selection, { send: (...each) => shown.push(each) });
      await prepareEntries(
        this.#served,
        shown.map(([, entry]) => entry),
      );
      for (const each of shown) this.#sendNow(...each);
    });
  }

  #wantsInitialEvents(): boolean {
    const { sendInitialEvents } = this.#options;
    return sendInitialEvents ?? this.#from === 0;
  }

  #sendInitial(): void {
    const { cache } = this.#served.storage;
    const { key, prefix } = this.#selection;
    const only = key === undefined ? undefined : cache.get(key);
    const entries = key === undefined ? cache.scan(prefix) : only === undefined ? [] : [only];
    const { prepare } = this.#selection;
    const selected = (from: Iterable<Entry>): Iterable<Entry> =>
      Iterator.from(from).filter((entry) => this.#selection.matches(entry));
    if (this.#served.converter?.prepare === undefined)
      for (const entry of selected(entries)) this.#send("ADDED", entry, undefined);
    else if (prepare === undefined) this.#sendConverted([...selected(entries)]);
    else {
      const candidates = [...entries];
      this.#afterTurn(async () => {
        await prepare(candidates);
        const shown = [...selected(candidates)];
        await prepareEntries(this.#served, shown);
        for (const entry of shown) this.#sendNow("ADDED", entry, undefined);
      });
    }
    if (this.#options.sendInitialEvents === true && this.#options.allowWatchBookmarks) this.#sendBookmark(true);
  }

  /** All initial states are converted in one call. */
  #sendConverted(entries: readonly Entry[]): void {
    this.#inTurn(entries, () => {
      for (const entry of entries) this.#sendNow("ADDED", entry, undefined);
    });
  }

  /** Does something that sends, at once where nothing has to be converted for it by another server. */
  #inTurn(entries: readonly Entry[], send: () => void): void {
    if (this.#served.converter?.prepare === undefined) {
      send();
      return;
    }
    this.#afterTurn(async () => {
      await prepareEntries(this.#served, entries);
      send();
    });
  }

  /** Does something after everything that was to be sent before. */
  #afterTurn(work: () => Promise<void>): void {
    const before = this.#turn ?? Promise.resolve();
    this.#turn = before.then(work).catch((error: unknown) => {
      const { codec } = this.#negotiated;
      this.#transport.send(codec.frame("ERROR", codec.encode(StatusError.from(error).status)));
      this.#transport.close();
    });
  }

  #send(type: WatchEventType, entry: Entry, event: CacheEvent | undefined): void {
    this.#inTurn([entry], () => this.#sendNow(type, entry, event));
  }

  #sendNow(type: WatchEventType, entry: Entry, event: CacheEvent | undefined): void {
    const { codec } = this.#negotiated;
    const how = this.#sent++ === 0 ? this.#first : this.#later;
    if (event === undefined || how.form === undefined) {
      this.#transport.send(codec.frame(type, how.bytes(entry)));
      return;
    }
    const shared = `${type}:${how.form}`;
    this.#transport.send(event.frame(shared, () => codec.frame(type, how.encode(entry))));
  }

  #sendBookmark(initialEventsEnd: boolean): void {
    const { info } = this.#served;
    const partial = this.#negotiated.as !== "object";
    const object: KubeObject = {
      kind: partial ? "PartialObjectMetadata" : info.kind,
      apiVersion: partial ? `meta.k8s.io/${this.#negotiated.metaVersion}` : apiVersionOf(info),
      metadata: {
        resourceVersion: String(this.#deps.cacher.revision),
        ...(initialEventsEnd ? { annotations: { [INITIAL_EVENTS_END]: "true" } } : {}),
      },
    };
    this.#sendPlain("BOOKMARK", object);
  }

  #sendError(status: object): void {
    this.#sendPlain("ERROR", status);
  }

  #sendPlain(type: string, object: object): void {
    const { codec } = this.#negotiated;
    this.#inTurn([], () => this.#transport.send(codec.frame(type, codec.encode(object))));
  }
}

function checkOptions({ sendInitialEvents, resourceVersionMatch, continueToken }: ListOptions): void {
  const errors: FieldError[] = [];
  const refuse = (detail: string): number => errors.push(forbidden("resourceVersionMatch", detail));
  if (sendInitialEvents !== undefined && resourceVersionMatch !== "NotOlderThan") {
    refuse("sendInitialEvents requires setting resourceVersionMatch to NotOlderThan");
  }
  if (resourceVersionMatch !== "") {
    if (sendInitialEvents === undefined) {
      refuse("resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided");
    }
    if (resourceVersionMatch !== "NotOlderThan") {
      errors.push(notSupported("resourceVersionMatch", resourceVersionMatch, ["NotOlderThan"]));
    }
    if (continueToken !== "") refuse("resourceVersionMatch is forbidden when continue is provided");
  }
  if (errors.length > 0) throw newInvalid({ group: "meta.k8s.io", kind: "ListOptions" }, "", errors);
}
