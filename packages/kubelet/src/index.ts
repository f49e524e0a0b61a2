export { Kubelet } from "./kubelet.ts";
export type { KubeletOptions } from "./options.ts";
export type { CriClients, ImageService, RuntimeService } from "./cri/types.ts";
export { openCri } from "./cri/client.ts";
export { type Behaviour, SimulatedRuntime } from "./cri/simulated.ts";
