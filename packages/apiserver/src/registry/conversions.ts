import type { ResourceInfo } from "@knots/api";
import { eventConverter } from "./convert-event.ts";
import { autoscalerConverter } from "./convert-autoscaler.ts";
import type { BuiltInConverter } from "./served.ts";

const CONVERTERS: Readonly<Record<string, BuiltInConverter>> = {
  "events.k8s.io/v1/events": eventConverter,
  "autoscaling/v1/horizontalpodautoscalers": autoscalerConverter,
};

/** The converter of a version that is not the stored one; throws when there is none. */
export function converterFor(info: ResourceInfo): BuiltInConverter {
  const converter = CONVERTERS[`${info.group}/${info.version}/${info.resource}`];
  if (converter === undefined) throw new Error(`no conversion for ${info.resource} ${info.group}/${info.version}`);
  return converter;
}
