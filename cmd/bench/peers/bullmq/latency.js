'use strict';

const { now } = require('./queue');
const { Latencies } = require('./load');

const sleep = (seconds) => new Promise((resolve) => setTimeout(resolve, seconds * 1000));

// pause sleeps as long as the request has pauses.
function pause(request) {
  const [mean, shortest, longest] = request.pause;
  return sleep(Math.max(shortest, Math.min(longest, -Math.log(1 - Math.random()) * mean)));
}

// pickUp measures from the call of add until the handler of an idle worker begins.
async function pickUp(bench, request) {
  let begun = () => {};
  await bench.work(1, async (job) => begun(job.data, now()));
  const latencies = new Latencies(), start = now();
  let ops = 0;
  while (ops === 0 || now() - start < request.seconds) {
    await pause(request);
    const ran = new Promise((resolve, reject) => {
      const late = setTimeout(() => reject(new Error('WRONG RESULT: a job was put and nobody ran it')), 10_000);
      begun = (data, at) => { clearTimeout(late); resolve([data, at]); };
    });
    const put = now();
    await bench.queue.add('bench', bench.payload(ops));
    const [data, at] = await ran;
    if (data !== bench.payload(ops)) throw new Error('WRONG RESULT: a job is not what was put');
    latencies.record(at - put);
    ops++;
  }
  const seconds = now() - start;
  await end(bench);
  return { ops, seconds, latencies };
}

// end closes the workers, so that the next request has some of its own.
async function end(bench) {
  await bench.stop();
  if (bench.wrong) throw new Error(bench.wrong);
}

// delayed measures by how much jobs start late.
async function delayed(bench, request) {
  const due = new Map(), latencies = new Latencies(), [shortest, longest] = request.delay, start = now();
  let early = 0, earliest = 0, ops = 0;
  await bench.work(bench.setup.workers, async (job) => {
    const late = now() - due.get(job.id);
    if (!due.delete(job.id)) bench.wrong ??= 'WRONG RESULT: a delayed job was run twice';
    if (late < -1e-3) {
      early++;
      earliest = Math.max(earliest, -late * 1e3);
    }
    latencies.record(Math.max(late, 1e-6));
  });
  for (; ops === 0 || now() - start < request.seconds; ops++) {
    await pause(request);
    const delay = Math.floor((shortest + Math.random() * (longest - shortest)) * 1000), jobId = `d${ops}-${process.pid}`;
    due.set(jobId, now() + delay / 1000);
    await bench.queue.add('bench', bench.payload(ops), { delay, jobId });
  }
  await bench.until(() => due.size === 0, longest + 10);
  if (due.size > 0) throw new Error('WRONG RESULT: delayed jobs were not run');
  const seconds = now() - start;
  await end(bench);
  return { ops, seconds, early, earliest_ms: earliest, latencies };
}

module.exports = { pickUp, delayed };
