import { RESOURCES, schemaFor } from "@knots/api";
import type { ResourceInfo } from "@knots/api";
import type { KubeObject } from "@knots/machinery";
import { everyField } from "@knots/machinery/managed-fields/index";
import type { TypedVersions, Typing } from "@knots/machinery/managed-fields/index";
import { converterFor } from "./conversions.ts";
import type { StoredType } from "./resource-type.ts";
import { apiVersionOf } from "./served.ts";
import type { BuiltInConverter } from "./served.ts";

/** The versions in which a stored resource's fields can be named. */
export interface ResourceVersions {
  /** Undefined: there is no such version. */
  typing(apiVersion: string): Typing | undefined;
  /** Between versions that `typing` knows; never changes the object. */
  convert(object: KubeObject, apiVersion: string): KubeObject;
}

interface Version {
  readonly typing: Typing;
  /** Absent for the stored version. */
  readonly converter: BuiltInConverter | undefined;
}

/** A built-in resource's versions: its own, and those that `sharesStorage` says are kept in it. */
export function builtInVersions(
  stored: ResourceInfo,
  sharesStorage: (other: ResourceInfo) => boolean,
): ResourceVersions {
  let versions: ReadonlyMap<string, Version> | undefined;
  const known = (): ReadonlyMap<string, Version> => {
    versions ??= new Map(
      RESOURCES.filter(sharesStorage).map((info) => [
        apiVersionOf(info),
        {
          typing: { schema: schemaFor(info), untyped: "atomic" },
          converter: info === stored ? undefined : converterFor(info),
        },
      ]),
    );
    return versions;
  };
  return {
    typing: (apiVersion) => known().get(apiVersion)?.typing,
    convert(object, apiVersion) {
      const from = object.apiVersion ?? "";
      if (from === apiVersion) return object;
      const hub = known().get(from)?.converter?.toStored(object) ?? object;
      return known().get(apiVersion)?.converter?.toServed(hub) ?? hub;
    },
  };
}

const typedVersions = new WeakMap<StoredType, Map<string, TypedVersions>>();

/** The versions of a resource as writes of one of its subresources see them. */
export function versionsFor(type: StoredType, subresource: string): TypedVersions {
  let known = typedVersions.get(type);
  if (known === undefined) typedVersions.set(type, (known = new Map<string, TypedVersions>()));
  let versions = known.get(subresource);
  if (versions === undefined) {
    const filter = () =>
      type.strategy.subresources?.[subresource]?.resetFields ?? type.strategy.resetFields ?? everyField;
    versions = {
      typing: (apiVersion) => type.versions.typing(apiVersion),
      convert: (object, apiVersion) => type.versions.convert(object, apiVersion),
      filter,
    };
    known.set(subresource, versions);
  }
  return versions;
}
