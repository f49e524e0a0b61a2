/** The environment of a container: Services, envFrom, then env, each later source overriding the earlier. */
import type { Container, EnvVar, Node, Pod, Service } from "@knots/api/core/v1";
import { isNotFound } from "@knots/machinery";
import type { ObjectReader } from "../objects/object-reader.ts";
import { expand } from "./expansion.ts";
import { fieldValue, resourceValue, type FieldContext } from "./field-ref.ts";
import { serviceEnv, visibleServices } from "./service-env.ts";

export interface EnvironmentContext extends FieldContext {
  readonly services: readonly Service[];
  readonly objects: ObjectReader;
  readonly node: Node | undefined;
  /** Reads a key of an env file in a volume (fileKeyRef). */
  readonly readEnvFile?: (volumeName: string, path: string) => Promise<ReadonlyMap<string, string>>;
  onInvalidNames(kind: "configMap" | "secret", name: string, keys: readonly string[]): void;
}

/** Resolves to name → value in order of first definition. Rejects with a message fit for CreateContainerConfigError. */
export async function environment(
  pod: Pod,
  container: Container,
  context: EnvironmentContext,
): Promise<Map<string, string>> {
  const namespace = pod.metadata?.namespace ?? "";
  const services = serviceEnv(visibleServices(context.services, namespace, pod.spec?.enableServiceLinks !== false));
  const result = new Map<string, string>();
  for (const source of container.envFrom ?? []) {
    const prefix = source.prefix ?? "";
    if (source.configMapRef !== undefined) {
      const name = source.configMapRef.name ?? "";
      const found = await optional(context.objects.configMap(namespace, name), source.configMapRef.optional === true);
      if (found !== undefined)
        takeAll(result, prefix, found.data ?? {}, (keys) => context.onInvalidNames("configMap", name, keys));
    }
    if (source.secretRef !== undefined) {
      const name = source.secretRef.name ?? "";
      const found = await optional(context.objects.secret(namespace, name), source.secretRef.optional === true);
      if (found !== undefined)
        takeAll(result, prefix, decoded(found.data ?? {}), (keys) => context.onInvalidNames("secret", name, keys));
    }
  }
  const lookup = (name: string): string | undefined => result.get(name) ?? services.get(name);
  for (const variable of container.env ?? []) {
    const value = await valueOf(pod, container, variable, context, lookup);
    if (value !== undefined) result.set(variable.name, value);
  }
  for (const [name, value] of services) if (!result.has(name)) result.set(name, value);
  return result;
}

async function valueOf(
  pod: Pod,
  container: Container,
  variable: EnvVar,
  context: EnvironmentContext,
  lookup: (name: string) => string | undefined,
): Promise<string | undefined> {
  const namespace = pod.metadata?.namespace ?? "";
  const from = variable.valueFrom;
  if (from === undefined) return expand(variable.value ?? "", lookup);
  if (from.fieldRef !== undefined) return fieldValue(pod, from.fieldRef, context);
  if (from.resourceFieldRef !== undefined) {
    const name = from.resourceFieldRef.containerName;
    const subject = name === undefined || name === "" ? container : findContainer(pod, name);
    return resourceValue(subject, from.resourceFieldRef, context.node);
  }
  if (from.configMapKeyRef !== undefined) {
    const { name = "", key } = from.configMapKeyRef;
    const isOptional = from.configMapKeyRef.optional === true;
    const found = await optional(context.objects.configMap(namespace, name), isOptional);
    const value = found?.data?.[key];
    if (value === undefined && !isOptional)
      throw new Error(`couldn't find key ${key} in ConfigMap ${namespace}/${name}`);
    return value;
  }
  if (from.secretKeyRef !== undefined) {
    const { name = "", key } = from.secretKeyRef;
    const isOptional = from.secretKeyRef.optional === true;
    const found = await optional(context.objects.secret(namespace, name), isOptional);
    const value = found?.data?.[key];
    if (value === undefined && !isOptional) throw new Error(`couldn't find key ${key} in Secret ${namespace}/${name}`);
    return value === undefined ? undefined : Buffer.from(value, "base64").toString("utf8");
  }
  if (from.fileKeyRef !== undefined) {
    const { volumeName, path, key } = from.fileKeyRef;
    if (context.readEnvFile === undefined)
      throw new Error(`environment variable ${variable.name}: fileKeyRef is not available`);
    const value = (await context.readEnvFile(volumeName, path)).get(key);
    if (value === undefined && from.fileKeyRef.optional !== true) {
      throw new Error(`environment variable key "${key}" not found in file "${path}" of volume "${volumeName}"`);
    }
    return value;
  }
  return undefined;
}

async function optional<T>(promise: Promise<T>, isOptional: boolean): Promise<T | undefined> {
  try {
    return await promise;
  } catch (error) {
    if (isOptional && isNotFound(error)) return undefined;
    throw error;
  }
}

function takeAll(
  into: Map<string, string>,
  prefix: string,
  data: Record<string, string>,
  onInvalid: (keys: readonly string[]) => void,
): void {
  const invalid: string[] = [];
  for (const [key, value] of Object.entries(data)) {
    const name = prefix + key;
    // Any printable ASCII but "=" names a variable.
    if (/^[\x20-\x3c\x3e-\x7e]+$/.test(name)) into.set(name, value);
    else invalid.push(name);
  }
  if (invalid.length > 0) onInvalid(invalid.toSorted());
}

function decoded(data: Record<string, string>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(data).map(([key, value]) => [key, Buffer.from(value, "base64").toString("utf8")]),
  );
}

function findContainer(pod: Pod, name: string): Container {
  const found = [...(pod.spec?.containers ?? []), ...(pod.spec?.initContainers ?? [])].find(
    (container) => container.name === name,
  );
  if (found === undefined) throw new Error(`container ${name} not found`);
  return found;
}
