import type { UserInfo } from "../auth/types.ts";
import type { RequestShape } from "./classify.ts";

interface Known<T> {
  readonly verb: string;
  readonly apiGroup: string;
  readonly subresource: string;
  readonly value: T;
}

interface OfUser<T> {
  readonly groups: readonly string[];
  /** By namespace, then by resource or path. */
  readonly byNamespace: Map<string, Map<string, Known<T>[]>>;
}

/**
 * What has been found out for a user and a kind of request. Looked up on every request, so no key is put together:
 * each part is looked up by itself, and the few verbs of a resource are compared one by one.
 */
export class FlowCache<T> {
  readonly #limit: number;
  readonly #users = new Map<string, OfUser<T>>();
  #size = 0;

  /** With more than `limit` values all are forgotten. */
  constructor(limit: number) {
    this.#limit = limit;
  }

  clear(): void {
    this.#users.clear();
    this.#size = 0;
  }

  get(user: UserInfo, request: RequestShape): T | undefined {
    const known = this.#users.get(user.name);
    if (known === undefined || !sameList(known.groups, user.groups)) return undefined;
    const entries = known.byNamespace.get(request.namespace)?.get(subjectOf(request));
    if (entries === undefined) return undefined;
    for (const entry of entries) {
      if (
        entry.verb === request.verb &&
        entry.apiGroup === request.apiGroup &&
        entry.subresource === request.subresource
      ) {
        return entry.value;
      }
    }
    return undefined;
  }

  set(user: UserInfo, request: RequestShape, value: T): void {
    if (this.#size >= this.#limit) this.clear();
    let known = this.#users.get(user.name);
    // The same name with other groups (another token, impersonation) takes the place of the one before.
    if (known === undefined || !sameList(known.groups, user.groups)) {
      known = { groups: user.groups, byNamespace: new Map() };
      this.#users.set(user.name, known);
    }
    let resources = known.byNamespace.get(request.namespace);
    if (resources === undefined) known.byNamespace.set(request.namespace, (resources = new Map()));
    const subject = subjectOf(request);
    const { verb, apiGroup, subresource } = request;
    const entry = { verb, apiGroup, subresource, value };
    const entries = resources.get(subject);
    if (entries === undefined) resources.set(subject, [entry]);
    else entries.push(entry);
    this.#size++;
  }
}

/** A path begins with a slash and no resource has one, so they cannot be mistaken for each other. */
function subjectOf(request: RequestShape): string {
  return request.isResourceRequest ? request.resource : request.path;
}

function sameList(a: readonly string[], b: readonly string[]): boolean {
  if (a === b) return true;
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}
