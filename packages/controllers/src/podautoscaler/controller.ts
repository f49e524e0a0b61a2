import type { HorizontalPodAutoscaler, HorizontalPodAutoscalerStatus, MetricStatus } from "@knots/api/autoscaling/v2";
import { horizontalPodAutoscalers } from "@knots/api/autoscaling/v2";
import type { Pod } from "@knots/api/core/v1";
import { pods } from "@knots/api/core/v1";
import type { EventRecorder, Informer } from "@knots/client";
import { isConflict, parseSelector, Quantity } from "@knots/machinery";
import type { Selector } from "@knots/machinery";
import { semanticEqual } from "../framework/equality.ts";
import { keyOf, metaOf } from "../framework/objects.ts";
import { concurrency } from "../framework/options.ts";
import { messageOf } from "../framework/pod-control.ts";
import { QueueController } from "../framework/queue-controller.ts";
import type { ControllerContext, ControllerInitializer } from "../framework/types.ts";
import { normalize } from "./behavior.ts";
import { combine } from "./combine.ts";
import { Conditions } from "./conditions.ts";
import { evaluate, MetricError } from "./evaluate.ts";
import type { Proposal } from "./evaluate.ts";
import { ScalingHistory } from "./history.ts";
import { MetricsClient } from "./metrics-client.ts";
import type { Tolerances } from "./replicas.ts";
import { ScaleTargets } from "../framework/scale-target.ts";
import type { Scale } from "../framework/scale-target.ts";

const NAME = "horizontal-pod-autoscaler-controller";

/** One look at an autoscaler: what is to be written when it ends, however it ends. */
interface Look {
  readonly hpa: HorizontalPodAutoscaler;
  readonly conditions: Conditions;
  metrics: MetricStatus[];
}

/** Scales what HorizontalPodAutoscalers point at, by their metrics, again and again. */
export class PodAutoscaler {
  readonly controller: QueueController;
  readonly #ctx: ControllerContext;
  readonly #autoscalers: Informer<HorizontalPodAutoscaler>;
  readonly #pods: Informer<Pod>;
  readonly #metrics: MetricsClient;
  readonly #targets: ScaleTargets;
  readonly #recorder: EventRecorder;
  readonly #histories = new Map<string, ScalingHistory>();
  /** The pods each autoscaler watches over: two over the same pods would fight. */
  readonly #selectors = new Map<string, { namespace: string; selector: Selector }>();

  constructor(ctx: ControllerContext) {
    const now = (): number => ctx.clock.now();
    this.#ctx = ctx;
    this.#autoscalers = ctx.informers.informer(horizontalPodAutoscalers);
    this.#pods = ctx.informers.informer(pods);
    this.#metrics = new MetricsClient(ctx.client, now);
    this.#targets = new ScaleTargets(ctx.client, now);
    this.#recorder = ctx.recorder("horizontal-pod-autoscaler");
    this.controller = new QueueController({
      name: NAME,
      ctx,
      workers: concurrency(ctx.options, "horizontal-pod-autoscaler"),
      reconcile: (key) => this.reconcile(key),
    });
    this.controller.own(
      this.#autoscalers.addHandler({
        add: (hpa) => this.controller.enqueue(hpa),
        update: (old, hpa) => {
          if (!semanticEqual(old.spec, hpa.spec)) this.controller.enqueue(hpa);
        },
        delete: (hpa) => {
          this.#histories.delete(keyOf(hpa));
          this.#selectors.delete(keyOf(hpa));
        },
      }),
    );
  }

  async reconcile(key: string): Promise<void | { requeueAfterMs: number }> {
    const hpa = this.#autoscalers.lister.get(key);
    if (hpa === undefined) return;
    try {
      await this.#look(hpa);
    } catch (error) {
      // Metrics are not to be had every second: no back-off, the next look comes at its time.
      this.#ctx.logger.warn({ hpa: key, error: messageOf(error) }, "an autoscaler could not be brought up to date");
    }
    return { requeueAfterMs: this.#ctx.options.hpaSyncPeriod };
  }

  async #look(hpa: HorizontalPodAutoscaler): Promise<void> {
    const now = this.#ctx.clock.now();
    const look: Look = { hpa, conditions: new Conditions(hpa.status?.conditions, now), metrics: [] };
    const { namespace } = metaOf(hpa);
    const reference = hpa.spec?.scaleTargetRef;
    if (reference === undefined) return;
    let scale: Scale;
    try {
      scale = await this.#targets.get(namespace, reference);
    } catch (error) {
      const why = messageOf(error);
      this.#recorder.event(hpa, "Warning", "FailedGetScale", why);
      look.conditions.set(
        "AbleToScale",
        "False",
        "FailedGetScale",
        `the HPA controller was unable to get the target's current scale: ${why}`,
      );
      await this.#write(look, hpa.status?.currentReplicas ?? 0, hpa.status?.desiredReplicas ?? 0, false);
      return;
    }
    look.conditions.set(
      "AbleToScale",
      "True",
      "SucceededGetScale",
      "the HPA controller was able to get the target's current scale",
    );
    await this.#scale(look, scale, now);
  }

  #history(hpa: HorizontalPodAutoscaler, current: number, now: number): ScalingHistory {
    const key = keyOf(hpa);
    let history = this.#histories.get(key);
    if (history === undefined) {
      this.#histories.set(key, (history = new ScalingHistory()));
      // After a restart what runs is what was recommended.
      history.recommend(current, now);
    }
    history.prune(hpa.spec?.behavior, this.#ctx.options.hpaDownscaleStabilization, now);
    return history;
  }

  async #scale(look: Look, scale: Scale, now: number): Promise<void> {
    const { hpa, conditions } = look;
    const current = scale.spec?.replicas ?? 0;
    const minReplicas = hpa.spec?.minReplicas ?? 1;
    const maxReplicas = hpa.spec?.maxReplicas ?? 1;
    const history = this.#history(hpa, current, now);
    let desired: number;
    let reason: string;
    if (current === 0 && minReplicas !== 0) {
      const why = "scaling is disabled since the replica count of the target is zero";
      conditions.set("ScalingActive", "False", "ScalingDisabled", why);
      await this.#write(look, current, 0, false);
      return;
    }
    if (current > maxReplicas) [desired, reason] = [maxReplicas, "Current number of replicas above Spec.MaxReplicas"];
    else if (current < minReplicas)
      [desired, reason] = [minReplicas, "Current number of replicas below Spec.MinReplicas"];
    else {
      const wanted = await this.#wanted(look, scale, current);
      if (wanted === undefined) {
        await this.#write(look, current, hpa.status?.desiredReplicas ?? 0, false);
        return;
      }
      const { stabilized, limited } = normalize({
        current,
        desired: wanted.replicas,
        min: minReplicas,
        max: maxReplicas,
        now,
        behavior: hpa.spec?.behavior,
        recommendations: history.recommendations,
        scaleUps: history.scaleUps,
        scaleDowns: history.scaleDowns,
        downscaleStabilization: this.#ctx.options.hpaDownscaleStabilization,
      });
      history.recommend(wanted.replicas, now);
      conditions.set("AbleToScale", "True", stabilized.reason, stabilized.message);
      const isLimited = limited.replicas !== stabilized.replicas;
      conditions.set("ScalingLimited", isLimited ? "True" : "False", limited.reason, limited.message);
      desired = limited.replicas;
      if (wanted.replicas > current) reason = `${wanted.metric} above target`;
      else reason = "All metrics below target";
    }
    if (desired !== current) await this.#rescale(look, scale, desired, reason, history, now);
    await this.#write(look, current, desired, desired !== current);
  }

  async #wanted(look: Look, scale: Scale, current: number): Promise<{ replicas: number; metric: string } | undefined> {
    const { hpa, conditions } = look;
    const { namespace } = metaOf(hpa);
    const own = this.#ownPods(look, scale.status?.selector ?? "");
    if (own === undefined) return undefined;
    const { hpaTolerance, hpaCPUInitializationPeriod, hpaInitialReadinessDelay } = this.#ctx.options;
    const ctx = {
      client: this.#metrics,
      namespace,
      selector: scale.status?.selector ?? "",
      statusReplicas: scale.status?.replicas ?? 0,
      groupResource: (of: { apiVersion?: string; kind: string; name: string }) => this.#targets.groupResource(of),
      current,
      pods: own,
      tolerances: tolerances(hpa, hpaTolerance),
      options: {
        now: this.#ctx.clock.now(),
        cpuInitializationPeriod: hpaCPUInitializationPeriod,
        initialReadinessDelay: hpaInitialReadinessDelay,
      },
    };
    const results = await Promise.all(
      (hpa.spec?.metrics ?? []).map(async (metric): Promise<Proposal | MetricError> => {
        try {
          return await evaluate(metric, ctx);
        } catch (error) {
          if (!(error instanceof MetricError)) throw error;
          this.#recorder.event(hpa, "Warning", error.reason, error.message);
          return error;
        }
      }),
    );
    look.metrics = results.flatMap((each) => (each instanceof MetricError ? [] : [each.status]));
    const { replicas, metric, condition, error } = combine(results, current);
    conditions.set(condition.type, condition.status, condition.reason ?? "", condition.message ?? "");
    if (replicas !== undefined) return { replicas, metric };
    this.#recorder.event(hpa, "Warning", "FailedComputeMetricsReplicas", error ?? "");
    return undefined;
  }

  /** The target's pods; undefined, with a condition that says so, where they cannot be told. */
  #ownPods({ hpa, conditions }: Look, text: string): Pod[] | undefined {
    const { namespace } = metaOf(hpa);
    const refuse = (reason: string, event: string, message: string): undefined => {
      this.#recorder.event(hpa, "Warning", event, message);
      conditions.set("ScalingActive", "False", reason, message);
      return undefined;
    };
    if (text === "")
      return refuse("InvalidSelector", "SelectorRequired", "the HPA target's scale is missing a selector");
    let selector: Selector;
    try {
      selector = parseSelector(text);
    } catch (error) {
      const why = `couldn't convert selector into a corresponding internal selector object: ${messageOf(error)}`;
      return refuse("InvalidSelector", "InvalidSelector", why);
    }
    const key = keyOf(hpa);
    this.#selectors.set(key, { namespace, selector });
    const own = this.#pods.lister.list(namespace, selector);
    const others = [...this.#selectors].filter(
      ([other, of]) =>
        other !== key && of.namespace === namespace && own.some((pod) => of.selector.matches(pod.metadata?.labels)),
    );
    if (others.length === 0) return own;
    const names = [key, ...others.map(([other]) => other)].toSorted().join(" ");
    const why = `pods by selector ${text} are controlled by multiple HPAs: [${names}]`;
    return refuse("AmbiguousSelector", "AmbiguousSelector", why);
  }

  async #rescale(
    look: Look,
    scale: Scale,
    desired: number,
    reason: string,
    history: ScalingHistory,
    now: number,
  ): Promise<void> {
    const { hpa, conditions } = look;
    const reference = hpa.spec?.scaleTargetRef;
    if (reference === undefined) return;
    const current = scale.spec?.replicas ?? 0;
    try {
      await this.#targets.set(metaOf(hpa).namespace, reference, scale, desired);
    } catch (error) {
      const why = messageOf(error);
      this.#recorder.event(hpa, "Warning", "FailedRescale", `New size: ${desired}; reason: ${reason}; error: ${why}`);
      const message = `the HPA controller was unable to update the target scale: ${why}`;
      conditions.set("AbleToScale", "False", "FailedUpdateScale", message);
      await this.#write(look, current, hpa.status?.desiredReplicas ?? 0, false);
      throw error;
    }
    const message = `the HPA controller was able to update the target scale to ${desired}`;
    conditions.set("AbleToScale", "True", "SucceededRescale", message);
    this.#recorder.event(hpa, "Normal", "SuccessfulRescale", `New size: ${desired}; reason: ${reason}`);
    history.scaled(current, desired, now);
  }

  async #write(look: Look, current: number, desired: number, rescaled: boolean): Promise<void> {
    const { hpa, conditions, metrics } = look;
    const generation = hpa.metadata?.generation;
    const lastScaleTime = rescaled ? conditions.now : hpa.status?.lastScaleTime;
    const status: HorizontalPodAutoscalerStatus = {
      ...(generation === undefined ? {} : { observedGeneration: generation }),
      ...(lastScaleTime === undefined ? {} : { lastScaleTime }),
      currentReplicas: current,
      desiredReplicas: desired,
      ...(metrics.length === 0 ? {} : { currentMetrics: metrics }),
      conditions: conditions.list,
    };
    if (semanticEqual(hpa.status, status)) return;
    try {
      await this.#ctx.client.resource(horizontalPodAutoscalers, metaOf(hpa).namespace).updateStatus({ ...hpa, status });
    } catch (error) {
      // Changed meanwhile: the next look writes what is true then.
      if (!isConflict(error)) throw error;
    }
  }
}

function tolerances({ spec }: HorizontalPodAutoscaler, byDefault: number): Tolerances {
  const of = (text: string | undefined): number => (text === undefined ? byDefault : Quantity.parse(text).asNumber());
  return { scaleUp: of(spec?.behavior?.scaleUp?.tolerance), scaleDown: of(spec?.behavior?.scaleDown?.tolerance) };
}

export const horizontalPodAutoscalerController: ControllerInitializer = {
  name: NAME,
  enabledByDefault: true,
  init: (ctx) => new PodAutoscaler(ctx).controller,
};
