import type { ConfigMap } from "@knots/api/core/v1";
import { configMaps, namespaces } from "@knots/api/core/v1";
import { isAlreadyExists, isNotFound } from "@knots/machinery";
import { isNamespaceTerminating } from "../framework/pod-control.ts";
import { QueueController } from "../framework/queue-controller.ts";
import type { Controller, ControllerInitializer } from "../framework/types.ts";
import { isActiveNamespace } from "../serviceaccount/controller.ts";

export const ROOT_CA_CONFIG_MAP = "kube-root-ca.crt";

const DESCRIPTION = "kubernetes.io/description";
const DESCRIPTION_TEXT =
  "Contains a CA bundle that can be used to verify the kube-apiserver when using internal endpoints such as the internal service IP or kubernetes.default.svc. No other usage is guaranteed across distributions of Kubernetes clusters.";

/** The ConfigMap a namespace must have, or undefined when `current` says it all. Pure. */
export function rootCAConfigMap(
  current: ConfigMap | undefined,
  namespace: string,
  rootCA: string,
): ConfigMap | undefined {
  const data = { "ca.crt": rootCA };
  if (current === undefined) {
    return {
      apiVersion: "v1",
      kind: "ConfigMap",
      metadata: { name: ROOT_CA_CONFIG_MAP, namespace, annotations: { [DESCRIPTION]: DESCRIPTION_TEXT } },
      data,
    };
  }
  const keys = Object.keys(current.data ?? {});
  const annotated = current.metadata?.annotations?.[DESCRIPTION] === DESCRIPTION_TEXT;
  if (annotated && keys.length === 1 && current.data?.["ca.crt"] === rootCA) return undefined;
  return {
    ...current,
    metadata: {
      ...current.metadata,
      annotations: { ...current.metadata?.annotations, [DESCRIPTION]: DESCRIPTION_TEXT },
    },
    data,
  };
}

/** Publishes the cluster's CA as ConfigMap kube-root-ca.crt in each namespace. */
export const rootCAController: ControllerInitializer = {
  name: "root-ca-certificate-publisher-controller",
  enabledByDefault: true,
  init(ctx) {
    const { rootCA } = ctx.options;
    if (rootCA === undefined) {
      ctx.logger.warn("no --root-ca-file: kube-root-ca.crt is not published, pods cannot verify the API server");
      return idle("root-ca-certificate-publisher-controller");
    }
    const spaces = ctx.informers.informer(namespaces);
    const maps = ctx.informers.informer(configMaps, { fieldSelector: `metadata.name=${ROOT_CA_CONFIG_MAP}` });
    const controller = new QueueController({
      name: "root-ca-certificate-publisher-controller",
      ctx,
      workers: 1,
      async reconcile(name) {
        if (!isActiveNamespace(spaces.lister.get(name))) return;
        const current = maps.lister.get(`${name}/${ROOT_CA_CONFIG_MAP}`);
        const wanted = rootCAConfigMap(current, name, rootCA);
        if (wanted === undefined) return;
        const client = ctx.client.resource(configMaps, name);
        try {
          if (current === undefined) await client.create(wanted);
          else await client.update(wanted);
        } catch (error) {
          if (isNamespaceTerminating(error) || isAlreadyExists(error)) return;
          // Deleted meanwhile: the event of that is on its way and brings the key back.
          if (!isNotFound(error)) throw error;
        }
      },
    });
    const mapChanged = (map: ConfigMap): void => controller.queue.add(map.metadata?.namespace ?? "");
    controller.own(
      spaces.addHandler({
        add: (namespace) => controller.enqueue(namespace),
        update: (_old, namespace) => controller.enqueue(namespace),
      }),
    );
    controller.own(maps.addHandler({ update: (_old, map) => mapChanged(map), delete: mapChanged }));
    return controller;
  },
};

/** A controller with nothing to do in this configuration. */
export function idle(name: string): Controller {
  return { name, start() {}, async [Symbol.asyncDispose]() {} };
}
