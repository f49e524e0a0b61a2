import {
  forbidden,
  newBadRequest,
  newInvalid,
  newResourceExpired,
  newTimeout,
  newUnknownError,
  notSupported,
} from "@knots/machinery";
import type { Clock, FieldError, StatusError } from "@knots/machinery";
import type { ListOptions } from "../http/options.ts";
import type { Cacher } from "../watch-cache/cacher.ts";
import type { Entry } from "../watch-cache/entry.ts";
import { decodeContinue, encodeContinue } from "./continue-token.ts";
import type { Selection } from "./selection.ts";
import type { ServedResource } from "./served.ts";

/** How long a read waits for a revision that this server has not seen yet. */
const WAIT_FOR_REVISION_MS = 3000;
/** How long one list may select at a stretch. */
const SLICE_MS = 4;

export interface ListPage {
  readonly entries: readonly Entry[];
  readonly revision: number;
  readonly continueToken: string;
  readonly remaining: number | undefined;
}

/** The rules of resourceVersion, resourceVersionMatch, limit and continue. */
export async function listPage(
  cacher: Cacher,
  clock: Clock,
  served: ServedResource,
  selection: Selection,
  options: ListOptions,
): Promise<ListPage> {
  checkMatch(options);
  const { cache, type } = served.storage;
  let revision: number | undefined;
  let after: string | undefined;
  if (options.continueToken !== "") {
    if (options.resourceVersion !== "" && options.resourceVersion !== "0") {
      throw newBadRequest("specifying resource version is not allowed when using continue");
    }
    const token = decodeContinue(options.continueToken);
    after = type.prefix + token.after;
    if (!after.startsWith(selection.prefix))
      throw newBadRequest(`invalid continue token: continue key is not valid: ${token.after}`);
    if (token.revision >= 0) {
      revision = token.revision;
      if (revision < cache.historyStart) throw expiredContinue(token.after);
    }
  } else if (options.resourceVersion !== "") {
    const wanted = parseListRevision(options.resourceVersion);
    await waitForRevision(cacher, clock, wanted);
    if (options.resourceVersionMatch === "Exact") {
      if (wanted < cache.historyStart) {
        throw newResourceExpired(`The resourceVersion for the provided list is too old.`);
      }
      revision = wanted;
    }
  }
  const at = revision ?? cacher.revision;
  if (revision !== undefined && revision < cacher.revision) {
    return collect(served, selection, options.limit, at, cache.scanAt(revision, selection.prefix, after), after);
  }
  const total = cache.count(selection.prefix, after);
  return collect(served, selection, options.limit, at, cache.scan(selection.prefix, after), after, total);
}

async function collect(
  served: ServedResource,
  selection: Selection,
  limit: number,
  revision: number,
  source: Iterable<Entry>,
  after: string | undefined,
  /** How many there are in `source`, if that is known without walking it. */
  total?: number,
): Promise<ListPage> {
  const { cache, type } = served.storage;
  const whole = (entries: readonly Entry[]): ListPage => ({
    entries,
    revision,
    continueToken: "",
    remaining: undefined,
  });
  if (selection.key !== undefined && after === undefined) {
    const entry = cache.get(selection.key);
    if (entry !== undefined) await selection.prepare?.([entry]);
    const found = entry !== undefined && entry.revision <= revision && selection.matches(entry);
    return whole(found ? [entry] : []);
  }
  const page = (entries: readonly Entry[], remaining: number | undefined): ListPage => {
    const last = entries.at(-1)?.key ?? "";
    return {
      entries,
      revision,
      continueToken: encodeContinue({ revision, after: last.slice(type.prefix.length) }),
      remaining,
    };
  };
  if (selection.everything && total !== undefined && limit > 0 && total > limit) {
    return page(Array.from(first(source, limit)), total - limit);
  }
  // All of one moment; what is selected of them is found out in slices.
  const candidates = Array.from(source);
  await selection.prepare?.(candidates);
  const entries = selection.everything
    ? candidates
    : await selected(candidates, selection, limit === 0 ? Infinity : limit + 1);
  if (limit === 0 || entries.length <= limit) return whole(entries);
  return page(entries.slice(0, limit), selection.everything ? entries.length - limit : undefined);
}

function* first<T>(source: Iterable<T>, count: number): Generator<T> {
  let left = count;
  for (const each of source) {
    yield each;
    if (--left === 0) return;
  }
}

/** Selectors look at decoded objects, and decoding ten thousand takes long: other requests are served in between. */
async function selected(candidates: readonly Entry[], selection: Selection, enough: number): Promise<Entry[]> {
  const entries: Entry[] = [];
  let until = performance.now() + SLICE_MS;
  for (const [i, entry] of candidates.entries()) {
    if (selection.matches(entry)) entries.push(entry);
    if (entries.length === enough) break;
    if (i % 16 !== 0 || performance.now() < until) continue;
    await new Promise<void>((resolve) => setImmediate(resolve));
    until = performance.now() + SLICE_MS;
  }
  return entries;
}

const MAX_UINT64 = 2n ** 64n - 1n;

/** A revision number; throws what upstream answers to a get or a watch of something else: an error without a reason. */
export function parseRevision(text: string): number {
  const problem = !/^\d+$/.test(text) ? "invalid syntax" : BigInt(text) > MAX_UINT64 ? "value out of range" : undefined;
  if (problem === undefined) return Number(text);
  const quoted = JSON.stringify(text);
  throw newUnknownError(`resourceVersion: Invalid value: ${quoted}: strconv.ParseUint: parsing ${quoted}: ${problem}`);
}

/** The same for a list, to which upstream answers BadRequest. */
function parseListRevision(text: string): number {
  try {
    return parseRevision(text);
  } catch (error) {
    throw newBadRequest(`invalid resource version: ${(error as Error).message}`);
  }
}

/** Waits until reads reflect `revision`; throws Timeout ("Too large resource version") when they do not soon. */
export async function waitForRevision(cacher: Cacher, clock: Clock, revision: number): Promise<void> {
  const ready = cacher.waitFor(revision);
  if (ready === undefined) return;
  const abort = new AbortController();
  const timedOut = await Promise.race([
    ready.then(() => false),
    clock.sleep(WAIT_FOR_REVISION_MS, abort.signal).then(
      () => true,
      () => false,
    ),
  ]);
  abort.abort();
  if (timedOut) throw tooLarge(revision, cacher.revision);
}

function tooLarge(wanted: number, current: number): StatusError {
  const error = newTimeout(`Too large resource version: ${wanted}, current: ${current}`, 1);
  error.status.details = {
    ...error.status.details,
    causes: [{ reason: "ResourceVersionTooLarge", message: "Too large resource version" }],
  };
  return error;
}

function expiredContinue(after: string): StatusError {
  const error = newResourceExpired(
    "The provided continue parameter is too old to display a consistent list result. You can start a new list without " +
      "the continue parameter, or use the continue token in this response to retrieve the remainder of the results. " +
      "Continuing with the provided token results in an inconsistent list - objects that were created, modified, or " +
      "deleted between the time the first chunk was returned and now may show up in the list.",
  );
  error.status.metadata = { ...error.status.metadata, continue: encodeContinue({ revision: -1, after }) };
  return error;
}

function checkMatch(options: ListOptions): void {
  const { resourceVersionMatch: match, resourceVersion, continueToken, sendInitialEvents } = options;
  if (match === "" && sendInitialEvents === undefined) return;
  const errors: FieldError[] = [];
  const refuse = (detail: string): number => errors.push(forbidden("resourceVersionMatch", detail));
  if (match !== "") {
    if (resourceVersion === "") refuse("resourceVersionMatch is forbidden unless resourceVersion is provided");
    if (continueToken !== "") refuse("resourceVersionMatch is forbidden when continue is provided");
    if (match !== "Exact" && match !== "NotOlderThan") {
      errors.push(notSupported("resourceVersionMatch", match, ["Exact", "NotOlderThan", ""]));
    }
    if (match === "Exact" && resourceVersion === "0") {
      refuse('resourceVersionMatch "exact" is forbidden for resourceVersion "0"');
    }
  }
  if (sendInitialEvents !== undefined) {
    errors.push(forbidden("sendInitialEvents", "sendInitialEvents is forbidden for list"));
  }
  if (errors.length > 0) throw newInvalid({ group: "meta.k8s.io", kind: "ListOptions" }, "", errors);
}
