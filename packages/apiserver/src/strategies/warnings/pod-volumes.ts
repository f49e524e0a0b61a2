import { addAll } from "@knots/machinery";
import type { PersistentVolumeClaimSpec, Volume, VolumeProjection } from "@knots/api/core/v1";
import { fractionWarnings } from "./fractions.ts";

/** Kinds of volumes that went, and when. */
const GONE = {
  photonPersistentDisk: "deprecated in v1.11, non-functional in v1.16+",
  gitRepo: "deprecated in v1.11, and disabled by default in v1.33+",
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

const KINDS = Object.keys(GONE) as (keyof typeof GONE)[];
/** What a claim's template says stands before the last two. */
const BEFORE_CLAIMS = KINDS.slice(0, -2);
const AFTER_CLAIMS = KINDS.slice(-2);

/** Of a volume of a pod or (where it has these) a PersistentVolume's spec; `path` is what holds the fields. */
export function goneVolumeWarnings(volume: object, path: string, kinds: readonly string[] = KINDS): string[] {
  const warnings: string[] = [];
  for (const kind of kinds)
    if ((volume as Record<string, unknown>)[kind] !== undefined)
      warnings.push(`${path}.${SPELLED[kind] ?? kind}: ${GONE[kind as keyof typeof GONE]}`);
  return warnings;
}

export function claimSpecWarnings(spec: PersistentVolumeClaimSpec | undefined, path: string): string[] {
  return [
    ...fractionWarnings(spec?.resources?.requests?.["storage"], `${path}.resources.requests[storage]`),
    ...fractionWarnings(spec?.resources?.limits?.["storage"], `${path}.resources.limits[storage]`),
  ];
}

export function volumeWarnings(volumes: readonly Volume[], path: string, warnings: string[]): void {
  volumes.forEach((volume, index) => {
    const at = `${path}[${index}]`;
    addAll(warnings, goneVolumeWarnings(volume, at, BEFORE_CLAIMS));
    const template = volume.ephemeral?.volumeClaimTemplate;
    if (template !== undefined)
      addAll(warnings, claimSpecWarnings(template.spec, `${at}.ephemeral.volumeClaimTemplate.spec`));
    addAll(warnings, goneVolumeWarnings(volume, at, AFTER_CLAIMS));
  });
}

interface File {
  readonly path: string;
  /** What puts it there; "" where that is plain. */
  readonly source: string;
}

const files = (items: readonly { path: string }[], source: string): File[] =>
  items.map(({ path }) => ({ path, source }));

/** Files of one volume that hide each other: the last one wins, or the pod does not start. */
export function overlapWarnings(volumes: readonly Volume[], warnings: string[]): void {
  for (const { name, configMap, secret, downwardAPI, projected } of volumes) {
    const about = (what: string, all: readonly File[]): void => {
      for (const text of overlaps(all)) warnings.push(`volume ${quoted(name)} (${what}): overlapping paths: ${text}`);
    };
    if (configMap?.items !== undefined) about(`ConfigMap ${quoted(configMap.name)}`, files(configMap.items, ""));
    if (secret?.items !== undefined) about(`Secret ${quoted(secret.secretName)}`, files(secret.items, ""));
    if (downwardAPI?.items !== undefined) about("DownwardAPI", files(downwardAPI.items, ""));
    if (projected?.sources === undefined) continue;
    for (const source of projected.sources)
      if (Object.keys(source).length === 0) warnings.push(`volume ${quoted(name)} (Projected) has no sources provided`);
    about("Projected", projected.sources.flatMap(filesOf));
  }
}

const quoted = (text: string | undefined): string => JSON.stringify(text ?? "");

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

/**
 * Which files are in each other's way, told as upstream tells it: each with those before it. Sorted by path, all that is
 * under a path follows it, so that no pairs are looked at but those that are found.
 */
function overlaps(all: readonly File[]): string[] {
  if (all.length < 2) return NONE;
  const sorted = all
    .flatMap(({ path, source }, index) => {
      // The look behind keeps a long row of slashes from being looked at from each of them.
      const plain = path.replace(/(?<!\/)\/+$/, "");
      return plain === "" ? [] : [{ path: plain, below: `${plain}/`, source, index }];
    })
    .sort((a, b) => (a.below === b.below ? a.index - b.index : a.below < b.below ? -1 : 1));
  const pairs: (typeof sorted)[] = [];
  const around: typeof sorted = [];
  for (const file of sorted) {
    while (around.length > 0 && !file.below.startsWith(around.at(-1)?.below ?? "")) around.pop();
    for (const other of around) {
      if (pairs.length >= MOST_PAIRS) break;
      pairs.push(other.index < file.index ? [file, other] : [other, file]);
    }
    around.push(file);
  }
  return pairs
    .sort(([a, b], [c, d]) => (a?.index ?? 0) - (c?.index ?? 0) || (b?.index ?? 0) - (d?.index ?? 0))
    .map((pair) => pair.map(shown).join(" with "));
}

const NONE: string[] = [];
/** More than an answer could tell of. */
const MOST_PAIRS = 256;

const shown = ({ path, source }: File): string => `${JSON.stringify(path)}${source === "" ? "" : ` (${source})`}`;
