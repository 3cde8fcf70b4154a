'use strict';

const { createHistogram } = require('node:perf_hooks');
const { now } = require('./queue');

// Latencies is an HDR histogram with three digits, like the other systems'.
class Latencies {
  constructor() { this.histogram = createHistogram({ lowest: 1, highest: 60_000_000_000, figures: 3 }); }

  record(seconds) { this.histogram.record(Math.max(1, Math.round(seconds * 1e9))); }

  percentiles() {
    const at = (percentile) => this.histogram.percentile(percentile) / 1e3;
    return this.histogram.count ? { p50_us: at(50), p99_us: at(99), p999_us: at(99.9) } : {};
  }
}

// add puts per jobs in one call, from number n on.
function add(bench, n, per) {
  if (per === 1) return bench.queue.add('bench', bench.payload(n));
  return bench.queue.addBulk(Array.from({ length: per }, (_, i) => ({ name: 'bench', data: bench.payload(n + i) })));
}

async function put(bench, request) {
  return request.rate > 0 ? open(bench, request) : closed(bench, request);
}

// closed: each caller makes its next call when the last one came back.
async function closed(bench, request) {
  const per = request.per_call, latencies = new Latencies(), start = now(), end = start + request.seconds;
  let ops = 0;
  const caller = async (c) => {
    let begun = now();
    for (let n = 0; begun < end; n++) {
      await add(bench, c * 104729 + n * 7919, per);
      ops += per;
      const came = now();
      latencies.record(came - begun);
      begun = came;
    }
  };
  await Promise.all(Array.from({ length: bench.setup.callers }, (_, c) => caller(c)));
  return { ops, seconds: now() - start, latencies };
}

// open: calls are due at a fixed rate, at most as many at once as there are callers. It looks at the clock in each turn
// of the event loop, since timers are exact to a millisecond only.
async function open(bench, request) {
  const per = request.per_call, latencies = new Latencies(), start = now();
  const all = Math.ceil(request.seconds * request.rate);
  let begun = 0, under = 0, ops = 0;
  while (now() < start + request.seconds) {
    for (; begun < all && under < bench.setup.callers && start + begun / request.rate <= now(); begun++, under++) {
      const due = start + begun / request.rate;
      add(bench, begun * 7919, per).then(() => {
        ops += per;
        latencies.record(now() - due);
      }).catch(bench.failed).finally(() => under--);
    }
    await new Promise(setImmediate);
  }
  await bench.until(() => under === 0, 60);
  if (bench.wrong) throw new Error(bench.wrong);
  return { ops, seconds: now() - start, late: all - begun, latencies };
}

module.exports = { Latencies, put };
