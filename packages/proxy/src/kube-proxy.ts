// Keeps the kernel's table what Services and EndpointSlices say.
import { networkInterfaces } from "node:os";
import type { Service } from "@knots/api/core/v1";
import type { EndpointSlice } from "@knots/api/discovery/v1";
import { InformerFactory, withoutManagedFields, type Client } from "@knots/client";
import { DisposableStore, namespacedName, type Clock, type Logger } from "@knots/machinery";
import { forgetFlows, staleFlows } from "./conntrack.ts";
import { HealthChecks, type HealthCheck } from "./health-check.ts";
import type { ProxyStatus } from "./http-server.ts";
import { network } from "./ipv4.ts";
import { KernelTable } from "./kernel-table.ts";
import type { SyncObserver } from "./metrics.ts";
import { checkNodePortAddresses, nodePortIPs, PRIMARY, type NodePortAddresses } from "./node-port-addresses.ts";
import { ruleset, type RulesetOptions } from "./ruleset.ts";
import { runCommand, type Runner } from "./run.ts";
import { isServed, servicePorts, type ServicePortModel } from "./service-ports.ts";
import { SyncHealth } from "./sync-health.ts";
import { SyncRunner } from "./sync-runner.ts";
import { BY_SERVICE, changeTime, isEligible, watch, zoneOf, type Watched } from "./watched.ts";

export interface KubeProxyOptions {
  readonly client: Client;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly nodeName: string;
  /** This node's address; node ports answer on it. */
  readonly nodeIP: string;
  readonly mode: "nftables";
  /** The pods' network, as upstream's flag: one, or one of each family separated by a comma; absent: unknown. */
  readonly clusterCIDR?: string;
  readonly masqueradeAll?: boolean;
  /** Where node ports answer: "primary" (nodeIP, the default) or networks. */
  readonly nodePortAddresses?: NodePortAddresses;
  readonly observer?: SyncObserver;
  readonly run?: Runner;
}

/** Between two syncs, in milliseconds: what comes in between is one transaction. */
const MIN_INTERVAL_MS = 100;
const MAX_INTERVAL_MS = 1_000;
/** How often to look whether somebody took the table, or the node has other addresses. */
const CHECK_MS = 30_000;

interface Known {
  readonly service: Service;
  readonly slices: readonly EndpointSlice[];
  readonly zone: string | undefined;
  readonly ports: readonly ServicePortModel[];
}

export class KubeProxy implements AsyncDisposable {
  readonly #options: KubeProxyOptions;
  readonly #run: Runner;
  readonly #clusterCIDR: string | undefined;
  readonly #disposables = new DisposableStore();
  readonly #abort = new AbortController();
  readonly #table: KernelTable;
  readonly #runner: SyncRunner;
  readonly #syncHealth: SyncHealth;
  readonly #healthChecks: HealthChecks;
  readonly #first = Promise.withResolvers<void>();
  #watched: Watched | undefined;
  #known = new Map<string, Known>();
  #checkDue = false;
  #applied: readonly ServicePortModel[] = [];
  #changeTimes: number[] = [];

  constructor(options: KubeProxyOptions) {
    const { clock, logger, nodePortAddresses = PRIMARY } = options;
    checkNodePortAddresses(nodePortAddresses);
    this.#options = options;
    this.#run = options.run ?? runCommand;
    this.#clusterCIDR = ipv4Network(options.clusterCIDR);
    this.#table = new KernelTable({ run: this.#run, clock, logger });
    this.#syncHealth = new SyncHealth(clock);
    this.#healthChecks = new HealthChecks(logger, () => this.#syncHealth.healthy);
    const intervals = { minIntervalMs: MIN_INTERVAL_MS, maxIntervalMs: MAX_INTERVAL_MS };
    this.#runner = new SyncRunner({ clock, logger, sync: () => this.#sync(), ...intervals });
  }

  /** Resolves when the first sync is done (a failed one is tried again by itself), or the proxy is stopped. */
  async start(): Promise<void> {
    const { client, clock, logger, nodeName } = this.#options;
    const informers = this.#disposables.add(
      new InformerFactory(client, { clock, logger, transform: withoutManagedFields }),
    );
    const watched = watch(informers, nodeName);
    this.#watched = watched;
    const { services, slices, node, serviceCIDRs } = watched;
    informers.start();
    try {
      // Half a list would cut off the Services of the other half.
      await Promise.all([services, slices, node].map((informer) => informer.waitForSync(this.#abort.signal)));
    } catch (error) {
      if (this.#abort.signal.aborted) return;
      throw error;
    }
    const changed = (): void => this.#request();
    services.addHandler({ add: changed, update: changed, delete: changed });
    slices.addHandler({
      add: changed,
      update: (old, next) => {
        const time = changeTime(next);
        if (time !== undefined && time !== changeTime(old)) this.#changeTimes.push(time);
        changed();
      },
      delete: changed,
    });
    node.addHandler({
      add: changed,
      update: (old, next) => {
        if (zoneOf(old) !== zoneOf(next)) changed();
      },
    });
    serviceCIDRs.addHandler({ add: changed, update: changed, delete: changed });
    const timer = clock.setInterval(() => {
      this.#checkDue = true;
      this.#runner.request();
    }, CHECK_MS);
    this.#disposables.add(() => timer.cancel());
    this.#request();
    await this.#first.promise;
  }

  /** What /healthz and /livez answer from. */
  get status(): ProxyStatus {
    const { healthy, lastUpdated } = this.#syncHealth;
    const node = this.#watched?.node.lister.get(this.#options.nodeName);
    return { healthy, lastUpdated, nodeEligible: isEligible(node), now: this.#options.clock.now() };
  }

  #request(): void {
    this.#syncHealth.queued();
    this.#options.observer?.queued();
    this.#runner.request();
  }

  async #sync(): Promise<void> {
    const { clock, logger, observer } = this.#options;
    const start = clock.monotonic();
    const changeTimes = this.#changeTimes;
    this.#changeTimes = [];
    try {
      if (this.#checkDue) {
        this.#checkDue = false;
        if (!(await this.#table.check())) logger.warn("the table ip kube-proxy is gone; writing it again");
      }
      const ports = this.#model();
      await this.#table.apply(ruleset(ports, this.#rulesetOptions()));
      this.#syncHealth.updated();
      observer?.synced((clock.monotonic() - start) / 1000);
      for (const time of changeTimes) observer?.programmed(Math.max(0, clock.now() - time) / 1000);
      const stale = staleFlows(this.#applied, ports);
      this.#applied = ports;
      await forgetFlows(stale, this.#run, logger);
    } catch (error) {
      observer?.failed();
      this.#changeTimes.unshift(...changeTimes);
      throw error;
    } finally {
      this.#first.resolve();
    }
  }

  #rulesetOptions(): RulesetOptions {
    const { nodeIP, masqueradeAll = false, nodePortAddresses = PRIMARY } = this.#options;
    const serviceCIDRs = this.#watched?.serviceCIDRs.lister.list().flatMap((each) => each.spec?.cidrs ?? []) ?? [];
    return {
      nodeIP,
      nodePortIPs: nodePortIPs(nodePortAddresses, nodeIP, localAddresses()),
      clusterCIDR: this.#clusterCIDR,
      serviceCIDRs: [...new Set(serviceCIDRs.flatMap((cidr) => network(cidr) ?? []))].toSorted(),
      masqueradeAll,
    };
  }

  /** Every served port; beside it the health checks and figures. What did not change is not read again. */
  #model(): ServicePortModel[] {
    const { nodeName, logger, observer } = this.#options;
    const zone = zoneOf(this.#watched?.node.lister.get(nodeName));
    const known = new Map<string, Known>();
    const ports: ServicePortModel[] = [];
    const checks: HealthCheck[] = [];
    for (const service of this.#watched?.services.lister.list() ?? []) {
      if (!isServed(service)) continue;
      const key = namespacedName(service);
      const slices = this.#watched?.slices.lister.byIndex(BY_SERVICE, key) ?? [];
      let entry = this.#known.get(key);
      if (entry === undefined || !isCurrent(entry, service, slices, zone)) {
        const isNew = entry === undefined;
        entry = { service, slices, zone, ports: servicePorts(service, slices, { nodeName, zone }) };
        if (isNew && entry.ports.length === 0 && (service.spec?.ports ?? []).length > 0)
          logger.info({ service: key }, "Service has no IPv4 address; not served");
      }
      known.set(key, entry);
      ports.push(...entry.ports);
      const check = healthCheck(service, entry.ports);
      if (check !== undefined) checks.push(check);
    }
    this.#known = known;
    this.#healthChecks.sync(checks);
    const nobodyHere = ports.filter((port) => port.cluster.length > 0 && port.local.length === 0);
    observer?.withoutLocalEndpoints(
      nobodyHere.filter((port) => port.internalLocal).length,
      nobodyHere.filter((port) => port.externalLocal).length,
    );
    return ports;
  }

  /** Removes the table: for a machine that is no node any more. */
  static async cleanup(run: Runner = runCommand): Promise<void> {
    await KernelTable.remove(run);
  }

  /** Stops following; the rules stay, so that Services go on while a proxy is replaced. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#abort.abort(new Error("the proxy was stopped"));
    this.#first.resolve();
    await this.#disposables[Symbol.asyncDispose]();
    await this.#runner[Symbol.asyncDispose]();
    this.#healthChecks[Symbol.dispose]();
  }
}

function isCurrent(
  known: Known,
  service: Service,
  slices: readonly EndpointSlice[],
  zone: string | undefined,
): boolean {
  return (
    known.service === service &&
    known.zone === zone &&
    known.slices.length === slices.length &&
    known.slices.every((slice, i) => slice === slices[i])
  );
}

function healthCheck(service: Service, ports: readonly ServicePortModel[]): HealthCheck | undefined {
  const { type, externalTrafficPolicy, healthCheckNodePort: port = 0 } = service.spec ?? {};
  if (type !== "LoadBalancer" || externalTrafficPolicy !== "Local" || port === 0) return undefined;
  const ready = ports.flatMap((each) => each.local.filter((endpoint) => endpoint.ready).map(({ ip }) => ip));
  const { namespace = "", name = "" } = service.metadata ?? {};
  return { namespace, name, port, localEndpoints: new Set(ready).size };
}

function ipv4Network(text: string | undefined): string | undefined {
  if (text === undefined || text === "") return undefined;
  const [first] = text.split(",").flatMap((each) => network(each) ?? []);
  if (first === undefined) throw new Error(`cluster CIDR ${JSON.stringify(text)} holds no IPv4 network`);
  return first;
}

function localAddresses(): string[] {
  return Object.values(networkInterfaces()).flatMap((each = []) =>
    each.flatMap(({ family, address }) => (family === "IPv4" ? [address] : [])),
  );
}
