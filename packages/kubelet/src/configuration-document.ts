import type { KubeletOptions, Settings } from "./options.ts";

/** What this kubelet runs with, as a KubeletConfiguration (kubelet.config.k8s.io/v1beta1): /configz. */
export function configurationDocument(options: KubeletOptions, settings: Settings): object {
  const { reservations, imageGC } = settings;
  return {
    ...(options.staticPodPath === undefined ? {} : { staticPodPath: options.staticPodPath }),
    address: settings.hostIPs[0] ?? "0.0.0.0",
    port: settings.port,
    authentication: { webhook: { enabled: true }, anonymous: { enabled: false } },
    authorization: { mode: "Webhook" },
    clusterDomain: options.clusterDomain,
    clusterDNS: options.clusterDNS,
    cgroupDriver: "cgroupfs",
    ...(options.cgroupRoot === undefined ? {} : { cgroupRoot: options.cgroupRoot }),
    ...(options.cri === undefined ? { containerRuntimeEndpoint: settings.endpoint } : {}),
    maxPods: settings.maxPods,
    ...(options.podPidsLimit === undefined ? {} : { podPidsLimit: options.podPidsLimit }),
    resolvConf: settings.resolvConf,
    serializeImagePulls: settings.maxParallelPulls === 1,
    maxParallelImagePulls: settings.maxParallelPulls,
    imageGCHighThresholdPercent: imageGC.highThresholdPercent,
    imageGCLowThresholdPercent: imageGC.lowThresholdPercent,
    evictionHard: reservations.evictionHard,
    kubeReserved: reservations.kubeReserved,
    systemReserved: reservations.systemReserved,
    allowedUnsafeSysctls: settings.allowedUnsafeSysctls,
    podLogsDir: settings.logsDir,
  };
}
