import type { Pod } from "@knots/api/core/v1";
import { pods } from "@knots/api/core/v1";
import { deviceClasses } from "@knots/api/resource/v1";
import type { DeviceClass } from "@knots/api/resource/v1";
import type { Informer, InformerFactory } from "@knots/client";
import { DeviceClassResources, payingPod } from "@knots/machinery";
import type { KubeObject } from "@knots/machinery";
import type { KnownDevices } from "./usage.ts";

/** What quotas must know of DeviceClasses and of pods to count claims. */
export class QuotaDevices implements KnownDevices {
  readonly #classes: Informer<DeviceClass>;
  readonly #pods: Informer<Pod>;
  readonly #claimsOf: (resource: string, namespace: string) => readonly KubeObject[];
  #resources: DeviceClassResources<DeviceClass> | undefined;

  /** `claimsOf`: the claims of a namespace, as far as they are watched. */
  constructor(informers: InformerFactory, claimsOf: (resource: string, namespace: string) => readonly KubeObject[]) {
    this.#classes = informers.informer(deviceClasses);
    this.#pods = informers.informer(pods);
    this.#claimsOf = claimsOf;
  }

  /** `changed` is told of each extended resource that was given to a class or taken from it. */
  watch(changed: (resource: string) => void): Disposable {
    const tell = (...versions: readonly (DeviceClass | undefined)[]): void => {
      this.#resources = undefined;
      const names = new Set(versions.flatMap((each) => each?.spec.extendedResourceName ?? []));
      if (versions[0]?.spec.extendedResourceName !== versions[1]?.spec.extendedResourceName)
        for (const name of names) changed(name);
    };
    return this.#classes.addHandler({
      add: (added) => tell(undefined, added),
      update: tell,
      delete: (gone) => tell(gone),
    });
  }

  // Fields: they are handed on without the object.
  readonly isDevices = (resource: string): boolean => this.#index().classOf(resource) !== undefined;
  readonly resourceOf = (className: string): string | undefined => this.#index().resourceOf(className);
  readonly podOf = (claim: KubeObject): KubeObject | undefined => {
    const { namespace = "" } = claim.metadata ?? {};
    return payingPod(
      claim,
      (name) => this.#pods.lister.get(`${namespace}/${name}`),
      () => this.#claimsOf("resourceclaims.resource.k8s.io", namespace),
    );
  };

  #index(): DeviceClassResources<DeviceClass> {
    return (this.#resources ??= new DeviceClassResources(this.#classes.lister.list()));
  }
}
