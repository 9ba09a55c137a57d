/** What can happen in a run; a and b of the event are given in brackets. */
export const EVENT = Object.freeze({
  /** (version of the rate) */
  requestBegins: 0,
  /** (attempt) */
  reachesServer: 1,
  /** (server, version of its schedule) */
  serverFinishes: 2,
  /** (attempt, outcome) */
  answerArrives: 3,
  /** (attempt) */
  tryTimesOut: 4,
  /** (process of a fault) */
  faultMoves: 5,
  /** (client) */
  policyTicks: 6,
  /** (timer) */
  timerFires: 7,
  /** (number of the sample) */
  sampleTaken: 8,
  /** (probe) */
  probeReachesServer: 9,
  /** (probe) */
  probeReturns: 10,
  /** (number of the rate) */
  rateChanges: 11,
  /** (client and endpoint) */
  checkBegins: 12,
  /** (client and endpoint, 1 when it passed) */
  checkEnds: 13,
});
