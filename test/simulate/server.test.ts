import assert from "node:assert/strict";
import test from "node:test";
import { Server } from "../../sidecar/simulate/server.ts";

const near = (actual: number, expected: number) =>
  assert.ok(Math.abs(actual - expected) < 1e-6, `${actual} is not ${expected}`);

function server(cores: number, speed = 1): Server {
  return new Server({ cores, speed, zone: "", priority: 0, weight: 1 });
}

test("requests share the cores evenly, and each core serves one request at most", () => {
  const one = server(1);
  one.arrive(0, 1, 10);
  one.arrive(0, 2, 20);
  near(one.nextDeparture(), 20);
  assert.equal(one.depart(20), 1);
  assert.equal(one.depart(20), -1);
  near(one.nextDeparture(), 30);

  const two = server(2);
  two.arrive(0, 1, 10);
  two.arrive(0, 2, 20);
  near(two.nextDeparture(), 10);
  assert.equal(two.depart(10), 1);
  near(two.nextDeparture(), 20);
});

test("a change of speed applies to the work that is left, and a pause stops it", () => {
  const paused = server(1, 2);
  paused.arrive(0, 1, 20);
  near(paused.nextDeparture(), 10);
  paused.advance(5);
  paused.speedFactor = 0;
  assert.equal(paused.nextDeparture(), Number.POSITIVE_INFINITY);
  paused.advance(100);
  paused.speedFactor = 1;
  near(paused.nextDeparture(), 105);
});

test("a server reports its rate of answers and the part of its cores that is busy", () => {
  const busy = server(2);
  for (let at = 0; at < 20_000; at += 10) {
    busy.arrive(at, 1, 10);
    assert.equal(busy.depart(at + 10), 1);
  }
  assert.ok(Math.abs(busy.answersPerSecond - 100) < 2, String(busy.answersPerSecond));
  assert.ok(Math.abs(busy.utilization - 0.5) < 0.01, String(busy.utilization));
});
