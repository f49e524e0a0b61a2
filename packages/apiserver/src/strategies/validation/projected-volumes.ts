// Volumes of files that come from the API: of what a pod knows of itself, and of several sources together.
import { addAll } from "@knots/machinery";
import type {
  DownwardAPIVolumeFile,
  PodSpec,
  ProjectedVolumeSource,
  ServiceAccountTokenProjection,
  VolumeProjection,
} from "@knots/api/core/v1";
import type { FieldError, FieldPath } from "../field.ts";
import { forbidden, invalid, required } from "../field.ts";
import { VOLUME_FIELDS, validateFieldRef, validateResourceFieldRef } from "./env.ts";
import { validateKeyToPath, validateMode, validateNonDescendingStart } from "./paths.ts";

const SAME_PATHS = "conflicting duplicate paths";
const MIN_SECONDS = 600;
const MAX_SECONDS = 2 ** 32;

/** One file of the downward API; of a list, upstream tells without its index. */
export function validateDownwardFile(item: DownwardAPIVolumeFile, path: FieldPath, errors: FieldError[]): void {
  const file = item.path ?? "";
  if (file === "") errors.push(required(path.child("path")));
  validateNonDescendingStart(file, path.child("path"), errors);
  if (item.fieldRef) {
    validateFieldRef(item.fieldRef, VOLUME_FIELDS, path.child("fieldRef"), errors);
    if (item.resourceFieldRef)
      errors.push(invalid(path, "resource", "fieldRef and resourceFieldRef can not be specified simultaneously"));
  } else if (item.resourceFieldRef) {
    validateResourceFieldRef(item.resourceFieldRef, true, path.child("resourceFieldRef"), errors);
  } else errors.push(required(path, "one of fieldRef and resourceFieldRef is required"));
  validateMode(item.mode, path.child("mode"), errors);
}

/** `old` is the stored pod, of an update: paths of tokens that were wrong then may stay. */
export function validateProjected(
  { sources = [], defaultMode }: ProjectedVolumeSource,
  path: FieldPath,
  errors: FieldError[],
  old?: PodSpec,
): void {
  validateMode(defaultMode, path.child("defaultMode"), errors);
  const paths = new Set<string>();
  /** `whose` is what the error shows. */
  const take = (file: string, whose: string): void => {
    if (paths.has(file)) errors.push(invalid(path, whose, SAME_PATHS));
    else paths.add(file);
  };
  sources.forEach((source, index) => {
    const at = path.child("sources").index(index);
    for (const kind of ["secret", "configMap"] as const) {
      const projection = source[kind];
      if (projection === undefined) continue;
      const { name = "", items = [] } = projection;
      if (name === "") errors.push(required(at.child(kind, "name")));
      items.forEach((item, itemIndex) => {
        validateKeyToPath(item, at.child(kind, "items").index(itemIndex), errors);
        if (item.path) take(item.path, name);
      });
    }
    for (const item of source.downwardAPI?.items ?? []) {
      validateDownwardFile(item, at.child("downwardAPI"), errors);
      if (item.path) take(item.path, item.path);
    }
    if (source.serviceAccountToken) validateToken(source.serviceAccountToken, at, path, errors, old);
    if (Object.values(source).filter((each) => each !== undefined).length > 1)
      errors.push(forbidden(at, "may not specify more than 1 volume type per source"));
  });
}

/** `source` is where the seconds are looked for, `volume` where the path is: upstream's, both. */
function validateToken(
  { expirationSeconds: seconds = 0, path: file }: ServiceAccountTokenProjection,
  source: FieldPath,
  volume: FieldPath,
  errors: FieldError[],
  old: PodSpec | undefined,
): void {
  const at = source.child("serviceAccountToken", "expirationSeconds");
  if (seconds < MIN_SECONDS) errors.push(invalid(at, seconds, "may not specify a duration less than 10 minutes"));
  if (seconds > MAX_SECONDS) errors.push(invalid(at, seconds, "may not specify a duration larger than 2^32 seconds"));
  if (!file) return void errors.push(required(volume.child("path")));
  const found: FieldError[] = [];
  validateNonDescendingStart(file, volume.child("path"), found);
  if (found.length > 0 && !hasWrongTokenPath(old, volume)) addAll(errors, found);
}

function hasWrongTokenPath(spec: PodSpec | undefined, path: FieldPath): boolean {
  const tokens = (spec?.volumes ?? []).flatMap(({ projected }) =>
    (projected?.sources ?? []).flatMap(({ serviceAccountToken }: VolumeProjection) => serviceAccountToken ?? []),
  );
  const errors: FieldError[] = [];
  for (const token of tokens) validateNonDescendingStart(token.path, path, errors);
  return errors.length > 0;
}
