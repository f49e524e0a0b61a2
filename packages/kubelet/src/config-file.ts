/** KubeletConfiguration (kubelet.config.k8s.io/v1beta1) and the flags that override it → KubeletOptions. */
import type { Taint } from "@knots/api/core/v1";
import { parse } from "yaml";

/** The fields of KubeletConfiguration that this kubelet knows. */
export interface KubeletConfiguration {
  staticPodPath?: string;
  address?: string;
  port?: number;
  tlsCertFile?: string;
  tlsPrivateKeyFile?: string;
  authentication?: {
    x509?: { clientCAFile?: string };
    anonymous?: { enabled?: boolean };
    webhook?: { enabled?: boolean };
  };
  authorization?: { mode?: string };
  clusterDomain?: string;
  clusterDNS?: string[];
  containerRuntimeEndpoint?: string;
  cgroupRoot?: string;
  maxPods?: number;
  podPidsLimit?: number;
  resolvConf?: string;
  registerNode?: boolean;
  registerWithTaints?: Taint[];
  serializeImagePulls?: boolean;
  maxParallelImagePulls?: number;
  kubeReserved?: Record<string, string>;
  systemReserved?: Record<string, string>;
  evictionHard?: Record<string, string>;
  allowedUnsafeSysctls?: string[];
  imageGCHighThresholdPercent?: number;
  imageGCLowThresholdPercent?: number;
  podLogsDir?: string;
  crashLoopBackOff?: { maxContainerRestartPeriod?: string };
}

/** Throws when the text is not a KubeletConfiguration. */
export function parseKubeletConfiguration(text: string): KubeletConfiguration {
  const read = parse(text, { version: "1.1" }) as
    | (KubeletConfiguration & { kind?: string; apiVersion?: string })
    | null;
  if (read === null || typeof read !== "object") throw new Error("the kubelet configuration file is empty");
  if (read.kind !== "KubeletConfiguration" || read.apiVersion !== "kubelet.config.k8s.io/v1beta1") {
    throw new Error(
      `no kind "${read.kind ?? ""}" is registered for version "${read.apiVersion ?? ""}": a kubelet configuration is kind KubeletConfiguration, apiVersion kubelet.config.k8s.io/v1beta1`,
    );
  }
  return read;
}

/** "a=1,b=2" → {a: "1", b: "2"}; "<" separates thresholds: "memory.available<100Mi". */
export function parseMap(text: string, separator: "=" | "<" = "="): Record<string, string> {
  const result: Record<string, string> = {};
  for (const part of text.split(",").filter((each) => each !== "")) {
    const at = part.indexOf(separator);
    if (at === -1) throw new Error(`invalid value ${JSON.stringify(part)}: expected <key>${separator}<value>`);
    result[part.slice(0, at).trim()] = part.slice(at + 1).trim();
  }
  return result;
}

/** "key=value:NoSchedule,key:NoExecute". */
export function parseTaints(text: string): Taint[] {
  return text
    .split(",")
    .filter((each) => each !== "")
    .map((part) => {
      const match = /^([^=:]+)(?:=([^:]*))?:(NoSchedule|PreferNoSchedule|NoExecute)$/.exec(part);
      if (match?.[1] === undefined || match[3] === undefined) throw new Error(`invalid taint spec: ${part}`);
      return { key: match[1], ...(match[2] === undefined ? {} : { value: match[2] }), effect: match[3] };
    });
}
