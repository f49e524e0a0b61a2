import type { Secret, ServiceAccount } from "@knots/api/core/v1";
import { secrets, serviceAccounts } from "@knots/api/core/v1";
import type { Informer } from "@knots/client";
import { isConflict, isNotFound } from "@knots/machinery";
import { metaOf } from "../framework/objects.ts";
import { concurrency } from "../framework/options.ts";
import { QueueController } from "../framework/queue-controller.ts";
import type { ControllerContext, ControllerInitializer } from "../framework/types.ts";
import { idle } from "../rootca/controller.ts";
import { ACCOUNT_NAME, filled, isTokenOf, TOKEN_TYPE } from "./secrets.ts";
import type { TokenContent } from "./secrets.ts";
import { tokenSigner } from "./signer.ts";

const NAME = "serviceaccount-token-controller";

/** Fills Secrets of type kubernetes.io/service-account-token, and deletes them with their account. */
class TokensController {
  readonly controller: QueueController;
  readonly #ctx: ControllerContext;
  readonly #content: TokenContent;
  readonly #secrets: Informer<Secret>;
  readonly #accounts: Informer<ServiceAccount>;

  constructor(ctx: ControllerContext, key: string) {
    this.#ctx = ctx;
    this.#content = { rootCA: ctx.options.rootCA, sign: tokenSigner(key) };
    this.#secrets = ctx.informers.informer(secrets, { fieldSelector: `type=${TOKEN_TYPE}` });
    this.#accounts = ctx.informers.informer(serviceAccounts);
    this.controller = new QueueController({
      name: NAME,
      ctx,
      workers: concurrency(ctx.options, "serviceaccount-token"),
      reconcile: (secret) => this.reconcile(secret),
    });
    const enqueue = (secret: Secret): void => this.controller.enqueue(secret);
    this.controller.own(
      this.#secrets.addHandler({
        add: enqueue,
        update: (_old, secret) => enqueue(secret),
        delete: (secret) => void this.#unreference(secret),
      }),
    );
    const accountChanged = (account: ServiceAccount): void => {
      for (const secret of this.#secrets.lister.list(account.metadata?.namespace))
        if (secret.metadata?.annotations?.[ACCOUNT_NAME] === account.metadata?.name) enqueue(secret);
    };
    this.controller.own(this.#accounts.addHandler({ add: accountChanged, delete: accountChanged }));
  }

  async reconcile(key: string): Promise<void> {
    const secret = this.#secrets.lister.get(key);
    if (secret === undefined || secret.metadata?.deletionTimestamp !== undefined) return;
    const { name, namespace, uid } = metaOf(secret);
    const client = this.#ctx.client.resource(secrets, namespace);
    const account = await this.#accountOf(secret);
    try {
      if (account === undefined) await client.delete(name, { preconditions: { uid } });
      else {
        const next = await filled(secret, account, this.#content);
        if (next !== undefined) await client.update(next);
      }
    } catch (error) {
      if (!isNotFound(error)) throw error;
    }
  }

  /** The cache may not know an account yet that was made just before its Secret: only the server's word deletes one. */
  async #accountOf(secret: Secret): Promise<ServiceAccount | undefined> {
    const { namespace } = metaOf(secret);
    const name = secret.metadata?.annotations?.[ACCOUNT_NAME] ?? "";
    const cached = this.#accounts.lister.get(`${namespace}/${name}`);
    if (cached !== undefined && isTokenOf(secret, cached)) return cached;
    try {
      const live = await this.#ctx.client.resource(serviceAccounts, namespace).get(name);
      return isTokenOf(secret, live) ? live : undefined;
    } catch (error) {
      if (isNotFound(error)) return undefined;
      throw error;
    }
  }

  /** An account that lists a Secret which is gone loses the reference. */
  async #unreference(secret: Secret): Promise<void> {
    const { namespace, name } = metaOf(secret);
    const account = this.#accounts.lister.get(`${namespace}/${secret.metadata?.annotations?.[ACCOUNT_NAME] ?? ""}`);
    if (account === undefined || !isTokenOf(secret, account)) return;
    const listed = account.secrets ?? [];
    if (!listed.some((each) => each.name === name)) return;
    try {
      await this.#ctx.client
        .resource(serviceAccounts, namespace)
        .update({ ...account, secrets: listed.filter((each) => each.name !== name) });
    } catch (error) {
      // A reference to nothing does no harm; who changed the account meanwhile has the last word.
      if (isConflict(error) || isNotFound(error)) return;
      this.#ctx.logger.warn({ err: error, secret: `${namespace}/${name}` }, "cannot take a reference from its account");
    }
  }
}

export const serviceAccountTokenController: ControllerInitializer = {
  name: NAME,
  enabledByDefault: true,
  init(ctx) {
    const { serviceAccountPrivateKey } = ctx.options;
    if (serviceAccountPrivateKey !== undefined) return new TokensController(ctx, serviceAccountPrivateKey).controller;
    ctx.logger.warn("no --service-account-private-key-file: Secrets for service-account tokens are not filled");
    return idle(NAME);
  },
};
