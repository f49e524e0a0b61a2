import type { Pod } from "@knots/api/core/v1";
import { ownValue } from "@knots/machinery";
import { semanticEqual } from "../equality.ts";
import { APPARMOR_CONTAINER, annotatedProfile, hasAppArmor } from "../validation/app-armor.ts";
import { forEachContainer } from "../validation/each-container.ts";
import { APPARMOR } from "../warnings/pods.ts";

/**
 * AppArmor annotations of a new pod become fields of its containers (KEP-24, version skew): whoever runs it looks at
 * fields alone. Fields that are there stay, and a profile that is the pod's is not repeated. Who gives an annotation that
 * no field says, or that no field can say, is warned. Pods of Windows have no AppArmor.
 */
export function annotationsToAppArmor({ metadata, spec }: Pod, warn: (text: string) => void): void {
  const annotations = metadata?.annotations;
  if (spec === undefined || annotations === undefined || !hasAppArmor(annotations)) return;
  if (spec.os?.name === "windows") return;
  const ofPod = spec.securityContext?.appArmorProfile;
  forEachContainer(spec, (container) => {
    const key = APPARMOR_CONTAINER + container.name;
    const annotation = ownValue(annotations, key);
    if (annotation === undefined || container.securityContext?.appArmorProfile !== undefined) return;
    const appArmorProfile = annotatedProfile(annotation);
    if (appArmorProfile !== undefined && semanticEqual(appArmorProfile, ofPod)) return;
    if (appArmorProfile !== undefined) container.securityContext = { ...container.securityContext, appArmorProfile };
    warn(`metadata.annotations[${key}]: ${APPARMOR}`);
  });
}
