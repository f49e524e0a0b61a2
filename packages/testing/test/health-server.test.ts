import { request } from "node:https";
import { expect, test } from "vitest";
import { HealthServer } from "@knots/client/health-server";
import { issue, newCA } from "@knots/machinery/pki/index";
import { TestEnvironment } from "@knots/testing";

async function get(port: number, path: string, token?: string): Promise<string> {
  const headers = token === undefined ? {} : { authorization: `Bearer ${token}` };
  return await new Promise((resolve, reject) => {
    const sent = request({ host: "127.0.0.1", port, path, headers, rejectUnauthorized: false }, (response) => {
      let body = "";
      response.on("data", (chunk) => (body += String(chunk)));
      response.on("end", () => resolve(`${response.statusCode} ${body}`));
    });
    sent.once("error", reject);
    sent.end();
  });
}

test("health is for everybody, figures are for whom the API server knows", async () => {
  await using environment = await TestEnvironment.start();
  const ca = await newCA("test-ca");
  const { certPem, keyPem } = await issue({
    ca,
    cn: "test",
    dnsNames: ["localhost"],
    ipAddresses: ["127.0.0.1"],
    usages: ["server"],
    days: 1,
  });
  await using server = new HealthServer({
    client: environment.client,
    bindAddress: "127.0.0.1",
    port: 0,
    tls: { cert: certPem, key: keyPem },
    metrics: () => Promise.resolve("figures"),
  });
  const port = await server.start();
  expect(await get(port, "/healthz")).toBe("200 ok");
  expect(await get(port, "/nothing")).toBe("404 404 page not found");
  expect(await get(port, "/metrics")).toBe("401 Unauthorized");
  expect(await get(port, "/metrics", "nobody's")).toBe("401 Unauthorized");
});
