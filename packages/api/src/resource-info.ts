/** A built-in resource as discovery shows it. */
export interface ResourceInfo {
  readonly group: string;
  readonly version: string;
  /** Plural, lower case: "pods". */
  readonly resource: string;
  readonly singular: string;
  readonly kind: string;
  readonly listKind: string;
  readonly namespaced: boolean;
  readonly verbs: readonly string[];
  readonly shortNames: readonly string[];
  readonly categories: readonly string[];
  /** By name ("status"); kind, group and version are those of the body it takes. */
  readonly subresources: Readonly<Record<string, SubresourceInfo>>;
}

export interface SubresourceInfo {
  readonly verbs: readonly string[];
  readonly group: string;
  readonly version: string;
  readonly kind: string;
}
