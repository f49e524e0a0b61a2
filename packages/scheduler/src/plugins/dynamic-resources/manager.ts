import { deviceClasses, resourceClaims, resourceSlices } from "@knots/api/resource/v1";
import type { DeviceClass, ResourceClaim, ResourceSlice } from "@knots/api/resource/v1";
import type { InformerFactory } from "@knots/client";
import { DeviceClassResources } from "@knots/machinery";
import type { ClusterEvent } from "../../framework/events.ts";
import { ClaimCache } from "./claim-cache.ts";
import { DeviceSelectors } from "./device-selector.ts";
import { PoolIndex } from "./pools.ts";

/** What the scheduler knows of dynamic resources; one for all profiles, as a device is taken whoever took it. */
export interface DynamicResources {
  readonly claims: ClaimCache;
  readonly selectors: DeviceSelectors;
  deviceClass(name: string): DeviceClass | undefined;
  /** The class whose devices satisfy requests for an extended resource. */
  readonly classOfResource: (resource: string) => DeviceClass | undefined;
  /** The pools as the slices are now. */
  pools(): PoolIndex;
}

/** `changed`: told of each change, after it is seen here. */
export function watchDynamicResources(
  informers: InformerFactory,
  changed: (event: ClusterEvent, old: unknown, current: unknown) => void,
): DynamicResources {
  const claims = new ClaimCache();
  const classes = informers.informer(deviceClasses);
  const slices = informers.informer(resourceSlices);
  let pools: PoolIndex | undefined;
  informers.informer(resourceClaims).addHandler({
    add(claim: ResourceClaim) {
      claims.observe(claim);
      changed("ResourceClaimChange", undefined, claim);
    },
    update(old, claim) {
      claims.observe(claim);
      changed("ResourceClaimChange", old, claim);
    },
    delete(claim) {
      claims.forget(claim);
      changed("ResourceClaimChange", claim, undefined);
    },
  });
  const sliceChanged = (old: ResourceSlice | undefined, slice: ResourceSlice | undefined): void => {
    pools = undefined;
    changed("ResourceSliceChange", old, slice);
  };
  slices.addHandler({
    add: (slice) => sliceChanged(undefined, slice),
    update: sliceChanged,
    delete: (slice) => sliceChanged(slice, undefined),
  });
  let resources: DeviceClassResources<DeviceClass> | undefined;
  const classChanged = (old: DeviceClass | undefined, deviceClass: DeviceClass | undefined): void => {
    resources = undefined;
    changed("DeviceClassChange", old, deviceClass);
  };
  classes.addHandler({
    add: (deviceClass) => classChanged(undefined, deviceClass),
    update: classChanged,
    // An older class may give the resource now.
    delete: (deviceClass) => classChanged(deviceClass, undefined),
  });
  return {
    claims,
    selectors: new DeviceSelectors(),
    deviceClass: (name) => classes.lister.get(name),
    classOfResource: (resource) => (resources ??= new DeviceClassResources(classes.lister.list())).classOf(resource),
    pools: () => (pools ??= new PoolIndex(slices.lister.list())),
  };
}
