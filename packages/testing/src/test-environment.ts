import { readFile } from "node:fs/promises";
import { namespaces } from "@knots/api/core/v1";
import { ApiServer } from "@knots/apiserver";
import { Client, type RestConfig } from "@knots/client";
import { ControllerManager } from "@knots/controllers";
import { type Clock, type Logger, nullLogger, RealClock } from "@knots/machinery";
import { Scheduler } from "@knots/scheduler";
import { openMemoryStore } from "@knots/store";
import { type Definition, installDefinitions, parseDefinitions } from "./definitions.ts";

export interface TestEnvironmentOptions {
  /**
   * Controllers that run beside the server: all of them (`true`), or by upstream's names as in `--controllers`
   * (`["garbage-collector-controller"]`). None where absent, as in upstream's envtest.
   */
  readonly controllers?: boolean | readonly string[];
  /** Whether pods are given nodes. */
  readonly scheduler?: boolean;
  /** Files with CustomResourceDefinitions (YAML, several documents a file), installed before start() resolves. */
  readonly crdFiles?: readonly string[];
  /** CustomResourceDefinitions as objects. */
  readonly crds?: readonly Definition[];
  /** Admission plug-ins to leave out, such as ServiceAccount where no controller makes the accounts. */
  readonly disableAdmissionPlugins?: readonly string[];
  readonly clock?: Clock;
  /** Where the parts log; nowhere by default. */
  readonly logger?: Logger;
}

/**
 * A complete API server with its store in memory, inside this process, for one test or one file of tests:
 *
 *     await using environment = await TestEnvironment.start({ crdFiles: ["crd.yaml"] });
 *     const client = environment.client;
 *
 * It is the server that `knots up` runs: HTTPS on a free port of 127.0.0.1, RBAC on, every kind, every verb.
 */
export class TestEnvironment implements AsyncDisposable {
  /** A client that may do everything. */
  readonly client: Client;
  readonly #server: ApiServer;
  readonly #parts: AsyncDisposableStack;

  private constructor(client: Client, server: ApiServer, parts: AsyncDisposableStack) {
    this.client = client;
    this.#server = server;
    this.#parts = parts;
  }

  /** Resolves when the server answers, the definitions are established and the controllers run. Whatever fails takes the rest down again. */
  static async start(options: TestEnvironmentOptions = {}): Promise<TestEnvironment> {
    const { clock = new RealClock(), logger = nullLogger } = options;
    await using parts = new AsyncDisposableStack();
    const store = parts.use(openMemoryStore({ clock }));
    const server = parts.use(
      new ApiServer({
        store,
        securePort: 0,
        bindAddress: "127.0.0.1",
        clock,
        logger,
        disableAdmissionPlugins: options.disableAdmissionPlugins ?? [],
      }),
    );
    await server.start();
    const client = parts.use(new Client(server.loopbackConfig, { clock, logger }));
    const files = await Promise.all((options.crdFiles ?? []).map((file) => readFile(file, "utf8")));
    await installDefinitions(client, clock, [...files.flatMap(parseDefinitions), ...(options.crds ?? [])]);
    const { controllers = false } = options;
    if (controllers !== false) {
      const names = controllers === true ? {} : { controllers };
      await parts.use(new ControllerManager({ client, clock, logger, ...names })).start();
    }
    if (options.scheduler === true) await parts.use(new Scheduler({ client, clock, logger })).start();
    return new TestEnvironment(client, server, parts.move());
  }

  get url(): string {
    return this.#server.url;
  }

  /** How to reach the server as the administrator, for a Client of one's own. */
  get config(): RestConfig {
    return this.#server.loopbackConfig;
  }

  /** The same as a kubeconfig: for kubectl, `@kubernetes/client-node`'s loadFromString, or a program under test. It holds a private key. */
  get kubeconfig(): string {
    const { server, caData = "", clientCertData = "", clientKeyData = "" } = this.config;
    const base64 = (text: string): string => Buffer.from(text).toString("base64");
    return JSON.stringify({
      apiVersion: "v1",
      kind: "Config",
      "current-context": "test",
      contexts: [{ name: "test", context: { cluster: "test", user: "admin" } }],
      clusters: [{ name: "test", cluster: { server, "certificate-authority-data": base64(caData) } }],
      users: [
        {
          name: "admin",
          user: {
            "client-certificate-data": base64(clientCertData),
            "client-key-data": base64(clientKeyData),
          },
        },
      ],
    });
  }

  /** A namespace of its own for one test; its name. */
  async namespace(prefix = "test"): Promise<string> {
    const made = await this.client.resource(namespaces).create({ metadata: { generateName: `${prefix}-` } });
    return made.metadata?.name ?? "";
  }

  /** Ends everything, in the reverse of its start. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#parts.disposeAsync();
  }
}
