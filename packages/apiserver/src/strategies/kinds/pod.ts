import type { Pod } from "@knots/api/core/v1";
import { podQOSClass } from "@knots/machinery";
import { onlyFields, withoutFields } from "@knots/machinery/managed-fields/index";
import {
  defaultHostNetworkPorts,
  defaultPodLevelResources,
  defaultPodSpec,
  defaultRequestsFromLimits,
} from "../defaults/pod-spec.ts";
import { FieldPath, forbidden } from "../field.ts";
import type { FieldError } from "../field.ts";
import type { Strategy } from "../types.ts";
import { validateAppArmorMatch } from "../validation/app-armor.ts";
import {
  MIRROR,
  validatePodAnnotations,
  validatePodAnnotationUpdates,
  validateSeccompMatch,
} from "../validation/pod-annotations.ts";
import { validatePodSpec } from "../validation/pod-spec.ts";
import { validateImageSpaces } from "../validation/containers.ts";
import { validateEphemeralUpdate, validatePodSpecUpdate } from "../validation/pod-update.ts";
import { refuseResize, validatePodResize } from "../validation/pod-resize.ts";
import { validatePodStatusUpdate } from "../validation/pod-status.ts";
import { podNameWarnings, podSpecWarnings } from "../warnings/pods.ts";
import { annotationsToAppArmor } from "./pod-app-armor.ts";
import { dropDisabledFields } from "./pod-disabled-fields.ts";
import { mergeLabelKeys } from "./pod-label-keys.ts";
import { prepareEphemeralContainers, prepareResize, prepareStatus } from "./pod-subresources.ts";

const SPEC = FieldPath.root("spec");
const ANNOTATIONS = FieldPath.root("metadata").child("annotations");

/** `old` is the stored pod, of an update. */
function validateSpec(pod: Pod, old?: Pod): FieldError[] {
  const errors: FieldError[] = [];
  const spec = pod.spec ?? { containers: [] };
  validatePodAnnotations(pod.metadata?.annotations, spec, ANNOTATIONS, errors, old?.metadata?.annotations);
  validatePodSpec(spec, pod.metadata, SPEC, errors, old?.spec);
  if (!spec.serviceAccountName) {
    spec.volumes?.forEach((volume, index) => {
      volume.projected?.sources?.forEach((source, sourceIndex) => {
        if (!source.serviceAccountToken) return;
        const at = SPEC.child("volumes").index(index).child("projected").child("sources").index(sourceIndex);
        const why = "must not be specified when serviceAccountName is not set";
        errors.push(forbidden(at.child("serviceAccountToken"), why));
      });
    });
  }
  for (const list of ["containers", "initContainers"] as const)
    spec[list]?.forEach((container, index) => validateImageSpaces(container, SPEC.child(list).index(index), errors));
  return errors;
}

export const podStrategy: Strategy<Pod> = {
  defaults(pod) {
    if (!pod.spec) return;
    defaultPodSpec(pod.spec);
    defaultHostNetworkPorts(pod.spec);
    defaultRequestsFromLimits(pod.spec);
    defaultPodLevelResources(pod.spec);
    pod.spec.enableServiceLinks ??= true;
  },
  prepareForCreate(pod, ctx) {
    pod.status = { phase: "Pending", qosClass: podQOSClass(pod) };
    if (pod.spec?.schedulingGates?.length) {
      const condition = {
        type: "PodScheduled",
        status: "False",
        reason: "SchedulingGated",
        message: "Scheduling is blocked due to non-empty scheduling gates",
      };
      pod.status.conditions = [condition];
    }
    dropDisabledFields(pod.spec);
    mergeLabelKeys(pod);
    annotationsToAppArmor(pod, ctx.warn);
  },
  prepareForUpdate: (next, old) => dropDisabledFields(next.spec, old.spec),
  validate(pod) {
    const errors = validateSpec(pod);
    if (pod.spec?.ephemeralContainers?.length) {
      errors.push(forbidden(SPEC.child("ephemeralContainers"), "cannot be set on create"));
    }
    if (pod.spec?.nodeName && pod.spec.schedulingGates?.length) {
      const why = "cannot be set until all schedulingGates have been cleared";
      errors.push(forbidden(SPEC.child("nodeName"), why));
    }
    validateSeccompMatch(pod.metadata, pod.spec ?? { containers: [] }, SPEC, errors);
    validateAppArmorMatch(pod, SPEC, errors);
    return errors;
  },
  validateUpdate(next, old) {
    const errors = validateSpec(next, old);
    validatePodAnnotationUpdates(next, old, ANNOTATIONS, errors);
    validatePodSpecUpdate(next.spec ?? { containers: [] }, old.spec ?? { containers: [] }, SPEC, errors);
    return errors;
  },
  // Nobody writes to pods by hand, and many are written to often.
  warnings: (pod, old) =>
    old === undefined
      ? [...podNameWarnings(pod, "the Pod's hostname"), ...podSpecWarnings(pod.spec, pod.metadata)]
      : [],
  gracefulDeletion(pod, options) {
    let seconds = options.gracePeriodSeconds ?? pod.spec?.terminationGracePeriodSeconds ?? 0;
    const phase = pod.status?.phase;
    // Nobody runs it: nothing to wait for.
    if (!pod.spec?.nodeName || phase === "Succeeded" || phase === "Failed") seconds = 0;
    return { graceSeconds: seconds < 0 ? 1 : seconds };
  },
  fieldLabels(pod) {
    return {
      "spec.nodeName": pod.spec?.nodeName ?? "",
      "spec.restartPolicy": pod.spec?.restartPolicy ?? "",
      "spec.schedulerName": pod.spec?.schedulerName ?? "",
      "spec.serviceAccountName": pod.spec?.serviceAccountName ?? "",
      "spec.hostNetwork": String(pod.spec?.hostNetwork ?? false),
      "status.phase": pod.status?.phase ?? "",
      "status.podIP": pod.status?.podIPs?.[0]?.ip ?? pod.status?.podIP ?? "",
      // Upstream lets it be named, and gives it no value.
      "status.podIPs": "",
      "status.nominatedNodeName": pod.status?.nominatedNodeName ?? "",
    };
  },
  subresources: {
    status: {
      resetFields: withoutFields(["spec"], ["metadata", "deletionTimestamp"], ["metadata", "ownerReferences"]),
      prepareForUpdate: prepareStatus,
      validateUpdate(next, old) {
        const errors: FieldError[] = [];
        validatePodAnnotationUpdates(next, old, ANNOTATIONS, errors);
        validatePodStatusUpdate(next, old, errors);
        return errors;
      },
    },
    ephemeralcontainers: {
      resetFields: onlyFields(["spec", "ephemeralContainers"]),
      prepareForUpdate: prepareEphemeralContainers,
      validateUpdate(next, old) {
        if (old.metadata?.annotations?.[MIRROR] !== undefined)
          return [forbidden(FieldPath.root(""), "static pods do not support ephemeral containers")];
        const errors = validateSpec(next, old);
        validateEphemeralUpdate(next, old, SPEC.child("ephemeralContainers"), errors);
        return errors;
      },
    },
    resize: {
      resetFields: onlyFields(
        ...["containers", "initContainers"].flatMap((list) =>
          ["resources", "resizePolicy"].map((field) => ["spec", list, "*", field]),
        ),
      ),
      prepareForUpdate: prepareResize,
      validateUpdate: (next, old) => refuseResize(old) ?? [...validateSpec(next, old), ...validatePodResize(next, old)],
    },
  },
};
