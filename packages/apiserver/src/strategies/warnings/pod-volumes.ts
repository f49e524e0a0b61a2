import type { PersistentVolumeClaimSpec, Volume, VolumeProjection } from "@knots/api/core/v1";
import { fractionWarnings } from "./fractions.ts";

/** Kinds of volumes that went, and when. */
const GONE = {
  photonPersistentDisk: "deprecated in v1.11, non-functional in v1.16+",
  gitRepo: "deprecated in v1.11",
  scaleIO: "deprecated in v1.16, non-functional in v1.22+",
  flocker: "deprecated in v1.22, non-functional in v1.25+",
  storageos: "deprecated in v1.22, non-functional in v1.25+",
  quobyte: "deprecated in v1.22, non-functional in v1.25+",
  glusterfs: "deprecated in v1.25, non-functional in v1.26+",
  cephfs: "deprecated in v1.28, non-functional in v1.31+",
  rbd: "deprecated in v1.28, non-functional in v1.31+",
} as const;
/** Where upstream's text names a field by the name of its Go field. */
const SPELLED: Partial<Record<string, string>> = { storageos: "storageOS" };

/** Of a volume of a pod or (where it has these) a PersistentVolume's spec; `path` is what holds the fields. */
export function goneVolumeWarnings(
  volume: object,
  path: string,
  kinds: readonly string[] = Object.keys(GONE),
): string[] {
  return kinds
    .filter((kind) => (volume as Record<string, unknown>)[kind] !== undefined)
    .map((kind) => `${path}.${SPELLED[kind] ?? kind}: ${GONE[kind as keyof typeof GONE]}`);
}

export function claimSpecWarnings(spec: PersistentVolumeClaimSpec | undefined, path: string): string[] {
  return [
    ...fractionWarnings(spec?.resources?.requests?.["storage"], `${path}.resources.requests[storage]`),
    ...fractionWarnings(spec?.resources?.limits?.["storage"], `${path}.resources.limits[storage]`),
  ];
}

export function volumeWarnings(volumes: readonly Volume[], path: string): string[] {
  return volumes.flatMap((volume, index) => {
    const at = `${path}[${index}]`;
    const all = Object.keys(GONE);
    // The claim's warnings stand where upstream has them, before the last two.
    return [
      ...goneVolumeWarnings(volume, at, all.slice(0, -2)),
      ...(volume.ephemeral?.volumeClaimTemplate === undefined
        ? []
        : claimSpecWarnings(volume.ephemeral.volumeClaimTemplate.spec, `${at}.ephemeral.volumeClaimTemplate.spec`)),
      ...goneVolumeWarnings(volume, at, all.slice(-2)),
    ];
  });
}

interface File {
  readonly path: string;
  /** What puts it there; "" where that is plain. */
  readonly source: string;
}

const files = (items: readonly { path: string }[] | undefined, source: string): File[] =>
  (items ?? []).map(({ path }) => ({ path, source }));

/** Files of one volume that hide each other: the last one wins, or the pod does not start. */
export function overlapWarnings(volumes: readonly Volume[]): string[] {
  return volumes.flatMap(({ name, configMap, secret, downwardAPI, projected }) => {
    const quoted = (text: string | undefined): string => JSON.stringify(text ?? "");
    const about = (what: string, found: readonly string[]): string[] =>
      found.map((text) => `volume ${quoted(name)} (${what}): overlapping paths: ${text}`);
    return [
      ...about(`ConfigMap ${quoted(configMap?.name)}`, overlaps(files(configMap?.items, ""))),
      ...about(`Secret ${quoted(secret?.secretName)}`, overlaps(files(secret?.items, ""))),
      ...about("DownwardAPI", overlaps(files(downwardAPI?.items, ""))),
      ...projectedWarnings(projected?.sources ?? [], quoted(name), about),
    ];
  });
}

function projectedWarnings(
  sources: readonly VolumeProjection[],
  name: string,
  about: (what: string, found: readonly string[]) => string[],
): string[] {
  const empty = sources.filter((source) => Object.keys(source).length === 0);
  return [
    ...empty.map(() => `volume ${name} (Projected) has no sources provided`),
    ...about("Projected", overlaps(sources.flatMap(filesOf))),
  ];
}

function filesOf({
  configMap,
  secret,
  downwardAPI,
  serviceAccountToken,
  clusterTrustBundle,
}: VolumeProjection): File[] {
  if (configMap?.items !== undefined)
    return files(configMap.items, `ConfigMap ${JSON.stringify(configMap.name ?? "")}`);
  if (secret?.items !== undefined) return files(secret.items, `Secret ${JSON.stringify(secret.name ?? "")}`);
  if (downwardAPI?.items !== undefined) return files(downwardAPI.items, "DownwardAPI");
  if (serviceAccountToken !== undefined) return files([serviceAccountToken], "ServiceAccountToken");
  if (clusterTrustBundle === undefined) return [];
  const { name, signerName = "" } = clusterTrustBundle;
  return files([clusterTrustBundle], `ClusterTrustBundle ${JSON.stringify(name ?? signerName)}`);
}

function overlaps(all: readonly File[]): string[] {
  const found: string[] = [];
  const seen: File[] = [];
  for (const file of all) {
    const { source } = file;
    const path = file.path.replace(/\/+$/, "");
    for (const other of seen)
      if (overlap(path, other.path)) found.push(`${shown({ path, source })} with ${shown(other)}`);
    seen.push({ path, source });
  }
  return found;
}

const shown = ({ path, source }: File): string => `${JSON.stringify(path)}${source === "" ? "" : ` (${source})`}`;

function overlap(a: string, b: string): boolean {
  if (a === "" || b === "") return false;
  return a === b || a.startsWith(`${b}/`) || b.startsWith(`${a}/`);
}
