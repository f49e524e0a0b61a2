import type { APIService } from "@knots/api/apiregistration/v1";
import { apiServices } from "@knots/api/apiregistration/v1";
import { caOf } from "../outbound/index.ts";
import type { Remote, ServiceResolver } from "../outbound/index.ts";
import type { ObjectSource } from "../registry/object-source.ts";

/** A group and version that another server answers for. */
export interface RemoteService {
  readonly name: string;
  readonly group: string;
  readonly version: string;
  readonly service: { readonly namespace: string; readonly name: string; readonly port: number };
  readonly remote: Remote;
  readonly available: boolean;
}

/** The APIService objects, indexed by what they are about; made anew when one changes. */
export class ApiServices {
  readonly #objects: ObjectSource;
  readonly #resolver: ServiceResolver;
  readonly #identity: () => { cert: string; key: string } | undefined;
  #remotes: ReadonlyMap<string, RemoteService> | undefined;

  /** `identity`: the front-proxy certificate, once there is one. */
  constructor(
    objects: ObjectSource,
    resolver: ServiceResolver,
    identity: () => { cert: string; key: string } | undefined,
  ) {
    this.#objects = objects;
    this.#resolver = resolver;
    this.#identity = identity;
    objects.subscribe(apiServices, () => {
      this.#remotes = undefined;
    });
  }

  all(): readonly APIService[] {
    return this.#objects.list<APIService>(apiServices);
  }

  /** Undefined for what this server serves itself, or nobody does. */
  remote(group: string, version: string): RemoteService | undefined {
    const remotes = this.remotes();
    return remotes.size === 0 ? undefined : remotes.get(`${group}/${version}`);
  }

  remotes(): ReadonlyMap<string, RemoteService> {
    this.#remotes ??= new Map(
      this.all().flatMap((apiService) => {
        const remote = this.#remoteOf(apiService);
        return remote === undefined ? [] : [[`${remote.group}/${remote.version}`, remote] as const];
      }),
    );
    return this.#remotes;
  }

  #remoteOf({ metadata, spec, status }: APIService): RemoteService | undefined {
    const reference = spec?.service;
    if (spec === undefined || reference === undefined || reference === null) return undefined;
    const { namespace = "", name = "", port = 443 } = reference;
    const serverName = `${name}.${namespace}.svc`;
    const identity = this.#identity();
    return {
      name: metadata?.name ?? "",
      group: spec.group ?? "",
      version: spec.version ?? "",
      service: { namespace, name, port },
      remote: {
        origin: `https://${serverName}:${port}`,
        serverName,
        ca: caOf(spec.caBundle),
        insecure: spec.insecureSkipTLSVerify === true,
        ...(identity === undefined ? {} : { identity }),
        address: () => this.#resolver.resolve(namespace, name, port),
      },
      available: (status?.conditions ?? []).some((each) => each.type === "Available" && each.status === "True"),
    };
  }
}

/** Where the group and version of an extension server lie. */
export function pathOf({ group, version }: { group: string; version: string }): string {
  return group === "" ? `/api/${version}` : `/apis/${group}/${version}`;
}
