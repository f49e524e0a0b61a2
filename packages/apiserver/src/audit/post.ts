import { readFileSync } from "node:fs";
import { request as httpRequest } from "node:http";
import { request as httpsRequest } from "node:https";
import type { RestConfig } from "@knots/client";

const TIMEOUT_MS = 30_000;

/** Posts JSON to the server a kubeconfig names, at its URL's path. Webhooks need not speak HTTP/2. */
export function poster(config: RestConfig): (body: object) => Promise<void> {
  const url = new URL(config.server);
  const request = url.protocol === "http:" ? httpRequest : httpsRequest;
  return (body) =>
    new Promise((resolve, reject) => {
      const bytes = Buffer.from(JSON.stringify(body));
      const token = config.tokenFile === undefined ? config.token : readFileSync(config.tokenFile, "utf8").trim();
      const sent = request(
        url,
        {
          method: "POST",
          timeout: TIMEOUT_MS,
          headers: {
            "content-type": "application/json",
            "content-length": bytes.length,
            ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
          },
          ...(config.caData === undefined ? {} : { ca: config.caData }),
          ...(config.clientCertData === undefined ? {} : { cert: config.clientCertData }),
          ...(config.clientKeyData === undefined ? {} : { key: config.clientKeyData }),
          rejectUnauthorized: config.insecureSkipTLSVerify !== true,
        },
        (response) => {
          response.resume();
          const status = response.statusCode ?? 0;
          response.once("error", reject);
          response.once("end", () => {
            if (status >= 200 && status < 300) resolve();
            else reject(new Error(`the webhook answered ${status}`));
          });
        },
      );
      sent.once("timeout", () => sent.destroy(new Error("the webhook did not answer in time")));
      sent.once("error", reject);
      sent.end(bytes);
    });
}
