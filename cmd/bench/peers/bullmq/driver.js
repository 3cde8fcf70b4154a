// Drives BullMQ for the load tester: see ../../internal/driver for what it reads and answers. The settings are in
// queue.js, and why.
'use strict';

const readline = require('node:readline');
const { once } = require('node:events');
const { Bench } = require('./queue');
const { Latencies, put } = require('./load');
const { pickUp, delayed } = require('./latency');

async function handle(bench, request) {
  switch (request.do) {
    case 'put': return put(bench, request);
    case 'fill': return bench.fill(request.jobs);
    case 'run': return bench.run(request.seconds);
    case 'end': return bench.end();
    case 'pickup': return pickUp(bench, request);
    case 'delayed': return delayed(bench, request);
  }
  throw new Error(`BullMQ cannot be asked to ${request.do}`);
}

// answer waits until the line is out of our hands.
async function answer(reply) {
  if (!process.stdout.write(JSON.stringify(reply) + '\n')) await once(process.stdout, 'drain');
}

async function main() {
  const hello = { version: require('bullmq/package.json').version, runtime: `node ${process.version}` };
  let bench;
  for await (const line of readline.createInterface({ input: process.stdin })) {
    const request = JSON.parse(line);
    if (!bench) {
      try {
        bench = new Bench(request);
        await bench.ready();
        await answer(hello);
      } catch (err) {
        await answer({ ...hello, error: String(err) });
      }
      continue;
    }
    const before = process.cpuUsage();
    let reply;
    try {
      reply = await handle(bench, request);
    } catch (err) {
      reply = { error: String(err) };
    }
    const used = process.cpuUsage(before);
    if (reply.latencies instanceof Latencies) {
      reply = { ...reply, ...reply.latencies.percentiles(), latencies: undefined };
    }
    await answer({ ...reply, cpu_s: (used.user + used.system) / 1e6 });
  }
  if (bench) await bench.close();
}

main().catch((err) => {
  console.error('bullmq driver:', err);
  process.exit(1); // connections would keep us alive
});
