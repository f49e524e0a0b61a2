import type { Container, Pod, Volume } from "@knots/api/core/v1";
import { serviceAccounts } from "@knots/api/core/v1";
import { generateName } from "@knots/machinery";
import { forbidden } from "../refuse.ts";
import type { AdmissionAttributes, AdmissionPlugin } from "../types.ts";
import { concerns } from "./match.ts";

const MOUNT_PATH = "/var/run/secrets/kubernetes.io/serviceaccount";
const VOLUME_PREFIX = "kube-api-access-";
const MIRROR_ANNOTATION = "kubernetes.io/config.mirror";
/** An hour and seven seconds: recognizable as the token that was not asked for. */
const TOKEN_SECONDS = 3607;

/** Every pod runs as a ServiceAccount that exists, and finds its token, the cluster's CA and its namespace mounted. */
export const serviceAccount: AdmissionPlugin = {
  name: "ServiceAccount",
  handles: (attributes) => concerns(attributes, "pods", ["CREATE"]),
  mutate(attributes) {
    const pod = attributes.object as Pod;
    const { spec } = pod;
    if (spec === undefined) return;
    if (isMirror(pod)) {
      checkMirror(attributes, pod);
      return;
    }
    if (spec.serviceAccountName === undefined || spec.serviceAccountName === "") spec.serviceAccountName = "default";
    const account = find(attributes, spec.serviceAccountName);
    const automount = spec.automountServiceAccountToken ?? account.automountServiceAccountToken ?? true;
    if (automount) mountToken(pod);
    if ((spec.imagePullSecrets ?? []).length === 0 && (account.imagePullSecrets ?? []).length > 0) {
      spec.imagePullSecrets = structuredClone(account.imagePullSecrets ?? []);
    }
  },
  validate(attributes) {
    const pod = attributes.object as Pod;
    if (isMirror(pod)) checkMirror(attributes, pod);
    else find(attributes, pod.spec?.serviceAccountName ?? "");
  },
};

function isMirror(pod: Pod): boolean {
  return pod.metadata?.annotations?.[MIRROR_ANNOTATION] !== undefined;
}

function checkMirror(attributes: AdmissionAttributes, pod: Pod): void {
  const { spec } = pod;
  if (spec?.serviceAccountName !== undefined && spec.serviceAccountName !== "") {
    throw forbidden(attributes, "a mirror pod may not reference service accounts");
  }
  const tokens = (spec?.volumes ?? []).some(({ projected }) =>
    (projected?.sources ?? []).some(({ serviceAccountToken }) => serviceAccountToken !== undefined),
  );
  if (tokens) throw forbidden(attributes, "a mirror pod may not use ServiceAccountToken volume projections");
}

function find(attributes: AdmissionAttributes, account: string) {
  const { objects, namespace } = attributes;
  const found = objects.get(serviceAccounts, namespace, account);
  if (found !== undefined) return found;
  throw forbidden(
    attributes,
    `error looking up service account ${namespace}/${account}: serviceaccount ${JSON.stringify(account)} not found`,
  );
}

function mountToken(pod: Pod): void {
  const { spec } = pod;
  if (spec === undefined) return;
  const existing = (spec.volumes ?? []).find(({ name }) => name.startsWith(VOLUME_PREFIX));
  const volumeName = existing?.name ?? generateName(VOLUME_PREFIX);
  let needed = false;
  for (const container of [...(spec.initContainers ?? []), ...(spec.containers ?? [])]) {
    needed = mountInto(container, volumeName) || needed;
  }
  if (needed && existing === undefined) spec.volumes = [...(spec.volumes ?? []), tokenVolume(volumeName)];
}

/** False when the container mounts something of its own there. */
function mountInto(container: Container, volumeName: string): boolean {
  const mounts = container.volumeMounts ?? [];
  if (mounts.some(({ mountPath }) => mountPath === MOUNT_PATH)) return false;
  container.volumeMounts = [...mounts, { name: volumeName, readOnly: true, mountPath: MOUNT_PATH }];
  return true;
}

function tokenVolume(name: string): Volume {
  return {
    name,
    projected: {
      sources: [
        { serviceAccountToken: { expirationSeconds: TOKEN_SECONDS, path: "token" } },
        { configMap: { name: "kube-root-ca.crt", items: [{ key: "ca.crt", path: "ca.crt" }] } },
        {
          downwardAPI: {
            items: [{ path: "namespace", fieldRef: { apiVersion: "v1", fieldPath: "metadata.namespace" } }],
          },
        },
      ],
      defaultMode: 0o644,
    },
  };
}
