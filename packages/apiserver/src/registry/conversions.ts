import type { ResourceInfo } from "@knots/api";
import { eventConverter } from "./convert-event.ts";
import { autoscalerConverter } from "./convert-autoscaler.ts";
import type { Converter } from "./served.ts";

const CONVERTERS: Readonly<Record<string, Converter>> = {
  "events.k8s.io/v1/events": eventConverter,
  "autoscaling/v1/horizontalpodautoscalers": autoscalerConverter,
};

/** The converter of a version that is not the stored one; throws when there is none. */
export function converterFor(info: ResourceInfo): Converter {
  const converter = CONVERTERS[`${info.group}/${info.version}/${info.resource}`];
  if (converter === undefined) throw new Error(`no conversion for ${info.resource} ${info.group}/${info.version}`);
  return converter;
}
