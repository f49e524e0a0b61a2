// The thread of one long YAML text (yaml-thread.ts).
import { parentPort, workerData } from "node:worker_threads";
import { attemptYaml } from "./yaml-document.ts";

parentPort?.postMessage(attemptYaml(workerData as string));
