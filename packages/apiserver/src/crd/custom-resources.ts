import { setTimeout as delay } from "node:timers/promises";
import { customResourceDefinitions } from "@knots/api/apiextensions/v1";
import type { CustomResourceDefinition, CustomResourceDefinitionCondition } from "@knots/api/apiextensions/v1";
import { formatTime, newMethodNotSupported } from "@knots/machinery";
import type { Clock, KubeObject, Logger } from "@knots/machinery";
import { handleScale } from "../http/handlers/scale.ts";
import type { HandlerDependencies } from "../http/handlers/dependencies.ts";
import type { SpecialHandler } from "../http/handlers/resource-router.ts";
import { customPrefix, groupResource } from "../registry/keys.ts";
import { deepEqual } from "../registry/metadata.ts";
import type { Operation } from "../registry/operation.ts";
import type { StoredType } from "../registry/resource-type.ts";
import type { ServedResource } from "../registry/served.ts";
import { apiVersionOf } from "../registry/served.ts";
import { definitionStatus, nameConflict } from "./definition-status.ts";
import type { NameConflict } from "./definition-status.ts";
import { checkObjectInTurns } from "./check-object.ts";
import { customTable } from "./custom-table.ts";
import { customStrategy, fieldLabel, versionsOf } from "./definition.ts";
import type { CheckedObjects, CustomVersion, CustomVersions } from "./definition.ts";
import { objectConverter } from "./conversion/object-converter.ts";
import type { ObjectConverter } from "./conversion/object-converter.ts";
import { versionConverter } from "./conversion/version-converter.ts";
import { shapeCustom } from "./shape-custom.ts";
import { applyDefaults } from "./structural.ts";

const CLEANUP_FINALIZER = "customresourcecleanup.apiextensions.k8s.io";
const RETRY_MS = 1000;

interface Installed {
  terminating: boolean;
  /** The storage version as it is defined now; strategy and defaults read it at each use. */
  current: CustomVersion;
  served: CustomVersion[];
  conversion: ObjectConverter;
  spec: CustomResourceDefinition["spec"];
}

/** Its objects are being deleted: no new ones come in. */
function terminatingError(info: { group: string; resource: string }): Error {
  const error = newMethodNotSupported(info, "create");
  error.status.message = "create not allowed while custom resource definition is terminating";
  return error;
}

/** An object is checked in the version it was sent in, which a webhook's conversion has left behind by then. */
function versionsIn(installed: Installed): CustomVersions {
  return {
    current: () => installed.current,
    terminating: () => installed.terminating,
    selectable: () => [
      ...new Set(
        installed.served.flatMap(({ version }) => (version.selectableFields ?? []).map(({ jsonPath }) => jsonPath)),
      ),
    ],
    spoken(apiVersion) {
      if (installed.conversion.remote) return installed.current;
      return installed.served.find(({ info }) => apiVersionOf(info) === apiVersion) ?? installed.current;
    },
  };
}

/**
 * Follows CustomResourceDefinitions: accepts their names, serves their versions, and on deletion empties and removes
 * them. Level-triggered by definition name; a definition is worked on by one task at a time.
 */
export class CustomResources {
  readonly #deps: HandlerDependencies;
  readonly #special: Map<string, SpecialHandler>;
  readonly #onChange: () => void;
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #installed = new Map<string, Installed>();
  readonly #queue = new Set<string>();
  readonly #stop = new AbortController();
  #working: Promise<void> | undefined;
  #subscription: Disposable | undefined;
  #generation = 0;

  /** `onChange` is called after resources came, went or changed (discovery, OpenAPI). */
  constructor(deps: HandlerDependencies, special: Map<string, SpecialHandler>, onChange: () => void) {
    this.#deps = deps;
    this.#special = special;
    this.#onChange = onChange;
    this.#clock = deps.clock;
    this.#logger = deps.logger;
  }

  /** Serves what is defined already, then follows changes. */
  async start(): Promise<void> {
    const { registry } = this.#deps;
    this.#subscription = registry.subscribe(customResourceDefinitions, ({ object }) =>
      this.#enqueue(object.metadata?.name ?? ""),
    );
    for (const crd of registry.list(customResourceDefinitions)) this.#queue.add(crd.metadata?.name ?? "");
    await this.#work();
  }

  /** Served versions with their schemas, for OpenAPI. */
  *versions(): Generator<CustomVersion> {
    for (const { served } of this.#installed.values()) yield* served;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#subscription?.[Symbol.dispose]();
    this.#stop.abort();
    await this.#working;
  }

  #enqueue(name: string): void {
    this.#queue.add(name);
    this.#working ??= this.#work().finally(() => {
      this.#working = undefined;
      if (this.#queue.size > 0 && !this.#stop.signal.aborted) this.#enqueue([...this.#queue][0] ?? "");
    });
  }

  async #work(): Promise<void> {
    for (const name of this.#queue) {
      if (this.#stop.signal.aborted) return;
      this.#queue.delete(name);
      try {
        await this.#reconcile(name);
      } catch (error) {
        this.#logger.warn(
          { err: error, customResourceDefinition: name },
          "a custom resource definition could not be handled; trying again",
        );
        this.#queue.add(name);
        await delay(RETRY_MS, undefined, { signal: this.#stop.signal }).catch(() => undefined);
      }
    }
  }

  async #reconcile(name: string): Promise<void> {
    const crd = this.#deps.registry.get(customResourceDefinitions, undefined, name);
    if (crd === undefined) {
      this.#uninstall(name);
      return;
    }
    if (crd.metadata?.deletionTimestamp !== undefined) {
      await this.#install(name, crd);
      await this.#cleanUp(name, crd);
      return;
    }
    const conflict = nameConflict(crd, this.#deps.registry.list(customResourceDefinitions));
    if (conflict === undefined) await this.#install(name, crd);
    await this.#updateStatus(crd, conflict);
  }

  async #install(name: string, crd: CustomResourceDefinition): Promise<void> {
    const known = this.#installed.get(name);
    if (known !== undefined && deepEqual(known.spec, crd.spec)) return;
    const { registry, outbound } = this.#deps;
    const versions = versionsOf(crd);
    const served = versions.filter(({ version }) => version.served);
    const conversion = objectConverter(crd.spec, outbound);
    const current = versions.find(({ version }) => version.storage);
    if (current === undefined || served.length === 0) {
      this.#uninstall(name);
      return;
    }
    const { group, resource } = current.info;
    if (known === undefined) {
      const installed: Installed = { terminating: false, current, served, conversion, spec: crd.spec };
      this.#installed.set(name, installed);
      const conversionOf = (): ObjectConverter => installed.conversion;
      await registry.addCustom(storedType(versionsIn(installed), () => installed.served, conversionOf));
    } else {
      for (const { info } of known.served) registry.stopServing(info.group, info.version, info.resource);
      Object.assign(known, { current, served, conversion, spec: crd.spec });
    }
    const storage = registry.storageFor({ group, resource });
    this.#generation++;
    for (const version of served) {
      registry.serveCustom(this.#servedResource(version, storage, conversion));
    }
    const { scale } = current;
    const path = `${groupResource(current.info)}/scale`;
    if (scale === undefined) this.#special.delete(path);
    else {
      this.#special.set(path, async (ctx, found) => {
        if (found !== undefined) await handleScale(this.#deps, ctx, found, scale);
      });
    }
    this.#onChange();
  }

  #servedResource(
    version: CustomVersion,
    storage: ServedResource["storage"],
    conversion: ObjectConverter,
  ): ServedResource {
    const { info, schema } = version;
    return {
      info,
      storage,
      converter: versionConverter(version, () => storage.type.info.version, conversion),
      // The bytes of a stored state depend on the definition: a new one must not find those of the old.
      viewName: `${this.#generation}`,
      schema: version.typeSchema,
      custom: true,
      selectable: new Set((version.version.selectableFields ?? []).map(({ jsonPath }) => fieldLabel(jsonPath))),
      table: customTable(version.version.additionalPrinterColumns),
      applyDefaults(object) {
        if (schema !== undefined) applyDefaults(object, schema);
      },
      shape: (object) => shapeCustom(object, schema),
      ...(version.version.deprecated === true
        ? { warning: version.version.deprecationWarning ?? `${apiVersionOf(info)} ${info.kind} is deprecated` }
        : {}),
    };
  }

  #uninstall(name: string): void {
    const known = this.#installed.get(name);
    if (known === undefined) return;
    this.#installed.delete(name);
    const { registry } = this.#deps;
    for (const { info } of known.served) registry.stopServing(info.group, info.version, info.resource);
    this.#special.delete(`${groupResource(known.current.info)}/scale`);
    registry.removeCustom(known.current.info);
    this.#onChange();
  }

  async #updateStatus(crd: CustomResourceDefinition, conflict: NameConflict | undefined): Promise<void> {
    const status = definitionStatus(crd, conflict, formatTime(new Date(this.#clock.now())));
    await this.#write(crd, (next) => {
      next.status = structuredClone(status);
      const metadata = (next.metadata ??= {});
      if (!(metadata.finalizers ?? []).includes(CLEANUP_FINALIZER))
        metadata.finalizers = [...(metadata.finalizers ?? []), CLEANUP_FINALIZER];
    });
  }

  /** Deletes all objects of a definition that is being deleted, then lets it go. */
  async #cleanUp(name: string, crd: CustomResourceDefinition): Promise<void> {
    if (!(crd.metadata?.finalizers ?? []).includes(CLEANUP_FINALIZER)) return;
    const { registry } = this.#deps;
    const installed = this.#installed.get(name);
    if (installed !== undefined) {
      installed.terminating = true;
      await this.#markTerminating(crd);
      const storage = registry.storageFor(installed.current.info);
      for (const entry of storage.cache.scan(storage.cache.prefix)) {
        const { namespace = "", name: object = "" } = entry.object.metadata ?? {};
        await storage.delete(registry.system(), namespace, object, {}).catch((error: unknown) => {
          if ((error as { code?: number }).code !== 404) throw error;
        });
      }
      if (storage.cache.size > 0) {
        // Objects with finalizers: look again when they may have gone.
        void delay(RETRY_MS, undefined, { signal: this.#stop.signal }).then(
          () => this.#enqueue(name),
          () => undefined,
        );
        return;
      }
    }
    await this.#write(crd, (next) => {
      const metadata = (next.metadata ??= {});
      metadata.finalizers = (metadata.finalizers ?? []).filter((finalizer) => finalizer !== CLEANUP_FINALIZER);
    });
  }

  async #markTerminating(crd: CustomResourceDefinition): Promise<void> {
    const before = crd.status?.conditions ?? [];
    if (before.some(({ type, status }) => type === "Terminating" && status === "True")) return;
    const condition: CustomResourceDefinitionCondition = {
      type: "Terminating",
      status: "True",
      reason: "InstanceDeletionInProgress",
      message: "CustomResource deletion is in progress",
      lastTransitionTime: formatTime(new Date(this.#clock.now())),
    };
    await this.#write(crd, (next) => {
      next.status = {
        ...next.status,
        conditions: [...(next.status?.conditions ?? []).filter(({ type }) => type !== "Terminating"), condition],
      };
    });
  }

  async #write(crd: CustomResourceDefinition, change: (next: CustomResourceDefinition) => void): Promise<void> {
    const { registry } = this.#deps;
    await registry.storageFor(customResourceDefinitions).update(registry.system("status"), {
      namespace: "",
      name: crd.metadata?.name ?? "",
      forceUnconditional: true,
      retryOnConflict: true,
      raw: true,
      managedFields: "update",
      transform(current) {
        const next = structuredClone(current) as KubeObject as CustomResourceDefinition;
        change(next);
        return next;
      },
    });
  }
}

function storedType(
  versions: CustomVersions,
  served: () => readonly CustomVersion[],
  conversion: () => ObjectConverter,
): StoredType {
  const checked: CheckedObjects = new WeakMap();
  const strategy = customStrategy(versions, checked);
  /** Ahead of the strategy's validation, which cannot wait: rules may take long, and others are to have their turn. */
  const check = async (object: KubeObject, old: KubeObject | undefined, op: Operation): Promise<undefined> => {
    checked.set(object, await checkObjectInTurns(versions.spoken(op.apiVersion), object, old));
  };
  const { group, resource } = versions.current().info;
  return {
    get info() {
      return versions.current().info;
    },
    prefix: customPrefix(group, resource),
    get schema() {
      return versions.current().typeSchema;
    },
    strategy,
    versions: {
      typing(apiVersion) {
        const version = served().find(({ info }) => apiVersionOf(info) === apiVersion);
        return version === undefined ? undefined : { schema: version.typeSchema, untyped: "deduced" };
      },
      convert: (object, apiVersion) => (object.apiVersion === apiVersion ? object : { ...object, apiVersion }),
    },
    applyDefaults: (object) => strategy.defaults?.(object),
    hooks: {
      beforeCreate(object, op) {
        if (versions.terminating()) return Promise.reject(terminatingError(versions.current().info));
        return check(object, undefined, op);
      },
      beforeUpdate: (next, old, op) => check(next, old, op),
    },
    async upgrade(object) {
      const apiVersion = apiVersionOf(versions.current().info);
      if (object.apiVersion === apiVersion) return object;
      const [upgraded] = await conversion().convert([object], apiVersion);
      return upgraded ?? object;
    },
    returnsDeleted: false,
  };
}
