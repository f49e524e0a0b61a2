// Controllers that are killed at a thousand writes come to the end that they come to when left alone.
import { afterAll, expect, test } from "vitest";
import { Random } from "../fuzz/random.ts";
import { SCENARIOS } from "./scenarios.ts";
import { stateOf } from "./state.ts";
import { World } from "./world.ts";

/** Writes of one life at most: the fewer, the more lives a scenario takes. */
const MOST_WRITES = 4;
/** Fake time in which what was left over would be seen to. */
const AFTERWARDS_MS = 60_000;

let kills = 0;

test.each(SCENARIOS)("$name", { timeout: 120_000 }, async (scenario) => {
  const { rounds, compared, garbage } = scenario;
  await using world = await World.start(scenario);
  const run = async (name: string, seed: number | undefined): Promise<string[]> => {
    const deaths = seed === undefined ? undefined : { random: new Random(seed), most: MOST_WRITES };
    const namespace = await world.begin(name, deaths, scenario.outcomes?.());
    await scenario.play(world, namespace);
    await world.peace();
    await world.pass(AFTERWARDS_MS);
    const state = await stateOf(world.client, namespace, compared, garbage === true);
    await world.clear(namespace);
    return state;
  };
  const undisturbed = await run("undisturbed", undefined);
  expect(undisturbed).not.toEqual([]);
  for (let seed = 1; seed <= rounds; seed++) {
    const state = await run(`seed-${seed}`, seed);
    expect(state, `seed ${seed}; killed at\n${world.log.join("\n")}`).toEqual(undisturbed);
  }
  kills += world.kills;
});

afterAll(() => {
  expect(kills).toBeGreaterThanOrEqual(1000);
});
