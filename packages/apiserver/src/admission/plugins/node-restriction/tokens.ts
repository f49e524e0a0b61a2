// A node asks for tokens of its pods' accounts, for the audiences that its pods name.
import type { PersistentVolume, PersistentVolumeClaim, Pod, Volume } from "@knots/api/core/v1";
import { persistentVolumeClaims, persistentVolumes, pods } from "@knots/api/core/v1";
import { csiDrivers } from "@knots/api/storage/v1";
import type { TokenRequest } from "@knots/api/authentication/v1";
import { newNotFound } from "@knots/machinery";
import type { Authorizer } from "../../../auth/types.ts";
import type { AdmissionAttributes } from "../../types.ts";
import { quoted, refuse } from "./refuse.ts";

export async function checkToken(authorizer: Authorizer, attributes: AdmissionAttributes, node: string): Promise<void> {
  if (attributes.operation !== "CREATE" || attributes.subresource !== "token") return;
  const { boundObjectRef: bound, audiences = [] } = (attributes.object as TokenRequest).spec ?? {};
  if (bound?.apiVersion !== "v1" || bound.kind !== "Pod" || (bound.name ?? "") === "") {
    refuse(attributes, "node requested token not bound to a pod");
  }
  const { name = "", uid = "" } = bound ?? {};
  if (uid === "") refuse(attributes, "node requested token with a pod binding without a uid");
  const pod = attributes.objects.get<Pod>(pods, attributes.namespace, name);
  if (pod === undefined) throw newNotFound({ group: "", resource: "pods" }, name);
  if (pod.metadata?.uid !== uid) {
    refuse(
      attributes,
      `the UID in the bound object reference (${uid}) does not match the UID in record. The object might have been deleted and then recreated`,
    );
  }
  if (pod.spec?.nodeName !== node)
    refuse(attributes, "node requested token bound to a pod scheduled on a different node");
  await checkAudience(authorizer, attributes, audiences, pod);
}

/** An audience that no pod of the node mounts a token for is one that the node has no business with (KEP-4412). */
async function checkAudience(
  authorizer: Authorizer,
  attributes: AdmissionAttributes,
  audiences: readonly string[],
  pod: Pod,
): Promise<void> {
  if (audiences.length > 1) refuse(attributes, "node may only request 0 or 1 audiences");
  const [audience = ""] = audiences;
  if (mounts(attributes, pod, audience)) return;
  const { user, namespace, name } = attributes;
  const { allowed } = await authorizer.authorize({
    user,
    verb: "request-serviceaccounts-token-audience",
    namespace,
    apiGroup: "",
    apiVersion: "",
    resource: audience,
    subresource: "",
    name,
    resourceRequest: true,
    path: "",
  });
  if (allowed === "allow") return;
  refuse(
    attributes,
    `audience ${quoted(audience)} not found in pod spec volume, ${user.name} is not authorized to request tokens for this audience`,
  );
}

/** Whether a volume of the pod has a token for that audience, or its CSI driver asks for one. */
function mounts(attributes: AdmissionAttributes, pod: Pod, audience: string): boolean {
  return (pod.spec?.volumes ?? []).some((volume) => {
    const projected = (volume.projected?.sources ?? []).some(
      ({ serviceAccountToken: token }) => token !== undefined && (token.audience ?? "") === audience,
    );
    if (projected) return true;
    const driver = driverOf(attributes, pod, volume);
    if (driver === undefined) return false;
    const requests = attributes.objects.get(csiDrivers, undefined, driver)?.spec?.tokenRequests ?? [];
    return requests.some((request) => request.audience === audience);
  });
}

function driverOf({ objects, namespace }: AdmissionAttributes, pod: Pod, volume: Volume): string | undefined {
  if (volume.csi !== undefined) return volume.csi.driver;
  const claimName =
    volume.ephemeral === undefined
      ? volume.persistentVolumeClaim?.claimName
      : `${pod.metadata?.name ?? ""}-${volume.name}`;
  if (claimName === undefined) return undefined;
  const claim = objects.get<PersistentVolumeClaim>(persistentVolumeClaims, namespace, claimName);
  const volumeName = claim?.spec?.volumeName ?? "";
  if (volumeName === "") return undefined;
  return objects.get<PersistentVolume>(persistentVolumes, undefined, volumeName)?.spec?.csi?.driver;
}
